"""Which tasks a list with a condition has."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.api import Client

TASKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "low": {"priority": "low"},
    "high": {"priority": "high", "tags": ["home"]},
    "urgent": {"priority": "urgent", "tags": ["work", "home"], "completed": True},
    "work": {"tags": ["work", "Home"]},
    "the 8th": {"due_date": "2026-03-08"},
    "the 9th": {"due_date": "2026-03-09", "tags": ["home"]},
    "the 10th": {"due_date": "2026-03-10", "completed": True},
    "23:30 of the 8th": {"due_date": "2026-03-08T23:30:00Z"},
    "noon of the 9th": {"due_date": "2026-03-09T12:00:00Z"},
    "23:30 of the 9th": {"due_date": "2026-03-09T23:30:00Z"},
}
FOUND = {
    "priority=high": ["high"],
    "priority=HIGH,low": ["low", "high"],
    "priority=%20Urgent%20,low": ["low", "urgent"],
    "priority=low,medium,high,urgent": list(TASKS),
    "priority=low,urgent,high&status=pending": ["low", "high"],
    "priority=urgent,high&sort=priority": ["high", "urgent"],
    "priority=high&priority=low": ["low", "high"],
    "tags=home&tags=work": ["urgent"],
    "tags=home": ["high", "urgent", "the 9th"],
    "tags=home&status=incomplete": ["high", "the 9th"],
    "tags=%20work%20,home": ["urgent"],
    "tags=work&status=active": ["work"],
    "tags=home,work&status=pending": [],
    "tags=home&status=pending&priority=high": ["high"],
    "tags=none": [],
    "due_from=2026-03-09": [
        "the 9th",
        "the 10th",
        "noon of the 9th",
        "23:30 of the 9th",
    ],
    "due_before=2026-03-09": ["the 8th", "23:30 of the 8th"],
    "due_from=2026-03-09&due_before=2026-03-10&status=pending": [
        "the 9th",
        "noon of the 9th",
        "23:30 of the 9th",
    ],
    "due_from=2026-03-09&due_before=2026-03-10&time_zone=Europe/Berlin": [
        "the 9th",
        "23:30 of the 8th",
        "noon of the 9th",
    ],
    "due_from=2026-03-09&due_before=2026-03-10&time_zone=America/New_York": [
        "the 9th",
        "noon of the 9th",
        "23:30 of the 9th",
    ],
    "due_from=2026-03-09T12:00:00Z": [
        "the 10th",
        "noon of the 9th",
        "23:30 of the 9th",
    ],
    "due_before=2026-03-09T13:00:00%2B01:00": [
        "the 8th",
        "the 9th",
        "23:30 of the 8th",
    ],
    "due_before=2026-03-09T12:00:00.000001Z&time_zone=Asia/Tokyo": [
        "the 8th",
        "the 9th",
        "23:30 of the 8th",
        "noon of the 9th",
    ],
    "due_from=9999-12-31": [],
    "due_from=2026-03-10&due_before=2026-03-09": [],
    "time_zone=Europe/Berlin": list(TASKS),
    "search=THE&due_before=2026-03-10&tags=home": ["the 9th"],
}
ORDERS = ["created_at", "updated_at", "title", "due_date", "priority"]


@pytest.fixture(scope="module")
def user(database: str) -> Client:
    user = Client("auth0|filters")
    for title, fields in TASKS.items():
        user.create(title, **fields)
    return user


@pytest.mark.parametrize(("query", "titles"), FOUND.items(), ids=list(FOUND))
def test_finds(user: Client, query: str, titles: list[str]) -> None:
    for sort in ORDERS:
        for order in ("asc", "desc"):
            sent = f"{query}&sort={sort}&order={order}"
            answer = user.send("list_tasks", query=sent)
            found = [task["title"] for task in answer.json]
            assert sorted(found) == sorted(titles), sent


@pytest.mark.parametrize("query", FOUND)
def test_pages_with_a_condition_have_all_that_it_finds(
    user: Client, query: str
) -> None:
    parameters: dict[str, list[str]] = {}
    for each in query.split("&"):
        name, value = each.replace("%20", " ").replace("%2B", "+").split("=")
        parameters.setdefault(name, []).append(value)
    decoded = {name: ",".join(values) for name, values in parameters.items()}

    for sort in ORDERS:
        paged = user.pages(**{**decoded, "sort": sort, "order": "desc", "limit": 1})
        assert sorted(task["title"] for task in paged) == sorted(FOUND[query])


DAYS_WITHOUT_MIDNIGHT: Mapping[str, tuple[str, str]] = {
    # The clocks skip from 0:00 to 1:00.
    "America/Asuncion": ("2024-10-06", "2024-10-06T04:00:00Z"),
    # They show 0:00 twice.
    "America/Havana": ("2026-11-01", "2026-11-01T04:00:00Z"),
}


@pytest.mark.parametrize("zone", DAYS_WITHOUT_MIDNIGHT)
def test_a_day_begins_once(other: Client, zone: str) -> None:
    day, start = DAYS_WITHOUT_MIDNIGHT[zone]
    other.create("first", due_date=start)
    other.create(
        "before",
        due_date=start.replace("00Z", "00.0Z").replace(
            "04:00:00.0Z", "03:59:59.999999Z"
        ),
    )

    found = other.send(
        "list_tasks", query={"due_from": day, "time_zone": zone, "status": "pending"}
    ).json

    assert [task["title"] for task in found] == ["first"]
