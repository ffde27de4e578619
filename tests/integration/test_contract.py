"""The contract, row by row, through the real handlers and a real Postgres."""

import io
import json
import re
import uuid
from typing import Any

import pytest

from tests.api import ROUTES, Client, event, invoke, token

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

TITLE_RULE = {
    "error": "validation_error",
    "message": "Title is required and must be between 1 and 200 characters",
    "details": {"field": "title", "constraint": "min_length=1, max_length=200"},
}
NOT_FOUND = {"error": "not_found", "message": "Task not found"}
TASK_FUNCTIONS = [name for name in ROUTES if name != "health"]
ONE_TASK_FUNCTIONS = ["get_task", "update_task", "complete_task", "delete_task"]


def test_creates_a_task(user: Client) -> None:
    answer = user.send(
        "create_task", json_body={"title": " Buy groceries\n", "user_id": "x", "id": 7}
    )

    task = answer.json
    assert answer.status == 201
    assert list(task) == [
        "id",
        "title",
        "description",
        "completed",
        "user_id",
        "created_at",
        "updated_at",
    ]
    assert task["title"] == "Buy groceries"
    assert task["description"] is None
    assert task["completed"] is False
    assert task["user_id"] == user.user_id
    assert TIME.fullmatch(task["created_at"])
    assert task["updated_at"] == task["created_at"]
    path = user.user_id.replace("|", "%7C")
    assert answer.headers["location"] == f"/api/{path}/tasks/{task['id']}"
    assert re.fullmatch(r'"[^"]+"', answer.headers["etag"])
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
    }
    assert answer.json["updated_at"] > task["updated_at"]
    assert answer.json == user.send("get_task", task["id"]).json


def test_null_clears_the_description(user: Client) -> None:
    task = user.create("a", description="gone")

    answer = user.send("update_task", task["id"], json_body={"description": None})

    assert answer.json["description"] is None


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(None, ""), ("", "text/plain"), ("", "application/json"), (b"", "image/png")],
    ids=["no body", "empty text", "empty JSON", "empty binary"],
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


def test_says_that_it_is_healthy() -> None:
    answer = invoke("health", event("GET /health"))

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


# Bodies

UNREADABLE = {
    "missing": None,
    "empty": "",
    "blank": "  ",
    "cut off": '{"title": "a"',
    "two values": '{"title": "a"} {}',
    "single quotes": "{'title': 'a'}",
    "NaN": '{"title": "a", "x": NaN}',
    "a number of 5,000 digits": '{"title": "a", "x": ' + "1" * 5000 + "}",
    "nested too deep": "[" * 30_000,
    "latin-1": b'{"title": "\xe9"}',
    "UTF-16": '{"title": "a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"title": "a"}',
}


@pytest.mark.parametrize("function", ["create_task", "update_task"])
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_refuses_what_is_not_json(
    user: Client, function: str, body: str | bytes | None
) -> None:
    answer = user.send(
        function,
        1 if function == "update_task" else None,
        body=body,
        headers={"content-type": "application/json"},
    )

    assert answer.status == 400
    assert set(answer.json) == {"error", "message"}
    assert answer.json["error"] == "bad_request"


def test_says_where_json_is_broken(user: Client) -> None:
    answer = user.send("create_task", body='{"title": "secret",\n oops}')

    assert answer.json == {
        "error": "bad_request",
        "message": "The body must be valid JSON in UTF-8: Expecting property name "
        "enclosed in double quotes at line 2, column 2",
    }


@pytest.mark.parametrize(
    "declared", ["", "text/plain", "application/x-www-form-urlencoded", "json"]
)
def test_refuses_json_that_is_not_declared(user: Client, declared: str) -> None:
    answer = user.send(
        "create_task", body='{"title": "a"}', headers={"content-type": declared}
    )

    assert answer.status == 400
    assert answer.json == {
        "error": "bad_request",
        "message": "The body must be declared as JSON, with Content-Type: "
        "application/json",
    }


@pytest.mark.parametrize(
    "declared",
    ["application/json; charset=utf-8", "Application/JSON", "application/merge+json"],
)
def test_takes_json_however_it_is_declared(user: Client, declared: str) -> None:
    answer = user.send(
        "create_task", body='{"title": "a"}', headers={"content-type": declared}
    )

    assert answer.status == 201


def test_takes_a_base64_body(user: Client) -> None:
    body = json.dumps({"title": "Ünïcödé 🎉"}, ensure_ascii=False).encode()

    assert user.send("create_task", body=body).json["title"] == "Ünïcödé 🎉"


def test_refuses_a_large_body(user: Client) -> None:
    head, tail = '{"title": "a", "x": "', '"}'
    filling = "x" * (65536 - len(head) - len(tail))

    fits = user.send("create_task", body=head + filling + tail)
    too_large = user.send("create_task", body=head + filling + "x" + tail)

    assert fits.status == 201
    assert too_large.status == 413
    assert too_large.json == {
        "error": "payload_too_large",
        "message": "The body must be at most 65536 bytes",
    }


# Values

BAD_TITLES = {
    "missing": {},
    "null": {"title": None},
    "empty": {"title": ""},
    "blank": {"title": " \t\n\u2003"},
    "a number": {"title": 1},
    "a list": {"title": ["a"]},
    "201 characters": {"title": "x" * 201},
    "201 emoji": {"title": "🎉" * 201},
}


@pytest.mark.parametrize("body", BAD_TITLES.values(), ids=BAD_TITLES)
def test_refuses_a_bad_title(user: Client, body: dict[str, object]) -> None:
    created = user.send("create_task", json_body=body)

    assert (created.status, created.json) == (422, TITLE_RULE)
    if body:
        changed = user.send("update_task", 1, json_body=body)
        assert (changed.status, changed.json) == (422, TITLE_RULE)


@pytest.mark.parametrize(
    "title", ["x", "x" * 200, "🎉" * 200, "%_\\", "ñ", "e\u0301", "\u202e", "'; --"]
)
def test_keeps_a_title_to_the_letter(user: Client, title: str) -> None:
    task = user.create(f" \u00a0{title}\u3000 ")

    assert task["title"] == title
    assert user.send("get_task", task["id"]).json["title"] == title


BAD_CHARACTERS = {
    "NUL": ("\x00", "control characters", "no controls"),
    "bell": ("\x07", "control characters", "no controls"),
    "delete": ("\x7f", "control characters", "no controls"),
    "C1": ("\x9b", "control characters", "no controls"),
    "lone surrogate": ("\ud800", "lone surrogates", "no surrogates"),
    "swapped surrogates": ("\udc00\ud800", "lone surrogates", "no surrogates"),
}


@pytest.mark.parametrize("function", ["create_task", "update_task"])
@pytest.mark.parametrize("field", ["title", "description"])
@pytest.mark.parametrize(
    ("characters", "name", "constraint"), BAD_CHARACTERS.values(), ids=BAD_CHARACTERS
)
def test_refuses_bad_characters(
    user: Client, function: str, field: str, characters: str, name: str, constraint: str
) -> None:
    body = {"title": "a", field: f"a{characters}b"}

    answer = user.send(function, {"update_task": 1}.get(function), json_body=body)

    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": f"{field.capitalize()} must not contain {name}",
        "details": {"field": field, "constraint": constraint},
    }


def test_a_title_is_one_line(user: Client) -> None:
    answer = user.send("create_task", json_body={"title": "a\nb"})

    assert answer.json["message"] == "Title must not contain control characters"


@pytest.mark.parametrize(
    "description", ["x" * 5001, 1, True, ["a"], {}], ids=lambda value: str(value)[:9]
)
def test_refuses_a_bad_description(user: Client, description: object) -> None:
    answer = user.send(
        "create_task", json_body={"title": "a", "description": description}
    )

    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": "Description must be null or text of at most 5000 characters",
        "details": {"field": "description", "constraint": "max_length=5000"},
    }


def test_takes_the_longest_description(user: Client) -> None:
    assert user.create("a", description="🎉" * 5000)["description"] == "🎉" * 5000


@pytest.mark.parametrize("completed", [0, 1, "true", "", None, [], 1.0], ids=repr)
@pytest.mark.parametrize("function", ["create_task", "update_task", "complete_task"])
def test_completed_is_a_boolean_and_nothing_else(
    user: Client, function: str, completed: object
) -> None:
    task = user.create()
    body = {"title": "a", "completed": completed}

    answer = user.send(
        function, None if function == "create_task" else task["id"], json_body=body
    )

    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": "Completed must be true or false",
        "details": {"field": "completed", "constraint": "boolean"},
    }


@pytest.mark.parametrize("function", ["create_task", "update_task", "complete_task"])
@pytest.mark.parametrize("body", ["null", "[]", "1", '"title"', "true", '[{"a": 1}]'])
def test_a_body_is_an_object(user: Client, function: str, body: str) -> None:
    answer = user.send(function, {"create_task": None}.get(function, 1), body=body)

    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": "The body must be a JSON object",
        "details": {"field": "body", "constraint": "object"},
    }


@pytest.mark.parametrize("body", [{}, {"id": 1, "user_id": "x", "created_at": None}])
def test_an_update_changes_something(user: Client, body: dict[str, object]) -> None:
    answer = user.send("update_task", user.create()["id"], json_body=body)

    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": "At least one of title, description and completed must be sent",
        "details": {
            "field": "body",
            "constraint": "title, description or completed",
        },
    }


def test_a_complete_with_a_body_says_what_it_sets(user: Client) -> None:
    answer = user.send("complete_task", user.create()["id"], json_body={})

    assert answer.status == 422
    assert answer.json["details"]["field"] == "completed"


def test_lists_every_invalid_field(user: Client) -> None:
    answer = user.send("create_task", json_body={"title": "", "completed": "yes"})

    assert answer.json["message"] == TITLE_RULE["message"]
    assert answer.json["details"] == {
        "field": "title",
        "constraint": "min_length=1, max_length=200",
        "errors": [
            {
                "field": "title",
                "constraint": "min_length=1, max_length=200",
                "message": "Title is required and must be between 1 and 200 characters",
            },
            {
                "field": "completed",
                "constraint": "boolean",
                "message": "Completed must be true or false",
            },
        ],
    }


def test_ignores_unknown_fields_and_parameters(user: Client) -> None:
    answer = user.send("list_tasks", query={"page": "2", "user_id": "x"})

    assert user.create("a", priority="high", user_id="x", id=-1)["title"] == "a"
    assert answer.status == 200


BAD_QUERIES = {
    "limit=0": "Limit must be a whole number from 1 to 200",
    "limit=201": "Limit must be a whole number from 1 to 200",
    "limit=ten": "Limit must be a whole number from 1 to 200",
    "limit=": "Limit must be a whole number from 1 to 200",
    f"limit={10**30}": "Limit must be a whole number from 1 to 200",
    "status=done": "Status must be all, pending or completed",
    "status=": "Status must be all, pending or completed",
    "sort=id": "Sort must be created, updated or title",
    "order=down": "Order must be asc or desc",
    "search=": "Search must be between 1 and 200 characters",
    "search=" + "x" * 201: "Search must be between 1 and 200 characters",
    "search=%00": "Search must not contain control characters",
}


@pytest.mark.parametrize(("query", "message"), BAD_QUERIES.items(), ids=BAD_QUERIES)
def test_refuses_a_bad_query(user: Client, query: str, message: str) -> None:
    answer = user.send("list_tasks", query=query)

    assert answer.status == 422
    assert answer.json["error"] == "validation_error"
    assert answer.json["message"] == message
    assert answer.json["details"]["field"] == query.partition("=")[0]


# Ids

NOT_IDS = [
    "abc",
    "-1",
    "0",
    "1.0",
    "+1",
    "01",
    "1_0",
    "1e3",
    "٣",
    " 1",
    "1\n",
    "\x00",
    str(10**30),
    str(2**63),
    "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "1/2",
    "1%2F2",
    "{task_id}",
]


@pytest.mark.parametrize("function", ONE_TASK_FUNCTIONS)
@pytest.mark.parametrize("id", [*NOT_IDS, str(2**63 - 1)], ids=repr)
def test_finds_no_task_under_what_is_not_its_id(
    user: Client, function: str, id: str
) -> None:
    body = {"title": "a"} if function == "update_task" else None

    answer = user.send(function, id, json_body=body)

    assert (answer.status, answer.json) == (404, NOT_FOUND)


@pytest.mark.parametrize("function", ONE_TASK_FUNCTIONS)
def test_hides_someone_elses_task(user: Client, other: Client, function: str) -> None:
    task = user.create()
    body = {"title": "mine now"} if function == "update_task" else None

    answer = other.send(function, task["id"], json_body=body)

    assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert user.send("get_task", task["id"]).json == task
    assert other.send("list_tasks").json == []


# Who is calling


def unauthorized(message: str) -> dict[str, str]:
    return {"error": "unauthorized", "message": message}


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
    ("id", "body"), [("1", "{}"), ("abc", "{"), ("1", "x" * 70_000)]
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
    assert answer.json == unauthorized("User ID mismatch")
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

    assert answer.json == unauthorized("User ID mismatch")


# What goes wrong on our side


def test_a_bug_says_nothing_about_its_cause(
    user: Client, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    def fail(*args: object, **options: object) -> Any:
        raise KeyError("the task's secret text")

    monkeypatch.setattr("taskapi.db.query", fail)

    answer = user.send("get_task", 1)

    assert answer.status == 500
    assert answer.json == {
        "error": "internal_error",
        "message": "Something went wrong on our side; please try again later",
    }
    [line] = log.getvalue().splitlines()
    assert json.loads(line)["level"] == "ERROR"
    assert json.loads(line)["exception"] == "builtins.KeyError"
    assert "secret text" not in line


def test_logs_neither_tokens_nor_texts(user: Client, log: io.StringIO) -> None:
    task = user.create("a very private title", description="a private description")
    user.send("update_task", task["id"], json_body={"title": "another private\x00"})
    user.send("list_tasks", query={"search": "private"})

    lines = [json.loads(line) for line in log.getvalue().splitlines()]

    assert [line["status"] for line in lines] == [201, 422, 200]
    assert all(line["request_id"] for line in lines)
    assert "private" not in json.dumps(lines)
    assert "eyJ" not in json.dumps(lines)
