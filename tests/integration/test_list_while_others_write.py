"""Following a list's links while others write."""

import threading
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from taskapi.tasks.planning import PRIORITIES
from tests.support.api import Client
from tests.support.listing import every_order, follow, insert, link


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


STAYS = """
    UPDATE tasks
       SET description = 'stays',
           due_on = CASE WHEN %(alike)s THEN DATE '2026-01-01'
                         WHEN id %% 3 = 0 THEN DATE '2026-01-01' + (id %% 50)::int END,
           priority = CASE WHEN %(alike)s THEN 'high'
                           ELSE (enum_range(NULL::task_priority))[1 + id %% 4] END
     WHERE user_id = %(user_id)s
"""


@pytest.mark.parametrize("alike", [True, False], ids=["all alike", "all different"])
@every_order
def test_each_task_that_stays_is_listed_once_while_others_come_and_go(
    user: Client, postgres: psycopg.Connection[Any], sort: str, order: str, alike: bool
) -> None:
    time = ALIKE if alike else "timestamptz '2026-01-01' + random() * interval '1 day'"
    title = "'same'" if alike else "md5(random()::text)"
    row = f"SELECT {title}, n % 2 = 0, {time}, {time}"
    insert(postgres, user, f"{row} FROM generate_series(1, 1000) AS n")
    postgres.execute(STAYS, {"user_id": user.user_id, "alike": alike})
    staying = user.pages(sort=sort, order=order)
    others = Others(postgres, user, time)

    listed, following = [], urlencode({"sort": sort, "order": order, "limit": 70})
    while following:
        answer = user.send("list_tasks", query=following)
        listed += answer.json
        following = link(answer.headers) or ""
        others.write()

    assert [task for task in listed if task["description"] == "stays"] == staying
    places = [place(task, sort, order) for task in listed]
    assert places == sorted(set(places), reverse=order == "desc")


def place(task: dict[str, Any], sort: str, order: str) -> tuple[object, ...]:
    """Return what a list is sorted by."""
    if sort == "priority":
        return PRIORITIES.index(task[sort]), task["created_at"], task["id"]
    if sort == "due_date":
        last = "9999" if order == "asc" else ""
        return task[sort] or last, task["id"]
    return task[sort], task["id"]


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


def test_a_cursor_outlives_its_task(user: Client) -> None:
    first, second, third = [user.create()["id"] for _ in range(3)]
    query = link(user.send("list_tasks", query="limit=1&order=asc").headers)
    user.send("delete_task", first)

    rest = follow(user, query)

    assert [task["id"] for task in rest] == [second, third]
