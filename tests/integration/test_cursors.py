"""Cursors: who made them, and what for."""

import base64
import hmac
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest

from taskapi.tasks import cursors
from tests.support.api import Client
from tests.support.connections import forget_connection
from tests.support.listing import LISTS, link


def cursor_of(user: Client, query: str = "") -> str:
    """Return the cursor of a list's second page, of one task a page."""
    user.create("b")
    user.create("a")
    following = link(user.send("list_tasks", query=f"limit=1&{query}").headers)
    assert following
    return following.partition("cursor=")[2]


def assert_refused(user: Client, cursor: str, query: str = "") -> None:
    sent = f"{query}&cursor={quote(cursor, safe='')}"
    answer = user.send("list_tasks", query=sent)
    assert answer.status == 422, cursor
    assert answer.json["error"] == "validation_error"
    assert answer.json["details"] == {
        "field": "cursor",
        "constraint": "from a Link header",
    }


@pytest.mark.parametrize("title", ["a", "?>~", "🎉", "\xff\u07ff\uffff"], ids=ascii)
def test_a_cursor_is_url_safe(user: Client, title: str) -> None:
    for padding in range(4):
        user.create(title + "x" * padding)

    following = link(user.send("list_tasks", query="sort=title&limit=1").headers)
    while following:
        cursor = following.partition("cursor=")[2]
        assert re.fullmatch(r"[\w-]+", cursor, re.ASCII)
        following = link(user.send("list_tasks", query=following).headers)


def test_no_character_of_a_cursor_can_be_changed(user: Client) -> None:
    cursor = cursor_of(user)

    for place, character in enumerate(cursor):
        for other in {"A", "B", "_", "="} - {character}:
            assert_refused(user, cursor[:place] + other + cursor[place + 1 :])


def test_no_part_of_a_cursor_is_a_cursor(user: Client) -> None:
    cursor = cursor_of(user)

    for place in range(len(cursor)):
        assert_refused(user, cursor[:place])
        assert_refused(user, cursor[place + 1 :])


ALTERED: dict[str, Callable[[str], str]] = {
    "empty": lambda cursor: "",
    "a blank": lambda cursor: " ",
    "a blank after it": lambda cursor: f"{cursor} ",
    "a line feed after it": lambda cursor: f"{cursor}\n",
    "padded": lambda cursor: cursor + "=" * (-len(cursor) % 4 or 4),
    "twice": lambda cursor: cursor * 2,
    "10 KB of it": lambda cursor: (cursor * 200)[:10_240],
    "10 KB of zeros": lambda cursor: "A" * 10_240,
    "NUL": lambda cursor: "\x00",
    "not ASCII": lambda cursor: f"{cursor}é",
    "digits of another script": lambda cursor: "٣" * len(cursor),
    "an id": lambda cursor: "1",
    "JSON": lambda cursor: '["2026-01-01T00:00:00Z", 1]',
    "SQL": lambda cursor: "'; DROP TABLE tasks; --",
    "the other base64": lambda cursor: "+/" + cursor[2:],
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
def test_refuses_what_is_not_a_cursor(
    user: Client, alter: Callable[[str], str]
) -> None:
    assert_refused(user, alter(cursor_of(user)))


@pytest.mark.parametrize("made", LISTS, ids="-".join)
def test_a_cursor_is_for_its_own_sort_and_order(
    user: Client, made: tuple[str, str]
) -> None:
    cursor = cursor_of(user, urlencode({"sort": made[0], "order": made[1]}))

    for used in LISTS:
        query = urlencode({"sort": used[0], "order": used[1]})
        if used == made:
            sent = f"{query}&cursor={cursor}"
            assert user.send("list_tasks", query=sent).status == 200
        else:
            assert_refused(user, cursor, query)


def test_the_default_order_is_the_same_list_as_its_name(user: Client) -> None:
    cursor = cursor_of(user, "sort=title")

    sent = f"sort=title&order=asc&cursor={cursor}"

    assert user.send("list_tasks", query=sent).status == 200
    assert_refused(user, cursor, "")


def test_a_cursor_fits_the_older_names_of_its_sort(user: Client) -> None:
    cursor = cursor_of(user, "sort=updated_at")

    assert user.send("list_tasks", query=f"sort=updated&cursor={cursor}").status == 200
    assert_refused(user, cursor, "sort=created_at")


def test_a_cursor_continues_with_other_conditions(user: Client) -> None:
    """Only sort and order belong to it; a page begins after its position."""
    cursor = cursor_of(user, "sort=title")

    answer = user.send("list_tasks", query=f"sort=title&tags=none&cursor={cursor}")

    assert (answer.status, answer.json) == (200, [])


def test_a_cursor_is_for_its_own_user(user: Client, other: Client) -> None:
    assert_refused(other, cursor_of(user))


@pytest.fixture
def environments(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """Return what begins another execution environment, whose DATABASE_URL is new."""
    urls = (f"{database}&application_name=number{n}" for n in itertools.count())

    def begin() -> None:
        forget_connection()
        monkeypatch.setenv("DATABASE_URL", next(urls))
        monkeypatch.setattr(cursors, "_key", None)

    yield begin
    forget_connection()


def test_a_cursor_outlives_a_change_of_the_databases_password(
    user: Client, environments: Callable[[], None]
) -> None:
    environments()
    first = cursor_of(user)
    environments()

    answer = user.send("list_tasks", query=f"limit=1&cursor={first}")

    assert (answer.status, len(answer.json)) == (200, 1)


def test_a_new_environment_refuses_a_cursor_made_elsewhere(
    user: Client, environments: Callable[[], None]
) -> None:
    position = cursors.Position(("2026-01-01T00:00:00.000000Z",), 1)
    forged = cursors.encode(position, (user.user_id, "created", "desc"), bytes(32))

    environments()
    assert_refused(user, forged)
    assert_refused(user, forged)


POSITIONS: dict[str, tuple[object, ...]] = {
    "no time": ("yesterday", 1),
    "an empty time": ("", 1),
    "month 13": ("2026-13-01T00:00:00Z", 1),
    "a year too late": ("999999-01-01T00:00:00Z", 1),
    "a NUL": ("2026-01-01\0", 1),
    "a lone surrogate": ("\ud800", 1),
    "no text": (1, 1),
    "no value": (None, 1),
    "an id of text": ("2026-01-01T00:00:00Z", "1"),
    "an id of more than 64 bits": ("2026-01-01T00:00:00Z", 10**30),
    "two values": ("2026-01-01T00:00:00Z", "a", 1),
    "a boolean id": ("2026-01-01T00:00:00Z", True),
    "an id with a fraction": ("2026-01-01T00:00:00Z", 1.5),
}


@pytest.mark.parametrize("position", POSITIONS.values(), ids=POSITIONS)
@pytest.mark.parametrize(
    "query",
    ["", "sort=title", "sort=due_date", "sort=priority"],
    ids=["by time", "by title", "by due date", "by priority"],
)
def test_a_new_environment_refuses_a_position_that_is_none(
    user: Client,
    environments: Callable[[], None],
    position: tuple[object, ...],
    query: str,
) -> None:
    data = bytes(16) + json.dumps(position).encode()
    forged = base64.urlsafe_b64encode(data).decode().rstrip("=")

    environments()

    assert_refused(user, forged, query)


def test_an_environment_notices_that_the_database_has_another_key(
    user: Client, environments: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    environments()
    cursor = cursor_of(user)
    cursors.remember_key(b"of a database that was there before")

    answer = user.send("list_tasks", query=f"limit=1&cursor={cursor}")

    assert answer.status == 200, answer.text


def test_a_cursor_of_the_release_before_is_accepted(
    user: Client, postgres: psycopg.Connection[Any]
) -> None:
    """It has one sort value, and the sort's older name."""
    task = user.create()
    [(key,)] = postgres.execute("SELECT key FROM cursor_keys")
    position = json.dumps(["2000-01-01T00:00:00.000000Z", 0]).encode()
    scope = json.dumps((user.user_id, "created", "asc")).encode()
    mac = hmac.digest(key, scope + b"\0" + position, "sha256")[:16]
    cursor = base64.urlsafe_b64encode(mac + position).decode().rstrip("=")

    for sort in ("created", "created_at"):
        answer = user.send("list_tasks", query=f"sort={sort}&order=asc&cursor={cursor}")
        assert answer.json == [task]


def test_a_new_environment_reads_the_key_of_an_empty_list(
    user: Client, environments: Callable[[], None]
) -> None:
    environments()

    assert user.send("list_tasks").json == []
    assert len(cursors.known_key() or b"") == 32


@pytest.mark.parametrize("character", ["🎉", '"', "\\", "\u2028"], ids=ascii)
def test_the_longest_title_has_a_cursor(user: Client, character: str) -> None:
    ids = [user.create(f"c{character * 198}c")["id"] for _ in range(3)]

    listed = user.pages(sort="title", limit=1)

    assert [task["id"] for task in listed] == ids
    assert len(cursor_of(user, "sort=title&order=desc")) <= cursors.MAX_LENGTH
