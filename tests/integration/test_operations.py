"""What each operation does, through the real handlers and a real Postgres."""

import re

import pytest

from local.direct import ROUTES, event
from taskapi.tasks.fields import NAMES
from tests.support.api import Client, invoke

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
FIRST_NAMES = [
    "id",
    "title",
    "description",
    "completed",
    "user_id",
    "created_at",
    "updated_at",
    "etag",
]
"""The fields of the first release, in their order; others may stand between them."""


def test_creates_a_task(user: Client) -> None:
    answer = user.send(
        "create_task", json_body={"title": " Buy groceries\n", "user_id": "x", "id": 7}
    )

    task = answer.json
    assert answer.status == 201
    assert list(task) == list(NAMES)
    assert [name for name in task if name in FIRST_NAMES] == FIRST_NAMES
    assert task["title"] == "Buy groceries"
    assert task["description"] is None
    assert task["completed"] is False
    assert task["user_id"] == user.user_id
    assert TIME.fullmatch(task["created_at"])
    assert task["updated_at"] == task["created_at"]
    path = user.user_id.replace("|", "%7C")
    assert answer.headers["location"] == f"/api/{path}/tasks/{task['id']}"
    assert re.fullmatch(r'"[^"]+"', task["etag"])
    assert task["etag"] == answer.headers["etag"]
    assert answer.headers["content-type"] == "application/json"


def test_creates_a_task_with_every_field(user: Client) -> None:
    sent = {"title": "a", "description": "line\n\ttwo\r", "completed": True}

    task = user.send("create_task", json_body=sent).json

    assert task == task | sent


def test_lists_the_newest_first(user: Client) -> None:
    created = [user.create(f"task {n}") for n in range(3)]

    answer = user.send("list_tasks")

    assert answer.status == 200
    assert answer.json == created[::-1]
    assert "link" not in answer.headers


def test_lists_nothing_as_an_empty_array(user: Client) -> None:
    answer = user.send("list_tasks")

    assert (answer.status, answer.text) == (200, "[]")


def test_gets_a_task(user: Client) -> None:
    task = user.create()

    answer = user.send("get_task", task["id"])

    assert (answer.status, answer.json) == (200, task)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_changes_only_the_fields_sent(user: Client, method: str) -> None:
    task = user.create("a", description="kept", completed=True)

    answer = user.send(
        "update_task", task["id"], json_body={"title": "b"}, method=method
    )

    assert answer.status == 200
    assert answer.json == task | {
        "title": "b",
        "updated_at": answer.json["updated_at"],
        "etag": answer.headers["etag"],
    }
    assert answer.json["updated_at"] > task["updated_at"]
    assert answer.json == user.send("get_task", task["id"]).json


def test_null_clears_the_description(user: Client) -> None:
    task = user.create("a", description="gone")

    answer = user.send("update_task", task["id"], json_body={"description": None})

    assert answer.json["description"] is None


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (None, ""),
        ("", "text/plain"),
        ("", "application/json"),
        (b"", "image/png"),
        ("{}", "application/json"),
        (b" { } ", "application/json"),
        ('{"foo": 1, "Completed": true, "title": 7}', "application/json"),
    ],
    ids=[
        "no body",
        "empty text",
        "empty JSON",
        "empty binary",
        "an empty object",
        "an empty object in base64",
        "unknown fields",
    ],
)
def test_toggles_without_a_body(
    user: Client, body: str | bytes | None, content_type: str
) -> None:
    task = user.create()

    toggled = [
        user.send(
            "complete_task",
            task["id"],
            body=body,
            headers={"content-type": content_type},
        ).json["completed"]
        for _ in range(3)
    ]

    assert toggled == [True, False, True]


@pytest.mark.parametrize("completed", [True, False])
def test_sets_completed(user: Client, completed: bool) -> None:
    task = user.create(completed=True)

    answer = user.send("complete_task", task["id"], json_body={"completed": completed})

    assert (answer.status, answer.json["completed"]) == (200, completed)


def test_deletes_a_task(user: Client) -> None:
    task = user.create()

    answer = user.send("delete_task", task["id"])

    assert (answer.status, answer.text) == (204, "")
    assert "content-type" not in answer.headers
    assert user.send("get_task", task["id"]).status == 404
    assert user.send("delete_task", task["id"]).status == 404


def test_ids_are_not_reused(user: Client) -> None:
    task = user.create()
    user.send("delete_task", task["id"])

    assert user.create()["id"] > task["id"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_says_that_it_is_healthy(method: str) -> None:
    answer = invoke("health", event(f"{method} /health"))

    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert answer.headers["cache-control"] == "no-store"


def test_every_answer_has_the_common_headers(user: Client) -> None:
    sent = event(ROUTES["get_task"], path={"user_id": user.user_id, "task_id": "1"})

    refused = invoke("get_task", sent)
    found = user.send("get_task", user.create()["id"])

    assert refused.headers["x-request-id"] == sent["requestContext"]["requestId"]
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert refused.headers["cache-control"] == "no-store"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["cache-control"] == "private, no-cache"
