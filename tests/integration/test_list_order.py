"""The order of a list."""

from typing import Any

import psycopg
import pytest

from tests.support.api import Client
from tests.support.listing import insert

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
