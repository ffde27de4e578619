"""Each request says who is calling, and sees that user's tasks alone."""

import uuid
from typing import Any

import pytest

from local.direct import ROUTES, event, token
from tests.support.api import Client, invoke
from tests.support.contract import TASK_FUNCTIONS


def unauthorized(message: str) -> dict[str, Any]:
    return {"error": "unauthorized", "message": message}


MISMATCH = unauthorized("User ID mismatch") | {
    "details": {"field": "user_id", "constraint": "the token's sub"}
}


@pytest.mark.parametrize("function", TASK_FUNCTIONS)
@pytest.mark.parametrize(
    ("id", "query", "body"),
    [
        ("1", "", '{"title": "a"}'),
        ("abc", "limit=none", "{"),
        ("1", "", b"\xff"),
        ("1", "", "x" * 70_000),
        ("1", "", "[]"),
        ("1", "", None),
    ],
    ids=["valid", "invalid", "not UTF-8", "too large", "not an object", "no body"],
)
def test_asks_for_a_token_before_anything_else(
    database: str, function: str, id: str, query: str, body: str | bytes | None
) -> None:
    path = {"user_id": "alice", "task_id": id}
    sent = event(ROUTES[function], path=path, query=query, body=body)

    answer = invoke(function, sent)

    assert answer.status == 401
    assert answer.json == unauthorized("Missing bearer token")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("function", TASK_FUNCTIONS)
@pytest.mark.parametrize(
    ("id", "body"),
    [("1", "{}"), ("abc", "{"), ("1", "x" * 70_000)],
    ids=["valid", "invalid", "too large"],
)
def test_a_bad_token_is_the_first_thing_it_says(
    database: str, function: str, id: str, body: str
) -> None:
    path = {"user_id": "alice", "task_id": id}
    headers = {"authorization": "Bearer nonsense"}

    answer = invoke(
        function, event(ROUTES[function], path=path, headers=headers, body=body)
    )

    assert answer.status == 401
    assert answer.json == unauthorized("Invalid or expired JWT token")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("function", TASK_FUNCTIONS)
def test_a_token_opens_one_users_paths(user: Client, function: str) -> None:
    path = {"user_id": "someone else", "task_id": "1"}
    headers = {"authorization": f"Bearer {token(user.user_id)}"}

    answer = invoke(function, event(ROUTES[function], path=path, headers=headers))

    assert answer.status == 401
    assert answer.json == MISMATCH
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


USER_IDS = {
    "pipe": "auth0|12345",
    "slash": "a/b",
    "encoded slash": "a%2Fb",
    "percent": "100%",
    "percent escape": "%41",
    "spaces": " a b ",
    "plus": "a+b@example.com",
    "question": "who?&x=1#y",
    "dots": "..",
    "non-ASCII": "ユーザー-é-🎉",
    "braces": "{user_id}",
    "255 characters": "é" * 255,
    "quotes": "'; DROP TABLE tasks; --",
}


@pytest.mark.parametrize("user_id", USER_IDS.values(), ids=USER_IDS)
def test_a_user_id_may_be_any_text(database: str, user_id: str) -> None:
    user = Client(f"{user_id[:223]}{uuid.uuid4().hex}")

    task = user.create()

    assert task["user_id"] == user.user_id
    assert user.send("list_tasks").json == [task]
    assert user.send("get_task", task["id"]).json == task
    assert user.send("complete_task", task["id"]).json["completed"] is True
    assert user.send("delete_task", task["id"]).status == 204


def test_user_ids_that_decode_alike_are_different(database: str) -> None:
    headers = {"authorization": f"Bearer {token('a/b')}"}

    answer = invoke(
        "list_tasks",
        event(ROUTES["list_tasks"], path={"user_id": "a%2Fb"}, headers=headers),
    )

    assert answer.json == MISMATCH
