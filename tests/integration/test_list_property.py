"""Every sort, order, condition and size of a page, compared with Python."""

import json

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.api import Client
from tests.support.list_oracle import Task, expected_list
from tests.support.listing import SORTS

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
        "time_zone": st.sampled_from(["Asia/Tokyo", "America/New_York"]),
        "search": st.sampled_from(["A", "z"]),
    },
)


@pytest.fixture(scope="module")
def tasks(database: str) -> tuple[Client, list[Task]]:
    user = Client("auth0|property")
    with psycopg.connect(database) as connection:
        connection.execute(INSERT, {"user_id": user.user_id})
    return user, user.send("list_tasks", query="order=asc").json


PRIORITIES = {"sort": "priority", "status": "pending", "priority": "low,urgent"}


@settings(max_examples=150, deadline=None)
@example(query={**PRIORITIES, "order": "asc"}, limit=1)
@example(query={**PRIORITIES, "order": "desc"}, limit=1)
@given(query=QUERIES, limit=st.sampled_from([1, 7, 200]))
def test_pages_are_the_list_that_python_makes(
    tasks: tuple[Client, list[Task]], query: dict[str, str], limit: int
) -> None:
    user, existing = tasks
    wanted = expected_list(existing, query)

    listed = user.pages(**query, limit=max(limit, len(wanted) // 8 or 1))

    assert listed == wanted, json.dumps(query)
