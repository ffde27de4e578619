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
    "sort=created_at": [2, 1, 3, 0],
    "order=asc": [0, 3, 1, 2],
    "sort=created&order=desc": [2, 1, 3, 0],
    "sort=updated": [3, 0, 1, 2],
    "sort=updated&order=asc": [2, 1, 0, 3],
    "sort=updated_at&order=asc": [2, 1, 0, 3],
    "sort=title": [3, 1, 0, 2],
    "sort=title&order=asc": [3, 1, 0, 2],
    "sort=title&order=desc": [2, 0, 1, 3],
    "status=all": [2, 1, 3, 0],
    "status=pending": [3, 0],
    "status=completed": [2, 1],
    "status=pending&sort=title": [3, 0],
    "status=completed&sort=updated&order=asc": [2, 1],
    "status=incomplete": [3, 0],
    "status=active&sort=updated_at&order=asc": [0, 3],
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


DUE: list[str | None] = [
    "2026-03-09",
    None,
    "2026-03-09T00:00:00.000001Z",
    "2026-03-08T23:59:59Z",
    "2026-03-09T00:00:00Z",
    None,
    "1970-01-01",
    "9999-12-31T23:59:59.999999Z",
]
BY_DUE_DATE = {
    "sort=due_date": [6, 3, 0, 4, 2, 7, 1, 5],
    "sort=due_date&order=asc": [6, 3, 0, 4, 2, 7, 1, 5],
    "sort=due_date&order=desc": [7, 2, 4, 0, 3, 6, 5, 1],
    "sort=due_date&order=desc&status=pending": [7, 2, 4, 0, 3, 6, 5, 1],
    "sort=due_date&order=desc&status=completed": [],
}


@pytest.mark.parametrize(
    ("query", "expected"), BY_DUE_DATE.items(), ids=list(BY_DUE_DATE)
)
def test_tasks_without_a_due_date_come_last(
    user: Client, query: str, expected: list[int]
) -> None:
    ids = [user.create(due_date=due)["id"] for due in DUE]

    for limit in (1, 3, 200):
        parameters = dict(part.split("=") for part in query.split("&"))
        listed = user.pages(**parameters, limit=limit)
        assert [task["id"] for task in listed] == [ids[n] for n in expected]


def test_equal_priorities_are_in_the_order_of_creation(user: Client) -> None:
    priorities = ["low", "urgent", "medium", "urgent", "high", "low"]
    ids = [user.create(priority=each)["id"] for each in priorities]

    descending = user.pages(sort="priority", limit=2)
    ascending = user.pages(sort="priority", order="asc", status="pending", limit=2)

    assert [task["id"] for task in descending] == [ids[n] for n in (3, 1, 4, 2, 5, 0)]
    assert ascending == descending[::-1]
