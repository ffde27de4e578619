"""Idempotency-Key: a create that is sent again, and the key's own life."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from local.direct import Answer
from taskapi.postgres.connection import ATTEMPT_TIMEOUT
from taskapi.postgres.query import query
from taskapi.tasks import create as creating
from taskapi.tasks.fields import DEFAULTS
from tests.support.api import Client

RULE = {
    "error": "validation_error",
    "message": "Idempotency-Key must be between 1 and 255 printable ASCII characters",
    "details": {
        "field": "idempotency-key",
        "constraint": "min_length=1, max_length=255, printable ASCII",
    },
}


def create(user: Client, key: str, title: object = "a", **fields: object) -> Answer:
    return user.send(
        "create_task",
        json_body={"title": title, **fields},
        headers={"idempotency-key": key},
    )


def same(first: Answer, again: Answer) -> None:
    """Assert that again is first, replayed."""
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (first.status, again.status) == (201, 201)
    assert again.text == first.text
    for name in ("location", "etag", "content-type", "cache-control"):
        assert again.headers[name] == first.headers[name]


@pytest.fixture
def postgres(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection
        connection.execute(
            "DELETE FROM idempotency_keys WHERE created_at < now() - interval '1 day'"
        )


# Replays

BODIES: dict[str, dict[str, Any]] = {
    "a title": {"title": "a"},
    "everything": {"title": "a", "description": "line\n", "completed": True},
    "null": {"title": "a", "description": None},
    "blanks around": {"title": " a "},
    "unknown fields": {"title": "a", "id": 7, "user_id": "x", "x": [1]},
    "quotes and emoji": {"title": "\"'\\🎉", "description": "\u2028"},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_key_makes_one_task(user: Client, body: dict[str, Any]) -> None:
    answers = [create(user, "k", **body) for _ in range(3)]

    same(answers[0], answers[1])
    same(answers[0], answers[2])
    assert user.send("list_tasks").json == [answers[0].json]


def test_the_same_json_written_otherwise_is_the_same_body(user: Client) -> None:
    bodies = [
        '{"title": "é", "completed": false}',
        '{ "completed":false,"title":"\\u00e9" }',
        '{"title": "é"}',
        '{"title": " é ", "description": null, "x": 1}',
    ]

    headers = {"idempotency-key": "k"}
    answers = [user.send("create_task", body=b, headers=headers) for b in bodies]

    assert {answer.json["id"] for answer in answers} == {answers[0].json["id"]}


def test_a_replay_is_as_the_first_answer_after_the_task_has_changed(
    user: Client,
) -> None:
    first = create(user, "k")
    changed = user.send("update_task", first.json["id"], json_body={"title": "b"})

    same(first, create(user, "k"))

    assert user.send("list_tasks").json == [changed.json]


def test_a_replay_does_not_bring_a_deleted_task_back(user: Client) -> None:
    first = create(user, "k")
    user.send("delete_task", first.json["id"])

    same(first, create(user, "k"))

    assert user.send("list_tasks").json == []
    assert user.send("get_task", first.json["id"]).status == 404


def test_without_a_key_every_create_is_another_task(user: Client) -> None:
    assert user.create("a")["id"] != user.create("a")["id"]


def test_another_key_is_another_task(user: Client) -> None:
    assert create(user, "k").json["id"] != create(user, "K").json["id"]


def test_keys_of_different_users_do_not_meet(user: Client, other: Client) -> None:
    mine, theirs = create(user, "k"), create(other, "k", "b")

    assert (mine.status, theirs.status) == (201, 201)
    assert "idempotent-replayed" not in theirs.headers
    assert theirs.json["user_id"] == other.user_id


def test_no_text_is_kept_with_a_key(
    user: Client, postgres: psycopg.Connection[Any]
) -> None:
    id = create(user, "k", "a secret", description="another secret").json["id"]
    user.send("delete_task", id)

    [row] = postgres.execute(
        "SELECT to_jsonb(idempotency_keys) FROM idempotency_keys WHERE user_id = %s",
        (user.user_id,),
    )

    assert "secret" not in json.dumps(row)
    assert set(row[0]) == {"user_id", "key", "fingerprint", "task_id", "created_at"}


# Two releases at once: fingerprints, of which those of bodies without new fields stay


def fingerprint_of_the_first_release(body: dict[str, Any]) -> bytes:
    title, description = body["title"].strip(), body.get("description")
    values = [title, description, body.get("completed", False)]
    return hashlib.sha256(json.dumps(values).encode()).digest()


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_key_of_the_first_release_is_replayed(
    user: Client, postgres: psycopg.Connection[Any], body: dict[str, Any]
) -> None:
    first = user.create(**body)
    postgres.execute(
        "INSERT INTO idempotency_keys VALUES (%s, 'k', %s, %s, %s)",
        (
            user.user_id,
            fingerprint_of_the_first_release(body),
            first["id"],
            first["created_at"],
        ),
    )

    again = create(user, "k", **body)

    assert (again.status, again.json) == (201, first)
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_first_release_replays_a_key_of_this_one(
    user: Client, postgres: psycopg.Connection[Any], body: dict[str, Any]
) -> None:
    create(user, "k", **body)

    [(stored,)] = postgres.execute(
        "SELECT fingerprint FROM idempotency_keys WHERE user_id = %s", (user.user_id,)
    )
    assert stored == fingerprint_of_the_first_release(body)


def test_a_new_field_counts_where_it_is_not_at_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = {"title": "a", "description": None, "completed": False}
    before = creating.fingerprint(old)

    monkeypatch.setitem(DEFAULTS, "priority", "medium")
    monkeypatch.setitem(DEFAULTS, "tags", [])

    assert creating.fingerprint({**old, "priority": "medium", "tags": []}) == before
    high = creating.fingerprint({**old, "priority": "high", "tags": []})
    tagged = creating.fingerprint({**old, "priority": "medium", "tags": ["high"]})
    assert len({before, high, tagged}) == 3
    assert high == creating.fingerprint({"tags": [], "priority": "high", **old})


# Keys that are refused

OTHER_BODIES: dict[str, dict[str, Any]] = {
    "another title": {"title": "b"},
    "a title in capitals": {"title": "A"},
    "a description": {"title": "a", "description": "x"},
    "an empty description": {"title": "a", "description": ""},
    "completed": {"title": "a", "completed": True},
}


@pytest.mark.parametrize("body", OTHER_BODIES.values(), ids=OTHER_BODIES)
def test_a_key_is_for_one_body(user: Client, body: dict[str, Any]) -> None:
    first = create(user, "k")

    answer = create(user, "k", **body)

    assert answer.status == 422
    assert answer.json == {
        "error": "idempotency_key_reused",
        "message": "This Idempotency-Key was used before with another body; "
        "use a new key for a new task",
    }
    assert user.send("list_tasks").json == [first.json]


KEYS = {
    "one character": "k",
    "a blank": " ",
    "255 characters": "k" * 255,
    "punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "SQL": "'; DROP TABLE tasks; --",
    "like ours": "request 1",
}
BAD_KEYS = {
    "empty": "",
    "256 characters": "k" * 256,
    "é": "é",
    "an emoji": "🎉",
    "a tab": "a\tb",
    "NUL": "a\x00",
    "delete": "a\x7f",
    "a line feed at the end": "a\n",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_takes_a_key(user: Client, key: str) -> None:
    same(create(user, key), create(user, key))


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_refuses_a_key(user: Client, key: str) -> None:
    answer = create(user, key)

    assert (answer.status, answer.json) == (422, RULE)
    assert user.send("list_tasks").json == []


def test_a_bad_key_and_a_bad_body_are_told_together(user: Client) -> None:
    answer = create(user, "é", title="")

    fields = {problem["field"] for problem in answer.json["details"]["errors"]}
    assert fields == {"idempotency-key", "title"}


@pytest.mark.parametrize(
    "body", ['{"title": ""}', "{", '{"title": 1}', ""], ids=["422", "400", "1", "none"]
)
def test_an_answer_that_failed_is_not_remembered(user: Client, body: str) -> None:
    headers = {"idempotency-key": "k", "content-type": "application/json"}
    refused = user.send("create_task", body=body, headers=headers)

    answer = create(user, "k")

    assert refused.status in (400, 422)
    assert answer.status == 201
    assert "idempotent-replayed" not in answer.headers


# How long keys live


def age(postgres: psycopg.Connection[Any], user: Client, interval: str) -> None:
    """Make all of a user's keys older."""
    postgres.execute(
        "UPDATE idempotency_keys SET created_at = created_at - %s::interval"
        " WHERE user_id = %s",
        (interval, user.user_id),
    )


def keys(postgres: psycopg.Connection[Any], user: Client) -> list[str]:
    rows = postgres.execute(
        "SELECT key FROM idempotency_keys WHERE user_id = %s ORDER BY key",
        (user.user_id,),
    )
    return [key for (key,) in rows]


def test_a_key_lives_for_24_hours(
    user: Client, postgres: psycopg.Connection[Any]
) -> None:
    first = create(user, "k")
    age(postgres, user, "23:59:50")
    for _ in range(5):
        user.create()

    again = create(user, "k")

    assert again.json["id"] == first.json["id"]
    assert again.headers["idempotent-replayed"] == "true"


def test_creates_delete_the_users_oldest_keys(
    user: Client, other: Client, postgres: psycopg.Connection[Any]
) -> None:
    for key in "abcde":
        create(user, key)
    age(postgres, user, "100 years")

    other.create()

    left = []
    for _ in range(3):
        create(user, "new")
        left.append(len(keys(postgres, user)))
    assert left == [4, 2, 1]
    assert keys(postgres, user) == ["new"]


def test_a_key_that_is_gone_can_be_used_again(
    user: Client, postgres: psycopg.Connection[Any]
) -> None:
    first = create(user, "k")
    age(postgres, user, "100 years")
    user.create()

    again = create(user, "k", "another body")

    assert again.status == 201
    assert again.json["id"] > first.json["id"]
    assert "idempotent-replayed" not in again.headers


def test_a_create_does_not_delete_its_own_old_key(
    user: Client, postgres: psycopg.Connection[Any]
) -> None:
    first = create(user, "k")
    age(postgres, user, "100 years")

    again = create(user, "k")

    assert again.json["id"] == first.json["id"]
    assert keys(postgres, user) == ["k"]


def test_a_key_that_another_statement_holds_is_left_for_later(
    user: Client, database: str, postgres: psycopg.Connection[Any]
) -> None:
    create(user, "k")
    age(postgres, user, "100 years")

    with psycopg.connect(database) as holder:
        holder.execute(
            "SELECT FROM idempotency_keys WHERE user_id = %s FOR UPDATE",
            (user.user_id,),
        )
        create(user, "l")

    assert keys(postgres, user) == ["k", "l"]
    create(user, "l")
    assert keys(postgres, user) == ["l"]


# Keys that are in use


@pytest.fixture
def busy(user: Client, database: str) -> Iterator[None]:
    """Have another connection use the user's key k, without an end."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO idempotency_keys VALUES (%s, 'k', '', 1, now())",
            (user.user_id,),
        )
        yield
        connection.rollback()


@pytest.mark.usefixtures("busy")
def test_a_key_in_use_is_a_conflict(
    user: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creating, "KEY_LOCK_TIMEOUT", "50ms")

    answer = create(user, "k")

    assert answer.status == 409
    assert answer.json == {
        "error": "conflict",
        "message": "This Idempotency-Key is in use by another request",
    }
    assert create(user, "another").status == 201


def test_a_key_that_was_in_use_and_given_up_is_free(
    user: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creating, "KEY_LOCK_TIMEOUT", "50ms")
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO idempotency_keys VALUES (%s, 'k', '', 1, now())",
            (user.user_id,),
        )
        assert create(user, "k").status == 409
        connection.rollback()

    answer = create(user, "k")

    assert answer.status == 201
    assert "idempotent-replayed" not in answer.headers
    assert user.send("list_tasks").json == [answer.json]


@pytest.mark.usefixtures("busy")
def test_the_lock_timeout_ends_with_the_statement(
    user: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creating, "KEY_LOCK_TIMEOUT", "50ms")
    user.create()

    [row] = query("SELECT current_setting('lock_timeout')", {})

    assert row == ("0",)


def test_waiting_for_a_key_ends_before_the_statements_time_does() -> None:
    assert creating.KEY_LOCK_TIMEOUT == "3s"
    assert ATTEMPT_TIMEOUT > 3
