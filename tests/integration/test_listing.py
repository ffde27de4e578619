"""The list: its order, its pages, its cursors, its search, its size and its plans."""

import base64
import hashlib
import importlib
import itertools
import json
import os
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest

from benchmarks import searches
from benchmarks.data import fill
from benchmarks.plans import every_list, faults
from taskapi.postgres import connection
from taskapi.postgres.migrate import migrate
from taskapi.tasks import cursors
from tests.support.api import CONTEXT, ROUTES, Client, event, token

LISTS = list(itertools.product(["created", "updated", "title"], ["asc", "desc"]))
every_order = pytest.mark.parametrize(("sort", "order"), LISTS)

handler = importlib.import_module("functions.list_tasks.app").handler

LAMBDA_LIMIT = 6_291_556
"""Bytes of a response, as Lambda's error message has it."""


@pytest.fixture
def postgres(database: str) -> Iterator[psycopg.Connection[Any]]:
    """Return another connection than the functions'."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def insert(postgres: psycopg.Connection[Any], user: Client, rows: str) -> list[int]:
    """Insert the rows of a SELECT of title, completed, created_at and updated_at."""
    found = postgres.execute(
        "INSERT INTO tasks (user_id, title, completed, created_at, updated_at)"
        f" SELECT %s, * FROM ({rows.replace('%', '%%')}) AS rows RETURNING id".encode(),
        (user.user_id,),
    )
    return [id for (id,) in found]


def link(headers: dict[str, str]) -> str | None:
    """Return the query of the link to the next page."""
    if "link" not in headers:
        return None
    found = re.fullmatch(r'</api/[^?<>]*[?]([!#-;=?-~]*)>; rel="next"', headers["link"])
    assert found, headers["link"]
    return found[1]


# Order

FOUR = """
    VALUES ('b', FALSE, timestamptz '2026-01-01', timestamptz '2026-02-03'),
           ('a', TRUE, timestamptz '2026-01-02', timestamptz '2026-02-02'),
           ('b', TRUE, timestamptz '2026-01-03', timestamptz '2026-02-01'),
           ('B', FALSE, timestamptz '2026-01-01', timestamptz '2026-02-03')
"""
ORDERS = {
    "": [2, 1, 3, 0],
    "sort=created": [2, 1, 3, 0],
    "order=asc": [0, 3, 1, 2],
    "sort=created&order=desc": [2, 1, 3, 0],
    "sort=updated": [3, 0, 1, 2],
    "sort=updated&order=asc": [2, 1, 0, 3],
    "sort=title": [3, 1, 0, 2],
    "sort=title&order=asc": [3, 1, 0, 2],
    "sort=title&order=desc": [2, 0, 1, 3],
    "status=all": [2, 1, 3, 0],
    "status=pending": [3, 0],
    "status=completed": [2, 1],
    "status=pending&sort=title": [3, 0],
    "status=completed&sort=updated&order=asc": [2, 1],
}


@pytest.mark.parametrize(("query", "expected"), ORDERS.items(), ids=list(ORDERS))
def test_lists_in_order(
    user: Client,
    postgres: psycopg.Connection[Any],
    query: str,
    expected: list[int],
) -> None:
    ids = insert(postgres, user, FOUR)

    listed = user.send("list_tasks", query=query).json

    assert [task["id"] for task in listed] == [ids[n] for n in expected]


def test_titles_are_in_the_order_of_code_points(user: Client) -> None:
    for title in ["b", "a", "Z", "é", "ä", "🎉", "\uffee", "10", "9", "_"]:
        user.create(title)

    listed = user.send("list_tasks", query="sort=title").json

    assert [task["title"] for task in listed] == sorted(t["title"] for t in listed)


# Pages


@pytest.mark.parametrize(
    ("count", "query", "pages"),
    [
        (0, "limit=2", [0]),
        (1, "limit=2", [1]),
        (2, "limit=2", [2]),
        (3, "limit=2", [2, 1]),
        (4, "limit=2", [2, 2]),
        (200, "", [200]),
        (201, "", [200, 1]),
        (3, "limit=1", [1, 1, 1]),
    ],
)
def test_a_page_has_a_link_where_there_is_more(
    user: Client,
    postgres: psycopg.Connection[Any],
    count: int,
    query: str,
    pages: list[int],
) -> None:
    row = "SELECT 'a', FALSE, now(), now()"
    insert(postgres, user, f"{row} FROM generate_series(1, {count})")

    sizes, following = [], f"{query}&sort=created"
    while following:
        answer = user.send("list_tasks", query=following)
        sizes.append(len(answer.json))
        following = link(answer.headers) or ""

    assert sizes == pages


KEPT = {
    "nothing": "limit=1",
    "all of its own": "status=pending&search=a&sort=title&order=asc&limit=1",
    "unknown ones": "limit=1&utm_source=x&page=2",
    "repeated ones": "limit=1&tag=a&tag=b&tag=a",
    "without a value": "limit=1&flag&empty=",
    "percent-encoded": "limit=1&search=%61%25%5F%C3%A9%20+&x=%2f%2F",
    "not UTF-8": "limit=1&x=%ff%FE",
    "a stray percent": "limit=1&x=100%",
    "a name like cursor": "limit=1&cursors=a&xcursor=b&Cursor=c",
    "reserved characters": "limit=1&x=a:b/c?d@e!$'()*,;[]",
}


@pytest.mark.parametrize("query", KEPT.values(), ids=KEPT)
def test_a_link_keeps_every_other_parameter(user: Client, query: str) -> None:
    for _ in range(3):
        user.create("a%_é  b")

    first = link(user.send("list_tasks", query=query).headers)
    assert first is not None
    second = link(user.send("list_tasks", query=first).headers)

    assert re.fullmatch(re.escape(query) + r"&cursor=[\w-]+", first)
    assert second is not None
    assert re.fullmatch(re.escape(query) + r"&cursor=[\w-]+", second)
    assert first != second


@pytest.mark.parametrize("name", ["cursor", "%63ursor", "cur%73or"])
def test_a_link_has_one_cursor(user: Client, name: str) -> None:
    for _ in range(3):
        user.create()
    first = link(user.send("list_tasks", query="limit=1").headers)
    assert first

    sent = f"{name}={first.partition('cursor=')[2]}&limit=1&&"
    second = link(user.send("list_tasks", query=sent).headers)

    assert second
    assert re.fullmatch(r"limit=1&cursor=[\w-]+", second)


@pytest.mark.parametrize("character", ['"', "<", ">", " ", "\u00e9", "\\", "\u2028"])
def test_no_parameter_ends_a_link_early(user: Client, character: str) -> None:
    user.create()
    user.create()

    answer = user.send("list_tasks", query=f"limit=1&x={character}; rel=prev")

    following = link(answer.headers)
    assert following
    assert following.startswith(f"limit=1&x={quote(character)};%20rel=prev&cursor=")


LONG = {
    "encoded again": "limit=1&search=b&x=" + '"' * 3000,
    "as long as can be": "limit=1&search=b&x=" + "x" * 9000,
    "the longest search": f"x={'x' * 5000}&limit=1&search={quote('🎉' * 200)}",
    "thousands of searches": "search=a&" * 1000 + "limit=1&search=b",
    "not UTF-8": "limit=1&search=b&x=" + "%ff" * 2000,
    "a sort": "x=" + "é" * 2000 + "&sort=title&limit=0000000001",
}


@pytest.mark.parametrize("query", LONG.values(), ids=LONG)
def test_no_link_is_too_long(database: str, query: str) -> None:
    user = Client(("🎉" * 223) + uuid.uuid4().hex)
    for n in range(3):
        user.create("🎉" * 199 + str(n), description="b" + "🎉" * 200)

    answer = user.send("list_tasks", query=query)
    following = link(answer.headers)
    assert following is not None
    assert len(answer.headers["link"]) < 8000
    again = user.send("list_tasks", query=following)

    assert "x=" not in following
    assert len(again.json) == 1
    assert again.json != answer.json


def test_a_link_of_moderate_length_keeps_what_the_list_ignores(user: Client) -> None:
    user.create()
    user.create()
    ignored = "x=" + "y" * 3500

    following = link(user.send("list_tasks", query=f"limit=1&{ignored}").headers)

    assert following
    assert following.startswith(f"limit=1&{ignored}&cursor=")


USER_IDS = [
    "auth0|1",
    "a/b",
    "a%2Fb",
    "100%",
    "a b?c#d",
    "ユーザー🎉",
    "<a>;",
    '"',
    "{x}",
]


@pytest.mark.parametrize("user_id", USER_IDS)
def test_a_link_has_the_callers_path(database: str, user_id: str) -> None:
    user = Client(f"{user_id}{uuid.uuid4().hex}")
    user.create()
    user.create()

    answer = user.send("list_tasks", query="limit=1")

    path = f"</api/{quote(user.user_id, safe='')}/tasks?limit=1&cursor="
    assert answer.headers["link"].startswith(path)
    assert link(answer.headers)


# Following the links while others write


class Others:
    """Another connection, where tasks of the same user come, are completed and go."""

    def __init__(
        self, postgres: psycopg.Connection[Any], user: Client, alike: str
    ) -> None:
        self.postgres, self.user, self.alike = postgres, user, alike

    def write(self) -> None:
        """Insert 20 tasks, and complete or delete others that were inserted so."""
        insert(
            self.postgres,
            self.user,
            f"SELECT 'same', n % 2 = 0, {self.alike}, {self.alike}"
            " FROM generate_series(1, 20) AS n",
        )
        mine = "user_id = %s AND description IS NULL AND random() < 0.3"
        self.postgres.execute(
            "UPDATE tasks SET completed = NOT completed, version = version + 1,"
            f" updated_at = clock_timestamp() WHERE {mine}".encode(),
            (self.user.user_id,),
        )
        self.postgres.execute(
            f"DELETE FROM tasks WHERE {mine}".encode(), (self.user.user_id,)
        )


ALIKE = "timestamptz '2026-01-01 12:00:00.123456Z'"


@pytest.mark.parametrize("alike", [True, False], ids=["all alike", "all different"])
@every_order
def test_each_task_that_stays_is_listed_once_while_others_come_and_go(
    user: Client, postgres: psycopg.Connection[Any], sort: str, order: str, alike: bool
) -> None:
    time = ALIKE if alike else "timestamptz '2026-01-01' + random() * interval '1 day'"
    title = "'same'" if alike else "md5(random()::text)"
    row = f"SELECT {title}, n % 2 = 0, {time}, {time}"
    insert(postgres, user, f"{row} FROM generate_series(1, 1500) AS n")
    postgres.execute(
        "UPDATE tasks SET description = 'stays' WHERE user_id = %s", (user.user_id,)
    )
    staying = user.pages(sort=sort, order=order)
    others = Others(postgres, user, time)

    listed, following = [], urlencode({"sort": sort, "order": order, "limit": 70})
    while following:
        answer = user.send("list_tasks", query=following)
        listed += answer.json
        following = link(answer.headers) or ""
        others.write()

    assert [task for task in listed if task["description"] == "stays"] == staying
    keys = [(task[column(sort)], task["id"]) for task in listed]
    assert keys == sorted(set(keys), reverse=order == "desc")


def column(sort: str) -> str:
    return {"created": "created_at", "updated": "updated_at", "title": "title"}[sort]


@every_order
def test_each_task_that_stays_is_listed_once_while_a_thread_writes(
    user: Client, postgres: psycopg.Connection[Any], sort: str, order: str
) -> None:
    row = f"SELECT 'same', n % 2 = 0, {ALIKE}, {ALIKE} FROM generate_series(1, 300) n"
    staying = set(insert(postgres, user, row))
    postgres.execute(
        "UPDATE tasks SET description = 'stays' WHERE user_id = %s", (user.user_id,)
    )
    others, done = Others(postgres, user, ALIKE), threading.Event()

    def write() -> None:
        while not done.is_set():
            others.write()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        listed = user.pages(sort=sort, order=order, limit=25)
    finally:
        done.set()
        thread.join()

    ids = [task["id"] for task in listed if task["id"] in staying]
    assert sorted(ids) == sorted(staying)


def test_a_task_that_is_written_moves_to_the_end_of_the_list_by_update(
    user: Client,
) -> None:
    first, second, third = [user.create()["id"] for _ in range(3)]
    answer = user.send("list_tasks", query="sort=updated&order=asc&limit=1")
    user.send("complete_task", first)

    rest = follow(user, link(answer.headers))

    assert [task["id"] for task in rest] == [second, third, first]


def follow(user: Client, query: str | None) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    while query:
        answer = user.send("list_tasks", query=query)
        listed += answer.json
        query = link(answer.headers)
    return listed


def test_a_cursor_outlives_its_task(user: Client) -> None:
    first, second, third = [user.create()["id"] for _ in range(3)]
    query = link(user.send("list_tasks", query="limit=1&order=asc").headers)
    user.send("delete_task", first)

    rest = follow(user, query)

    assert [task["id"] for task in rest] == [second, third]


# Cursors


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


def forget_connection() -> None:
    if connection._idle:
        connection._idle.close()
    connection._idle = None


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
    position = cursors.Position("2026-01-01T00:00:00.000000Z", 1)
    forged = cursors.encode(position, (user.user_id, "created", "desc"), bytes(32))

    environments()
    assert_refused(user, forged)
    assert_refused(user, forged)


POSITIONS: dict[str, tuple[object, object]] = {
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
    "a boolean id": ("2026-01-01T00:00:00Z", True),
    "an id with a fraction": ("2026-01-01T00:00:00Z", 1.5),
}


@pytest.mark.parametrize("position", POSITIONS.values(), ids=POSITIONS)
@pytest.mark.parametrize("query", ["", "sort=title"], ids=["by time", "by title"])
def test_a_new_environment_refuses_a_position_that_is_none(
    user: Client,
    environments: Callable[[], None],
    position: tuple[object, object],
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
    url = os.environ["DATABASE_URL"].encode()
    key = hashlib.sha256(b"taskapi cursor\0" + url).digest()
    task = user.create()
    position = cursors.Position("2000-01-01T00:00:00.000000Z", 0)

    cursor = cursors.encode(position, (user.user_id, "created", "asc"), key)
    answer = user.send("list_tasks", query=f"order=asc&cursor={cursor}")

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


# Search

FOUND = {
    "a part": ("cer", "Buy groceries"),
    "the whole": ("Buy groceries", "Buy groceries"),
    "capitals": ("BUY", "buy"),
    "small letters": ("buy", "BUY"),
    "an accent": ("É", "café"),
    "the same the other way": ("é", "CAFÉ"),
    "Cyrillic": ("ДЯДЯ", "мой дядя"),
    "Greek": ("λ", "Λ"),
    "the sigma at an end, in small letters": ("ΟΔΟΣ", "οδος"),
    "the sigma at an end, in capitals": ("οδος", "ΟΔΟΣ"),
    "the sigma itself": ("Σ", "ΟΔΟΣ"),
    "German capitals": ("STRASSE", "Straße"),
    "German small letters": ("straße", "STRASSE"),
    "the capital ß": ("ẞ", "ß"),
    "a Turkish capital": ("İstanbul", "İSTANBUL"),
    "a ligature": ("OFFICE", "o\ufb03ce"),
    "Deseret, beyond the BMP": ("\U00010400", "\U00010428"),
    "a percent sign": ("100%", "at 100% now"),
    "an underscore": ("a_b", "xa_bx"),
    "a backslash": ("a\\b", "a\\b"),
    "a backslash at the end": ("a\\", "a\\"),
    "two backslashes": ("\\\\", "a\\\\b"),
    "an escaped percent sign": ("\\%", "a\\%b"),
    "a quote": ("o'c", "five o'clock"),
    "blanks": ("  ", "a  b"),
    "an emoji": ("🎉", "a🎉b"),
    "200 characters": ("🎉" * 200, "🎉" * 200),
    "200 backslashes": ("\\" * 200, "\\" * 200),
}
NOT_FOUND = {
    "any characters": ("a%b", "axxb"),
    "any character": ("a_b", "axb"),
    "percent alone": ("%", "abc"),
    "underscore alone": ("_", "abc"),
    "an escaped letter": ("\\a", "a"),
    "two for one": ("\\\\", "a\\b"),
    "another accent": ("e", "é"),
    "another order": ("ba", "ab"),
    "a Turkish capital in Latin": ("istanbul", "İSTANBUL"),
    "a Turkish small letter": ("I", "\u0131"),
}


def pairs(table: dict[str, tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("search", "text"), table.values(), ids=table)


@pairs(FOUND)
def test_finds(user: Client, search: str, text: str) -> None:
    by_title = user.create(text)
    by_description = user.create("x.", description=f"\n{text}\n")
    user.create("-", description="-")

    listed = user.send("list_tasks", query={"search": search, "order": "asc"}).json

    assert listed == [by_title, by_description]


@pairs(NOT_FOUND)
def test_does_not_find(user: Client, search: str, text: str) -> None:
    user.create(text)
    user.create("-", description=text)
    user.create("-")

    assert user.send("list_tasks", query={"search": search}).json == []


def test_search_looks_at_title_and_description_one_by_one(user: Client) -> None:
    user.create("milk", description="bread")

    assert user.send("list_tasks", query={"search": "milkbread"}).json == []


def test_search_ignores_case_in_any_locale(server: str, new_database: str) -> None:
    name = re.findall(r"/(test_\w+)", new_database)[0]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name}".encode())
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE 'C'".encode())
    migrate(new_database)

    with psycopg.connect(new_database) as connection:
        found = connection.execute("SELECT folded('É') = folded('é')").fetchone()

    assert found == (True,)


def test_no_search_costs_ten_times_an_ordinary_one_of_the_same_text(
    new_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "CHARACTERS", 200_000)
    texts = ("one letter", "letters that fold to three characters")
    migrate(new_database)

    with psycopg.connect(new_database, autocommit=True) as connection:
        took = {
            text: {
                length: searches.time_searches(
                    connection, searches.UNITS[text], length, 3
                )
                for length in (200, 5000)
            }
            for text in texts
        }

    assert max(searches.ratios(took)) < searches.LIMIT, took


# Size

WORST = {
    "four bytes each": "🎉",
    "quotes": '"',
    "backslashes": "\\",
    "line feeds": "\n",
    "line separators": "\u2028",
}


@pytest.mark.parametrize("character", WORST.values(), ids=WORST)
def test_the_largest_list_fits_into_lambda(
    database: str,
    postgres: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    character: str,
) -> None:
    marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller")
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13")
    user = Client("🎉" * 223 + uuid.uuid4().hex)
    user.create("🎉" * 200, description=character * 5000)
    postgres.execute(
        "INSERT INTO tasks (user_id, title, description) SELECT user_id, title,"
        " description FROM tasks, generate_series(1, 200) WHERE user_id = %s",
        (user.user_id,),
    )
    sent = event(
        ROUTES["list_tasks"],
        path={"user_id": user.user_id},
        query={"sort": "title", "search": "🎉" * 200},
        headers={"authorization": f"Bearer {token(user.user_id)}"},
    )

    response = handler(sent, CONTEXT)

    assert len(json.loads(response["body"])) == 200
    assert response["headers"]["link"]
    assert len(marshaller.to_json(response).encode()) < LAMBDA_LIMIT


@pytest.mark.parametrize("write", ["create", "update"])
def test_a_long_description_is_stored_uncompressed(
    user: Client, postgres: psycopg.Connection[Any], write: str
) -> None:
    task = user.create(description="a" * 5000 if write == "create" else "short")
    if write == "update":
        user.send("update_task", task["id"], json_body={"description": "a" * 5000})

    stored = postgres.execute(
        "SELECT pg_column_size(description), pg_column_compression(description)"
        " FROM tasks WHERE id = %s",
        (task["id"],),
    ).fetchone()

    assert stored == (5000, None)


# Plans


def test_no_list_sorts_more_than_a_page_or_reads_others_tasks(
    new_database: str,
) -> None:
    migrate(new_database)
    with psycopg.connect(new_database, autocommit=True) as connection:
        connection.prepare_threshold = None
        fill(connection, rows=20_000, users=50, big=5_000, old=300)

        bad = {
            name: found
            for user_id in ("big", "old", "done", "user 7")
            for name, plan in every_list(connection, user_id, [None, "milk"])
            if (found := faults(plan))
        }

    assert bad == {}
