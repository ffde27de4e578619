"""Priority, tags, due date and time zone: the values of bodies, and what is kept."""

from typing import Any

import pytest

from local.direct import Answer
from tests.support.api import Client

DEFAULTS: dict[str, Any] = {
    "priority": "medium",
    "tags": [],
    "due_date": None,
    "time_zone": None,
    "recurrence": None,
    "completed_at": None,
}


def test_a_new_task_has_the_defaults(user: Client) -> None:
    task = user.create()

    assert task == task | DEFAULTS
    assert user.send("get_task", task["id"]).json == task


def write(user: Client, function: str, body: dict[str, Any]) -> Answer:
    """Create a task with this body, or update one that has none of its values."""
    if function == "create_task":
        return user.send(function, json_body={"title": "a", **body})
    return user.send(function, user.create()["id"], json_body=body)


both = pytest.mark.parametrize("function", ["create_task", "update_task"])

KEPT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "priority": ({"priority": "urgent"}, {}),
    "priority in capitals": ({"priority": "HIGH"}, {"priority": "high"}),
    "priority in any case": ({"priority": "lOw"}, {"priority": "low"}),
    "tags": ({"tags": ["b", "a", "B", "é", "%s", '"', "\\", "{}", "NULL"]}, {}),
    "no tags": ({"tags": []}, {}),
    "blanks around a tag": ({"tags": [" a b\u3000", "a b"]}, {"tags": ["a b"]}),
    "a tag twice": ({"tags": ["b", "a", "b"]}, {"tags": ["b", "a"]}),
    "20 tags": ({"tags": [str(n) for n in range(20)]}, {}),
    "21 tags, two alike": (
        {"tags": [*map(str, range(20)), "0"]},
        {"tags": [*map(str, range(20))]},
    ),
    "the longest tag": ({"tags": ["🎉" * 50]}, {}),
    "a day": ({"due_date": "2026-03-09"}, {}),
    "a leap day": ({"due_date": "2028-02-29"}, {}),
    "the first day": ({"due_date": "1970-01-01"}, {}),
    "the last day": ({"due_date": "9999-12-31"}, {}),
    "a day in a zone": ({"due_date": "2026-03-09", "time_zone": "Asia/Tokyo"}, {}),
    "an offset": (
        {"due_date": "2026-03-09T17:00:00+01:00"},
        {"due_date": "2026-03-09T16:00:00.000000Z"},
    ),
    "Z": (
        {"due_date": "2026-03-09T17:00:00Z"},
        {"due_date": "2026-03-09T17:00:00.000000Z"},
    ),
    "small letters": (
        {"due_date": "2026-03-09t17:00:00z"},
        {"due_date": "2026-03-09T17:00:00.000000Z"},
    ),
    "no seconds": (
        {"due_date": "2026-03-09T17:00Z"},
        {"due_date": "2026-03-09T17:00:00.000000Z"},
    ),
    "a fraction": (
        {"due_date": "2026-03-09T17:00:00.5-00:00"},
        {"due_date": "2026-03-09T17:00:00.500000Z"},
    ),
    "a long fraction": (
        {"due_date": "2026-03-09T17:00:00.123456789Z"},
        {"due_date": "2026-03-09T17:00:00.123456Z"},
    ),
    "the greatest offset": (
        {"due_date": "2026-03-09T17:00:00+23:59"},
        {"due_date": "2026-03-08T17:01:00.000000Z"},
    ),
    "the least offset": (
        {"due_date": "2026-03-09T17:00:00-23:59"},
        {"due_date": "2026-03-10T16:59:00.000000Z"},
    ),
    "the first instant": (
        {"due_date": "1970-01-01T01:00:00+01:00"},
        {"due_date": "1970-01-01T00:00:00.000000Z"},
    ),
    "the last instant": (
        {"due_date": "9999-12-31T23:59:59.999999Z"},
        {"due_date": "9999-12-31T23:59:59.999999Z"},
    ),
    "a time in a zone": (
        {"due_date": "2026-03-09T17:00:00", "time_zone": "Europe/Berlin"},
        {"due_date": "2026-03-09T16:00:00.000000Z", "time_zone": "Europe/Berlin"},
    ),
    "a time in a zone as HTML sends it": (
        {"due_date": "2026-07-09T17:00", "time_zone": "America/New_York"},
        {"due_date": "2026-07-09T21:00:00.000000Z"},
    ),
    "the last time in a zone": (
        {"due_date": "9999-12-31T18:59:59.999999", "time_zone": "Etc/GMT+5"},
        {"due_date": "9999-12-31T23:59:59.999999Z"},
    ),
    "an offset beside a zone": (
        {"due_date": "2026-03-09T17:00:00Z", "time_zone": "Asia/Kolkata"},
        {"due_date": "2026-03-09T17:00:00.000000Z"},
    ),
    "a zone alone": ({"time_zone": "America/Argentina/Ushuaia"}, {}),
    "UTC": ({"time_zone": "UTC"}, {}),
    "null": ({"due_date": None, "time_zone": None}, {}),
    "empty": ({"due_date": "", "time_zone": ""}, {"due_date": None, "time_zone": None}),
}


@both
@pytest.mark.parametrize(("sent", "kept"), KEPT.values(), ids=KEPT)
def test_keeps_a_value(
    user: Client, function: str, sent: dict[str, Any], kept: dict[str, Any]
) -> None:
    answer = write(user, function, sent)

    assert answer.status in (200, 201)
    assert answer.json == answer.json | DEFAULTS | sent | kept
    assert user.send("get_task", answer.json["id"]).json == answer.json


PRIORITY = "Priority must be low, medium, high or urgent"
TAGS = (
    "Tags must be a list of at most 20 tags of 1 to 50 characters each, without commas"
)
DUE = (
    "Due date must be null, a day (2026-03-09), a time with an offset "
    "(2026-03-09T17:00:00+01:00) or, if the task has a time_zone, a time without one "
    "(2026-03-09T17:00:00)"
)
NO_SUCH_TIME = "Due date must be a day and a time that exist"
RANGE = "Due date must be in the years 1970 to 9999, also in UTC"
REMEDIES = (
    "Due date has a time without an offset: send an offset "
    "(2026-03-09T17:00:00+01:00), or a time_zone (Europe/Berlin) in which to read it"
)
ZONE = (
    "Time zone must be the name of a time zone in the IANA database, such as "
    "Europe/Berlin"
)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another priority": ({"priority": "highest"}, PRIORITY),
    "an empty priority": ({"priority": ""}, PRIORITY),
    "a priority with a letter that is small in Turkish": (
        {"priority": "hİgh"},
        PRIORITY,
    ),
    "a surrogate as priority": ({"priority": "\ud800"}, PRIORITY),
    "no priority": ({"priority": None}, f"{PRIORITY}, not null"),
    "a number as priority": ({"priority": 1}, f"{PRIORITY}, not a number"),
    "tags in a text": ({"tags": "a,b"}, f"{TAGS}, not text"),
    "no list of tags": ({"tags": None}, f"{TAGS}, not null"),
    "an object of tags": ({"tags": {"a": 1}}, f"{TAGS}, not an object"),
    "21 tags": (
        {"tags": [str(n) for n in range(21)]},
        "At most 20 tags are allowed, not 21",
    ),
    "an empty tag": ({"tags": [""]}, "A tag must be between 1 and 50 characters"),
    "a blank tag": ({"tags": [" "]}, "A tag must be between 1 and 50 characters"),
    "a long tag": ({"tags": ["x" * 51]}, "A tag must be between 1 and 50 characters"),
    "a number as tag": ({"tags": ["a", 1]}, "A tag must be text, not a number"),
    "null as tag": ({"tags": [None]}, "A tag must be text, not null"),
    "a list as tag": ({"tags": [["a"]]}, "A tag must be text, not an array"),
    "a comma": (
        {"tags": ["a,b"]},
        "A tag must not contain commas, which separate tags in a query",
    ),
    "a line feed": (
        {"tags": ["a\nb"]},
        "A tag must not contain control characters",
    ),
    "NUL": ({"tags": ["a\x00"]}, "A tag must not contain control characters"),
    "a lone surrogate": (
        {"tags": ["a\udc00"]},
        "A tag must not contain lone surrogates",
    ),
    "a number as date": ({"due_date": 20260309}, f"{DUE}, not a number"),
    "an object as date": ({"due_date": {}}, f"{DUE}, not an object"),
    "a word": ({"due_date": "tomorrow"}, DUE),
    "a blank": ({"due_date": " "}, DUE),
    "blanks around": ({"due_date": " 2026-03-09"}, DUE),
    "a line feed after": ({"due_date": "2026-03-09\n"}, DUE),
    "NUL after": ({"due_date": "2026-03-09\x00"}, DUE),
    "a surrogate after": ({"due_date": "2026-03-09\ud800"}, DUE),
    "a day without dashes": ({"due_date": "20260309"}, DUE),
    "a week": ({"due_date": "2026-W11-1"}, DUE),
    "a short day": ({"due_date": "2026-3-9"}, DUE),
    "a year of five digits": ({"due_date": "10000-01-01"}, DUE),
    "Arabic digits": ({"due_date": "٢٠٢٦-03-09"}, DUE),
    "a blank instead of T": ({"due_date": "2026-03-09 17:00:00Z"}, DUE),
    "an hour alone": ({"due_date": "2026-03-09T17Z"}, DUE),
    "an offset without a colon": ({"due_date": "2026-03-09T17:00:00+0100"}, DUE),
    "an offset of hours": ({"due_date": "2026-03-09T17:00:00+01"}, DUE),
    "an offset of a day": ({"due_date": "2026-03-09T17:00:00+24:00"}, NO_SUCH_TIME),
    "an offset of 99 minutes": ({"due_date": "2026-03-09T17:00:00+00:99"}, DUE),
    "an offset after a day": ({"due_date": "2026-03-09Z"}, DUE),
    "a zone after a time": (
        {"due_date": "2026-03-09T17:00:00+01:00[Europe/Berlin]"},
        DUE,
    ),
    "a comma before the fraction": ({"due_date": "2026-03-09T17:00:00,5Z"}, DUE),
    "the 30th of February": ({"due_date": "2026-02-30"}, NO_SUCH_TIME),
    "the 29th of February": ({"due_date": "2026-02-29T17:00:00Z"}, NO_SUCH_TIME),
    "month 13": ({"due_date": "2026-13-01"}, NO_SUCH_TIME),
    "24:00": ({"due_date": "2026-03-09T24:00:00Z"}, NO_SUCH_TIME),
    "a leap second": ({"due_date": "2016-12-31T23:59:60Z"}, NO_SUCH_TIME),
    "minute 60": ({"due_date": "2026-03-09T17:60:00Z"}, NO_SUCH_TIME),
    "year 0": ({"due_date": "0000-01-01"}, NO_SUCH_TIME),
    "1969": ({"due_date": "1969-12-31"}, RANGE),
    "1969 in UTC": ({"due_date": "1970-01-01T00:00:00+00:01"}, RANGE),
    "10000 in UTC": ({"due_date": "9999-12-31T23:59:59-00:01"}, RANGE),
    "1969 in UTC, from a zone": (
        {"due_date": "1970-01-01T00:59:59", "time_zone": "Europe/Berlin"},
        RANGE,
    ),
    "10000 in UTC, from a zone": (
        {"due_date": "9999-12-31T20:00:00", "time_zone": "America/New_York"},
        RANGE,
    ),
    "a time without a zone": ({"due_date": "2026-03-09T17:00:00"}, REMEDIES),
    "a time and no zone": (
        {"due_date": "2026-03-09T17:00:00", "time_zone": ""},
        REMEDIES,
    ),
    "a number as zone": (
        {"time_zone": 1},
        "Time zone must be null or text, such as Europe/Berlin, not a number",
    ),
    "an unknown zone": ({"time_zone": "Europe/Atlantis"}, ZONE),
    "a zone in small letters": ({"time_zone": "europe/berlin"}, ZONE),
    "an abbreviation": ({"time_zone": "CEST"}, ZONE),
    "a POSIX zone": ({"time_zone": "FOO+3"}, ZONE),
    "a POSIX zone that looks like IANA's": ({"time_zone": "Foo/Bar3"}, ZONE),
    "an offset as zone": ({"time_zone": "+01:00"}, ZONE),
    "another folder's zone": ({"time_zone": "Posix/Europe/Berlin"}, ZONE),
    "a path": ({"time_zone": "../../etc/passwd"}, ZONE),
    "NUL in a zone": ({"time_zone": "UTC\x00"}, ZONE),
    "a surrogate as zone": ({"time_zone": "\ud800"}, ZONE),
    "a long zone": ({"time_zone": "A" * 60_000}, ZONE),
    "the machine's zone": ({"time_zone": "localtime"}, ZONE),
}


@both
@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_refuses_a_value(
    user: Client, function: str, body: dict[str, Any], message: str
) -> None:
    answer = write(user, function, body)

    assert answer.status == 422
    assert answer.json["error"] == "validation_error"
    assert answer.json["message"] == message
    assert answer.json["details"]["field"] in body
    assert all(task["title"] != "a" for task in user.send("list_tasks").json)


def test_names_every_invalid_field(user: Client) -> None:
    body = {"title": "a", "priority": "x", "tags": [","], "due_date": "x"}

    answer = user.send("create_task", json_body=body)

    fields = [problem["field"] for problem in answer.json["details"]["errors"]]
    assert fields == ["priority", "tags", "due_date"]


# What an update leaves and clears

EVERYTHING: dict[str, Any] = {
    "title": "a",
    "description": "b",
    "priority": "high",
    "tags": ["c"],
    "due_date": "2026-10-25T02:30:00",
    "time_zone": "Europe/Berlin",
    "completed": True,
}
FIRST = "2026-10-25T00:30:00.000000Z"
"""The first of the two moments at which clocks in Berlin show that time."""


@pytest.mark.parametrize("name", ["priority", "tags"])
def test_null_does_not_clear_a_field_that_always_has_a_value(
    user: Client, name: str
) -> None:
    task = user.create(**EVERYTHING)

    answer = user.send("update_task", task["id"], json_body={name: None})

    assert answer.status == 422
    assert user.send("get_task", task["id"]).json == task


@pytest.mark.parametrize("nothing", [None, ""], ids=["null", "an empty text"])
@pytest.mark.parametrize("name", ["due_date", "time_zone"])
def test_clears_a_field(user: Client, name: str, nothing: str | None) -> None:
    task = user.create(**EVERYTHING)

    answer = user.send("update_task", task["id"], json_body={name: nothing})

    kept = {"updated_at": answer.json["updated_at"], "etag": answer.headers["etag"]}
    assert answer.json == task | {name: None} | kept


def test_an_instant_stays_when_the_zone_changes(user: Client) -> None:
    task = user.create(**EVERYTHING)

    answer = user.send("update_task", task["id"], json_body={"time_zone": "Asia/Tokyo"})

    assert (task["due_date"], answer.json["due_date"]) == (FIRST, FIRST)


def test_a_time_is_read_in_the_zone_that_the_task_has_after_the_write(
    user: Client,
) -> None:
    id = user.create(**EVERYTHING)["id"]
    time = "2026-03-09T17:00:00"

    due = [
        user.send("update_task", id, json_body={"due_date": time, **zone}).json
        for zone in ({}, {"time_zone": "Asia/Tokyo"}, {}, {"time_zone": None}, {})
    ]

    assert [task.get("due_date") or task["message"] for task in due] == [
        "2026-03-09T16:00:00.000000Z",
        "2026-03-09T08:00:00.000000Z",
        "2026-03-09T08:00:00.000000Z",
        REMEDIES,
        "2026-03-09T08:00:00.000000Z",
    ]


def test_a_day_becomes_an_instant_and_the_reverse(user: Client) -> None:
    id = user.create(due_date="2026-03-09")["id"]

    for due in ("2026-03-09T17:00:00.000000Z", "2026-03-10", None, "2026-03-11"):
        answer = user.send("update_task", id, json_body={"due_date": due})
        assert answer.json["due_date"] == due
        assert user.send("get_task", id).json["due_date"] == due


@pytest.mark.parametrize(
    ("due", "zone"),
    [
        ("2026-03-09", None),
        ("2026-03-09", "Pacific/Kiritimati"),
        ("2026-03-29T02:30:00", "Europe/Berlin"),
        ("2026-10-25T02:30:00", "Europe/Berlin"),
        ("2026-10-25T01:30:00Z", "Europe/Berlin"),
        ("2026-04-05T01:45:00", "Australia/Lord_Howe"),
        ("9999-12-31T23:59:59.999999Z", None),
    ],
)
def test_a_client_that_sends_a_whole_task_back_erases_nothing(
    user: Client, due: str, zone: str | None
) -> None:
    task = user.create(**EVERYTHING | {"due_date": due, "time_zone": zone})

    answer = user.send(
        "update_task", task["id"], json_body=task | {"title": "b"}, method="PUT"
    )

    assert answer.json == task | {
        "title": "b",
        "updated_at": answer.json["updated_at"],
        "etag": answer.headers["etag"],
    }


def test_a_client_of_version_1_erases_nothing(user: Client) -> None:
    task = user.create(**EVERYTHING)
    names = ("id", "title", "description", "completed", "user_id", "created_at")

    answer = user.send(
        "update_task", task["id"], json_body={name: task[name] for name in names}
    )

    kept = {"updated_at": answer.json["updated_at"], "etag": answer.headers["etag"]}
    assert answer.json == task | kept


# completed_at


def test_completed_at_is_when_it_last_became_true(user: Client) -> None:
    task = user.create(completed=True)
    id = task["id"]

    def complete(completed: bool) -> dict[str, Any]:
        answer = user.send("complete_task", id, json_body={"completed": completed})
        changed: dict[str, Any] = answer.json
        assert changed.pop("next_task") is None
        return changed

    assert task["completed_at"] == task["created_at"]
    assert complete(True)["completed_at"] == task["completed_at"]
    renamed = user.send("update_task", id, json_body={"title": "b"}).json
    assert renamed["completed_at"] == task["completed_at"]
    assert complete(False)["completed_at"] is None
    again = complete(True)
    assert again["completed_at"] == again["updated_at"] > task["completed_at"]
    assert user.send("get_task", id).json == again


def test_an_update_sets_completed_at(user: Client) -> None:
    id = user.create()["id"]

    done, still, pending = [
        user.send("update_task", id, json_body={"completed": completed}).json
        for completed in (True, True, False)
    ]

    assert done["completed_at"] == done["updated_at"]
    assert still["completed_at"] == done["completed_at"]
    assert pending["completed_at"] is None


# Idempotency: bodies that mean the same

SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the defaults": (
        {"priority": "Medium", "tags": [], "due_date": "", "time_zone": None},
        {},
    ),
    "the case of a priority": ({"priority": "HIGH"}, {"priority": "high"}),
    "blanks and repetitions": ({"tags": [" a", "b", "a"]}, {"tags": ["a", "b"]}),
    "offsets": (
        {"due_date": "2026-03-09T17:00:00+01:00"},
        {"due_date": "2026-03-09T16:00Z"},
    ),
    "read-only fields": ({"completed_at": "x", "user_id": "y"}, {"etag": 1}),
}
OTHER: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a priority": ({"priority": "high"}, {}),
    "the order of tags": ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}),
    "a day and an instant": (
        {"due_date": "2026-03-09"},
        {"due_date": "2026-03-09T00:00:00Z"},
    ),
    "a zone": ({"time_zone": "UTC"}, {}),
}


def create_twice(
    user: Client, first: dict[str, Any], second: dict[str, Any]
) -> list[Answer]:
    return [
        user.send(
            "create_task",
            json_body={"title": "a", **body},
            headers={"idempotency-key": "k"},
        )
        for body in (first, second)
    ]


@pytest.mark.parametrize(("first", "second"), SAME.values(), ids=SAME)
def test_a_body_with_the_same_meaning_is_replayed(
    user: Client, first: dict[str, Any], second: dict[str, Any]
) -> None:
    created, replayed = create_twice(user, first, second)

    assert (replayed.status, replayed.text) == (201, created.text)
    assert replayed.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(("first", "second"), OTHER.values(), ids=OTHER)
def test_a_body_with_another_meaning_is_refused(
    user: Client, first: dict[str, Any], second: dict[str, Any]
) -> None:
    _, refused = create_twice(user, first, second)

    assert refused.json["error"] == "idempotency_key_reused"


def test_a_create_that_postgres_refuses_is_not_remembered(user: Client) -> None:
    due = {"due_date": "2026-03-09T17:00:00"}

    refused, created = create_twice(user, due, due | {"time_zone": "Europe/Berlin"})

    assert (refused.status, created.status) == (422, 201)
    assert "idempotent-replayed" not in created.headers
