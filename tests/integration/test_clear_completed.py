"""Delete all completed tasks at once."""

from typing import Any

import psycopg
import pytest

from local.waiting import eventually
from tests.support.api import Client
from tests.support.background import meanwhile

Postgres = psycopg.Connection[Any]

INSERT_MANY = """
    INSERT INTO tasks (user_id, title, completed)
    SELECT %s, n::text, TRUE FROM generate_series(1, 3000) AS n
"""
COUNTER = "SELECT counter FROM change_counters WHERE user_id = %s"
WAITING = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def clear(user: Client) -> int:
    answer = user.send("clear_completed", query="status=completed")
    assert answer.status == 200, answer.text
    assert answer.json.keys() == {"deleted"}
    return int(answer.json["deleted"])


def test_completed_tasks_are_in_the_trash(user: Client, other: Client) -> None:
    pending = user.create("pending")
    completed = [user.create(str(number), completed=True) for number in range(3)]
    others = other.create(completed=True)
    before = user.send("list_tasks").headers["etag"]

    assert clear(user) == 3

    after = user.send("list_tasks")
    assert after.json == [pending]
    assert after.headers["etag"] != before
    deleted = user.send("list_trash").json
    assert [task["id"] for task in deleted] == [task["id"] for task in completed[::-1]]
    assert other.send("list_tasks").json == [others]
    assert user.send("restore_task", completed[0]["id"]).status == 200


def test_clearing_nothing_changes_nothing(user: Client, postgres: Postgres) -> None:
    assert clear(user) == 0
    assert postgres.execute(COUNTER, (user.user_id,)).fetchall() == []

    user.create()
    list_etag = user.send("list_tasks").headers["etag"]
    assert clear(user) == 0
    assert user.send("list_tasks").headers["etag"] == list_etag


@pytest.mark.parametrize(
    "query",
    [
        "",
        "status=",
        "status=all",
        "status=pending",
        "status=COMPLETED",
        "Status=completed",
        "status=completed&status=all",
        "status=all&status=completed",
        "status=completed&status=completed",
        "status=completed,completed",
        "completed=true",
    ],
)
def test_says_what_to_send(user: Client, query: str) -> None:
    task = user.create(completed=True)

    answer = user.send("clear_completed", query=query)

    assert answer.status == 422
    assert answer.json["details"] == {"field": "status", "constraint": "completed"}
    assert "?status=completed" in answer.json["message"]
    assert user.send("list_tasks").json == [task]


def test_ignores_unknown_parameters(user: Client) -> None:
    user.create(completed=True)

    answer = user.send("clear_completed", query="x=1&status=completed&status2=all")

    assert answer.json == {"deleted": 1}


def test_clears_thousands_in_one_statement(user: Client, postgres: Postgres) -> None:
    postgres.execute(INSERT_MANY, (user.user_id,))

    assert clear(user) == 3000

    assert user.send("list_tasks").json == []
    numbers = postgres.execute(
        "SELECT DISTINCT deletion FROM trash WHERE user_id = %s", (user.user_id,)
    ).fetchall()
    assert numbers == postgres.execute(COUNTER, (user.user_id,)).fetchall()


def test_a_task_that_is_reopened_meanwhile_stays(
    user: Client, postgres: Postgres, database: str
) -> None:
    tasks = [user.create(completed=True), user.create(completed=True)]
    with psycopg.connect(database) as writer:
        writer.execute(
            "UPDATE tasks SET completed = FALSE WHERE id = %s", (tasks[0]["id"],)
        )

        def commit() -> None:
            eventually(lambda: postgres.execute(WAITING).fetchall() == [(1,)])
            writer.commit()

        with meanwhile(commit):
            assert clear(user) == 1

    assert [task["id"] for task in user.send("list_tasks").json] == [tasks[0]["id"]]
