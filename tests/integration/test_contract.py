"""The contract, row by row, through the real handlers and a real Postgres."""

import bz2
import gzip
import io
import json
import lzma
import re
import uuid
import zlib
from typing import Any

import pytest

from local.direct import ROUTES, event, token
from taskapi.tasks.fields import NAMES, RULES
from tests.support.api import Client, invoke

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

TITLE_RULE = {
    "error": "validation_error",
    "message": "Title is required and must be between 1 and 200 characters",
    "details": {"field": "title", "constraint": "min_length=1, max_length=200"},
}
NOT_FOUND = {"error": "not_found", "message": "Task not found"}
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
TASK_FUNCTIONS = [name for name in ROUTES if name != "health"]
ONE_TASK_FUNCTIONS = ["get_task", "update_task", "complete_task", "delete_task"]


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


# Bodies

UNREADABLE = {
    "missing": None,
    "empty": "",
    "blank": "  ",
    "cut off": '{"title": "a"',
    "two values": '{"title": "a"} {}',
    "single quotes": "{'title': 'a'}",
    "NaN": '{"title": "a", "x": NaN}',
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


WHY: dict[str, tuple[str | bytes, str, str]] = {
    "gzip": (gzip.compress(b'{"title": "a"}'), "gzip", "compressed"),
    "gzip, not declared": (gzip.compress(b'{"title": "a"}'), "", "compressed"),
    "zlib": (zlib.compress(b'{"title": "a"}'), "", "compressed"),
    "zlib, little": (zlib.compress(b'{"title": "a"}', 1), "", "compressed"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x00\xff", "", "compressed"),
    "zip": (b"PK\x03\x04\x14\x00\xff", "", "compressed"),
    "bzip2": (bz2.compress(b'{"title": "a"}'), "", "compressed"),
    "xz": (lzma.compress(b'{"title": "a"}'), "", "compressed"),
    "declared brotli": (b"\x0b\x06\x80{}\x03", "br", "compressed"),
    "declared gzip, but JSON": ('{"title": "a"}', "GZIP", "compressed"),
    "declared twice": ('{"title": "a"}', "gzip, identity", "compressed"),
    "BOM": (b'\xef\xbb\xbf{"title": "a"}', "", "byte order mark"),
    "BOM in text": ('\ufeff{"title": "a"}', "", "byte order mark"),
    "BOM alone": (b"\xef\xbb\xbf", "", "byte order mark"),
    "UTF-16": ('{"title": "a"}'.encode("utf-16"), "", "UTF-16"),
    "UTF-16, big": ('{"title": "a"}'.encode("utf-16-be"), "", "UTF-16"),
    "UTF-16, little": ('{"title": "a"}'.encode("utf-16-le"), "", "UTF-16"),
    "UTF-32": ('{"title": "a"}'.encode("utf-32"), "", "UTF-32"),
    "UTF-32, big": ('{"title": "a"}'.encode("utf-32-be"), "", "UTF-32"),
    "latin-1": (b'{"title": "\xe9"}', "", "byte 12 is not UTF-8"),
    "UTF-8 cut off": (b'{"title": "\xc3', "", "byte 12 is not UTF-8"),
    "a lone surrogate in text": ('{"title": "\ud800"}', "", "byte 12 is not UTF-8"),
    "NaN": ('{"x": NaN}', "", "NaN is not in JSON"),
    "minus infinity": ('{"x": -Infinity}', "", "-Infinity is not in JSON"),
    "nested too deep": ("[" * 30_000, "", "nested too deep"),
    "x^2": ("x^2", "", "Expecting value at line 1, column 1"),
    "single quotes": ("{'title': 'a'}", "", "in double quotes at line 1, column 2"),
    "blank": (" \n", "", "Expecting value at line"),
}


@pytest.mark.parametrize(("body", "encoding", "why"), WHY.values(), ids=list(WHY))
def test_says_why_a_body_cannot_be_read(
    user: Client, body: str | bytes, encoding: str, why: str
) -> None:
    headers = {"content-encoding": encoding} if encoding else {}

    answer = user.send("create_task", body=body, headers=headers)

    assert (answer.status, answer.json["error"]) == (400, "bad_request")
    assert why in answer.json["message"].replace("enclosed in", "in")


def test_takes_a_body_that_is_declared_not_to_be_encoded(user: Client) -> None:
    headers = {"content-encoding": "Identity"}

    answer = user.send("create_task", json_body={"title": "a"}, headers=headers)

    assert answer.status == 201


NUMBERS = {
    "4,301 digits": "1" * 4301,
    "60,000 digits": "-" + "1" * 60_000,
    "beyond a double": "1e999",
    "tiny": "1e-999",
    "9,000 decimals": "0." + "1" * 9000,
}


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
def test_a_number_may_be_of_any_size(user: Client, number: str) -> None:
    ignored = user.send("create_task", body=f'{{"title": "a", "x": [{number}]}}')
    invalid = user.send("create_task", body=f'{{"title": {number}}}')

    assert ignored.status == 201
    assert invalid.status == 422
    assert invalid.json["message"] == f"{TITLE_TYPE}, not a number"


def test_of_two_fields_with_one_name_the_last_counts(user: Client) -> None:
    answer = user.send("create_task", body='{"title": 1, "title": "b"}')

    assert (answer.status, answer.json["title"]) == (201, "b")


def test_an_unknown_field_may_be_nested_deeply(user: Client) -> None:
    answer = user.send(
        "create_task", body='{"title": "a", "x": ' + "[" * 500 + "]" * 500 + "}"
    )

    assert answer.status == 201


@pytest.mark.parametrize(
    "declared",
    [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "json",
        "application",
        "application/",
        "application/json+",
        "application/jsonx",
        "application/json, application/json",
        "application/+json",
        "application/a/b+json",
        "application/a b+json",
        "application/a;b+json",
        "application/é+json",
        "image/svg+json",
        "\ud800",
        "x" * 5000,
    ],
    ids=lambda declared: ascii(declared[:40]),
)
@pytest.mark.parametrize("function", ["create_task", "complete_task"])
def test_refuses_json_that_is_not_declared(
    user: Client, function: str, declared: str
) -> None:
    id = {"complete_task": 1}.get(function)

    answer = user.send(
        function, id, body='{"title": "a"}', headers={"content-type": declared}
    )

    assert answer.status == 400
    assert answer.json == {
        "error": "bad_request",
        "message": "The body must be declared as JSON, with Content-Type: "
        "application/json",
    }


@pytest.mark.parametrize(
    "declared",
    [
        "application/json; charset=utf-8",
        "application/json;",
        " application/json ",
        'application/json; a="b; c/d"',
        "application/json; application/xml",
        "Application/JSON",
        "application/merge+json",
        "application/vnd.api.v1_2-x+json",
        "application/a+b+JSON",
    ],
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

TITLE_TYPE = "Title must be text of 1 to 200 characters"
TITLE = TITLE_RULE["message"]
BAD_TITLES = {
    "missing": ({}, TITLE),
    "null": ({"title": None}, f"{TITLE_TYPE}, not null"),
    "empty": ({"title": ""}, TITLE),
    "blank": ({"title": " \t\n\u2003"}, TITLE),
    "a number": ({"title": 123}, f"{TITLE_TYPE}, not a number"),
    "a decimal": ({"title": 1.5}, f"{TITLE_TYPE}, not a number"),
    "a boolean": ({"title": True}, f"{TITLE_TYPE}, not a boolean"),
    "a list": ({"title": ["a"]}, f"{TITLE_TYPE}, not an array"),
    "an object": ({"title": {"text": "a"}}, f"{TITLE_TYPE}, not an object"),
    "201 characters": ({"title": "x" * 201}, TITLE),
    "201 emoji": ({"title": "🎉" * 201}, TITLE),
}


@pytest.mark.parametrize(("body", "message"), BAD_TITLES.values(), ids=BAD_TITLES)
def test_refuses_a_bad_title(
    user: Client, body: dict[str, object], message: object
) -> None:
    created = user.send("create_task", json_body=body)

    assert (created.status, created.json) == (422, TITLE_RULE | {"message": message})
    if body:
        changed = user.send("update_task", 1, json_body=body)
        assert (changed.status, changed.json) == (created.status, created.json)


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


BAD_DESCRIPTIONS = {
    "5001 characters": ("x" * 5001, ""),
    "a number": (1, ", not a number"),
    "a boolean": (True, ", not a boolean"),
    "an array": (["a"], ", not an array"),
    "an object": ({}, ", not an object"),
}


@pytest.mark.parametrize(
    ("description", "sent"), BAD_DESCRIPTIONS.values(), ids=BAD_DESCRIPTIONS
)
@pytest.mark.parametrize("function", ["create_task", "update_task"])
def test_refuses_a_bad_description(
    user: Client, function: str, description: object, sent: str
) -> None:
    body = {"title": "a", "description": description}

    answer = user.send(function, {"update_task": 1}.get(function), json_body=body)

    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": f"Description must be null or text of at most 5000 characters{sent}",
        "details": {"field": "description", "constraint": "max_length=5000"},
    }


def test_takes_the_longest_description(user: Client) -> None:
    assert user.create("a", description="🎉" * 5000)["description"] == "🎉" * 5000


BAD_COMPLETED = {
    "zero": (0, "a number"),
    "one": (1, "a number"),
    "one point zero": (1.0, "a number"),
    "true in quotes": ("true", "text"),
    "nothing in quotes": ("", "text"),
    "null": (None, "null"),
    "an array": ([], "an array"),
    "an object": ({}, "an object"),
}


@pytest.mark.parametrize(
    ("completed", "sent"), BAD_COMPLETED.values(), ids=BAD_COMPLETED
)
@pytest.mark.parametrize("function", ["create_task", "update_task", "complete_task"])
def test_completed_is_a_boolean_and_nothing_else(
    user: Client, function: str, completed: object, sent: str
) -> None:
    task = user.create()
    body = {"title": "a", "completed": completed}

    answer = user.send(
        function, None if function == "create_task" else task["id"], json_body=body
    )

    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": f"Completed must be a JSON boolean, true or false, not {sent}",
        "details": {"field": "completed", "constraint": "boolean"},
    }


@pytest.mark.parametrize("function", ["create_task", "update_task", "complete_task"])
@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("null", "null"),
        ("[]", "an array"),
        ("1", "a number"),
        (r'"{\"title\": \"Made JSON twice\"}"', "text"),
        ("true", "a boolean"),
        ('[{"a": 1}]', "an array"),
    ],
)
def test_a_body_is_an_object(user: Client, function: str, body: str, sent: str) -> None:
    answer = user.send(function, {"create_task": None}.get(function, 1), body=body)

    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": f"The body must be a JSON object, not {sent}",
        "details": {"field": "body", "constraint": "object"},
    }


@pytest.mark.parametrize("body", [{}, {"id": 1, "user_id": "x", "created_at": None}])
def test_an_update_changes_something(user: Client, body: dict[str, object]) -> None:
    *names, last = RULES
    listed = ", ".join(names)

    answer = user.send("update_task", user.create()["id"], json_body=body)

    assert listed.startswith("title, description")
    assert answer.status == 422
    assert answer.json == {
        "error": "validation_error",
        "message": f"At least one of {listed} and {last} must be sent",
        "details": {"field": "body", "constraint": f"{listed} or {last}"},
    }


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
                "message": "Completed must be a JSON boolean, true or false, not text",
            },
        ],
    }


def test_ignores_unknown_fields_and_parameters(user: Client) -> None:
    answer = user.send("list_tasks", query={"page": "2", "user_id": "x"})

    assert user.create("a", priority="high", user_id="x", id=-1)["title"] == "a"
    assert answer.status == 200


LIMIT = "Limit must be a whole number from 1 to 200, in decimal digits"
BAD_LIMITS = {
    "zero": "0",
    "201": "201",
    "a word": "ten",
    "empty": "",
    "31 digits": str(10**30),
    "5,000 digits": "1" * 5000,
    "plus": "%2B5",
    "a plus for a blank": "+5",
    "minus": "-5",
    "underscore": "1_0",
    "decimals": "10.0",
    "exponent": "1e1",
    "hexadecimal": "0x10",
    "a blank before": "%205",
    "a line feed after": "5%0A",
    "full-width": "%EF%BC%95",
    "Arabic": "%D9%A5",
    "true": "true",
    "NUL": "5%00",
    "a list": "5,6",
}
BAD_QUERIES = {f"limit={limit}": LIMIT for limit in BAD_LIMITS.values()} | {
    "status=done": "Status must be all, pending or completed",
    "status=": "Status must be all, pending or completed",
    "sort=id": "Sort must be created, updated or title",
    "order=down": "Order must be asc or desc",
    "search=": "Search must be between 1 and 200 characters",
    "search=" + "x" * 201: "Search must be between 1 and 200 characters",
    "search=%00": "Search must not contain control characters",
}


@pytest.mark.parametrize(
    ("query", "message"), BAD_QUERIES.items(), ids=[query[:40] for query in BAD_QUERIES]
)
def test_refuses_a_bad_query(user: Client, query: str, message: str) -> None:
    answer = user.send("list_tasks", query=query)

    assert answer.status == 422
    assert answer.json["error"] == "validation_error"
    assert answer.json["message"] == message
    assert answer.json["details"]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("limit", ["2", "02", "0000000002", "%32"])
def test_takes_a_limit_in_decimal_digits(user: Client, limit: str) -> None:
    for _ in range(3):
        user.create()

    assert len(user.send("list_tasks", query=f"limit={limit}").json) == 2


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("limit=1&limit=2", ["a", "b"]),
        ("limit=none&limit=1", ["a"]),
        ("status=completed&status=pending", ["a", "b"]),
        ("search=a&search=b", ["b"]),
        ("sort=created&order=asc&sort=title&order=desc", ["b", "a"]),
    ],
)
def test_of_a_parameter_that_is_sent_twice_the_last_counts(
    user: Client, query: str, titles: list[str]
) -> None:
    user.create("b")
    user.create("a")

    answer = user.send("list_tasks", query=query)

    assert [task["title"] for task in answer.json] == titles


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


# What goes wrong on our side


def test_a_bug_says_nothing_about_its_cause(
    user: Client, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    def fail(*args: object, **options: object) -> Any:
        raise KeyError("the task's secret text")

    monkeypatch.setattr("psycopg.Connection.execute", fail)

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
