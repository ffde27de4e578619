"""A list's pages, and the links from one to the next."""

import re
import uuid
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.support.api import Client
from tests.support.listing import insert, link


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
