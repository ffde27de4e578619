"""Every sort, order, condition and size of a page, compared with Python."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskapi.tasks.planning import PRIORITIES
from tests.support.api import Client
from tests.support.listing import SORTS

Task = dict[str, Any]

INSERT = """
    INSERT INTO tasks (user_id, title, completed, priority, tags, due_on, due_at,
                       created_at, updated_at)
    SELECT %(user_id)s, chr(97 + (n * 7 %% 5)), n %% 3 = 0,
           (enum_range(NULL::task_priority))[1 + n * 5 %% 4],
           CASE n %% 4 WHEN 0 THEN ARRAY['a'] WHEN 1 THEN ARRAY['b', 'a']
                       WHEN 2 THEN ARRAY['c'] ELSE '{}' END,
           CASE WHEN n %% 5 = 0 THEN DATE '2026-03-01' + n / 9 END,
           CASE WHEN n %% 5 = 1 THEN timestamptz '2026-03-01 22:30Z'
                                     + n * interval '7 hours' END,
           timestamptz '2026-01-01Z' + n / 4 * interval '1 hour',
           timestamptz '2026-02-01Z' + n * 11 %% 6 * interval '1 hour'
      FROM generate_series(1, 60) AS n
"""

QUERIES = st.fixed_dictionaries(
    {"sort": st.sampled_from(SORTS), "order": st.sampled_from(["asc", "desc"])},
    optional={
        "status": st.sampled_from(["all", "pending", "completed"]),
        "priority": st.sampled_from(["high", "low,urgent", "low,medium,high,urgent"]),
        "tags": st.sampled_from(["a", "a,b", "c", "none"]),
        "due_from": st.sampled_from(["2026-03-03", "2026-03-03T12:00:00Z"]),
        "due_before": st.sampled_from(["2026-03-10", "2026-03-09T22:30:00Z"]),
        "time_zone": st.just("Asia/Tokyo"),
        "search": st.sampled_from(["A", "z"]),
    },
)
TOKYO = {"2026-03-03": "2026-03-02T15:00:00Z", "2026-03-10": "2026-03-09T15:00:00Z"}
"""When these days begin there."""


@pytest.fixture(scope="module")
def tasks(database: str) -> tuple[Client, list[Task]]:
    user = Client("auth0|property")
    with psycopg.connect(database) as connection:
        connection.execute(INSERT, {"user_id": user.user_id})
    return user, user.send("list_tasks", query="order=asc").json


def due_key(task: Task) -> str:
    """Return a due date as lists sort it."""
    due = str(task["due_date"])
    return f"{due}T00:00:00.000000Z" if len(due) == 10 else due


def bound(task: Task, query: Mapping[str, str], name: str) -> str:
    """Return what to compare a task's due_key() with."""
    sent = query[name]
    if "T" in sent:
        return sent.replace("Z", ".000000Z")
    if len(task["due_date"]) > 10 and "time_zone" in query:
        return TOKYO[sent].replace("Z", ".000000Z")
    return f"{sent}T00:00:00.000000Z"


MATCHES: dict[str, Callable[[Task, Mapping[str, str]], bool]] = {
    "status": lambda task, query: (
        query["status"] == "all"
        or task["completed"] == (query["status"] == "completed")
    ),
    "priority": lambda task, query: task["priority"] in query["priority"].split(","),
    "tags": lambda task, query: {*query["tags"].split(",")} <= {*task["tags"]},
    "due_from": lambda task, query: (
        task["due_date"] is not None and due_key(task) >= bound(task, query, "due_from")
    ),
    "due_before": lambda task, query: (
        task["due_date"] is not None
        and due_key(task) < bound(task, query, "due_before")
    ),
    "search": lambda task, query: query["search"].lower() in task["title"],
}


def expected(tasks: list[Task], query: Mapping[str, str]) -> list[Task]:
    """Return the list that the query asks for."""
    found = [
        task
        for task in tasks
        if all(MATCHES[name](task, query) for name in query if name in MATCHES)
    ]
    keys: dict[str, Callable[[Task], tuple[object, ...]]] = {
        "priority": lambda task: (
            PRIORITIES.index(task["priority"]),
            task["created_at"],
            task["id"],
        ),
        "due_date": lambda task: (due_key(task), task["id"]),
    }
    sort = query["sort"]
    found.sort(
        key=keys.get(sort, lambda task: (task[sort], task["id"])),
        reverse=query["order"] == "desc",
    )
    if sort == "due_date":
        found.sort(key=lambda task: task["due_date"] is None)
    return found


@settings(max_examples=150, deadline=None)
@given(query=QUERIES, limit=st.sampled_from([1, 7, 200]))
def test_pages_are_the_list_that_python_makes(
    tasks: tuple[Client, list[Task]], query: dict[str, str], limit: int
) -> None:
    user, existing = tasks
    wanted = expected(existing, query)

    listed = user.pages(**query, limit=max(limit, len(wanted) // 8 or 1))

    assert listed == wanted, json.dumps(query)
