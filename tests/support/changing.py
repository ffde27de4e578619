"""Random writes to a user's tasks, from processes of their own, and by psql."""

import multiprocessing
import os
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from local.direct import SECRET, Answer
from tests.support.api import Client

Operation = Callable[[Client, random.Random, list[int]], Answer]
"""One write with the user's ids to choose from; it adds those of new tasks."""


def create(client: Client, rng: random.Random, ids: list[int]) -> Answer:
    body = {"title": f"{rng.random()}", "completed": rng.random() < 0.3}
    answer = client.send("create_task", json_body=body)
    if answer.status == 201:
        ids.append(answer.json["id"])
    return answer


def update(client: Client, rng: random.Random, ids: list[int]) -> Answer:
    body = {"title": f"{rng.random()}", "tags": ["a"]}
    return client.send("update_task", rng.choice(ids), json_body=body)


def complete(client: Client, rng: random.Random, ids: list[int]) -> Answer:
    return client.send("complete_task", rng.choice(ids))


def delete(client: Client, rng: random.Random, ids: list[int]) -> Answer:
    return client.send("delete_task", rng.choice(ids))


def restore(client: Client, rng: random.Random, ids: list[int]) -> Answer:
    return client.send("restore_task", rng.choice(ids))


def clear(client: Client, rng: random.Random, ids: list[int]) -> Answer:
    return client.send("clear_completed", query="status=completed")


def batch(client: Client, rng: random.Random, ids: list[int]) -> Answer:
    """Make several writes together, some of which name tasks that are deleted."""
    due = {"due_date": "2026-01-01", "recurrence": "daily"}
    operations = [
        {"op": "create", "task": {"title": f"{rng.random()}"}},
        {"op": "create", "task": {"title": "recurring", **due}},
        {"op": "update", "id": rng.choice(ids), "changes": {"title": "in a batch"}},
        {"op": "update", "id": rng.choice(ids), "changes": due, "if_match": '"x"'},
        {"op": "complete", "id": rng.choice(ids), "completed": True},
        {"op": "delete", "id": rng.choice(ids)},
        {"op": "restore", "id": rng.choice(ids)},
    ]
    rng.shuffle(operations)
    answer = client.send("batch_tasks", json_body={"operations": operations})
    if answer.status == 200:
        tasks = [each.get("task") for each in answer.json["results"]]
        ids += [task["id"] for task in tasks if task and task["id"] not in ids]
    return answer


def empty(client: Client, rng: random.Random, ids: list[int]) -> Answer:
    return client.send("empty_trash")


OPERATIONS: dict[Operation, int] = {
    create: 30,
    update: 30,
    complete: 10,
    delete: 25,
    restore: 25,
    clear: 2,
    batch: 15,
    empty: 1,
}
"""How often each is made. Add a new kind of write here."""

EXPECTED = {200, 201, 204, 404, 503}
"""The statuses of answers: a task may be deleted, and a connection may break."""

FUNCTIONS = (
    "create_task",
    "update_task",
    "complete_task",
    "delete_task",
    "restore_task",
    "clear_completed",
    "batch_tasks",
    "empty_trash",
)


def write(client: Client, ids: list[int], count: int, seed: int) -> list[int]:
    """Make random writes; return the ids, with those of new tasks."""
    rng = random.Random(seed)
    operations = rng.choices([*OPERATIONS], [*OPERATIONS.values()], k=count)
    for operation in operations:
        answer = operation(client, rng, ids)
        assert answer.status in EXPECTED, answer.text
    return ids


@contextmanager
def writers(count: int, url: str) -> Iterator[ProcessPoolExecutor]:
    """Yield processes, each one environment, whose database is at the URL."""
    context = multiprocessing.get_context("forkserver")
    functions = [f"functions.{name}.app" for name in FUNCTIONS]
    context.set_forkserver_preload([__name__, *functions])
    with ProcessPoolExecutor(count, context, initialize, (url,)) as pool:
        yield pool


def initialize(url: str) -> None:
    os.environ |= {
        "DATABASE_URL": url,
        "BETTER_AUTH_SECRET": SECRET,
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }


LATE = """
    UPDATE tasks
       SET title = title || '.', version = version + 1,
           updated_at = GREATEST(now(), updated_at + interval '1 microsecond')
     WHERE user_id = %(user_id)s AND id = %(kept)s
"""
BY_PSQL = (
    "INSERT INTO tasks (user_id, title) VALUES (%(user_id)s, 'by psql')",
    "UPDATE tasks SET title = 'by psql' WHERE user_id = %(user_id)s AND id = %(id)s",
    "UPDATE tasks SET user_id = %(other)s WHERE user_id = %(user_id)s AND id = %(id)s",
    "DELETE FROM tasks WHERE user_id = %(user_id)s AND id = %(id)s",
)
"""Writes as an operator makes them, who knows nothing of the counter."""


@dataclass
class Held:
    """A transaction that begins before other writes, and writes and commits after them.

    Its writes have the time at which it began.
    """

    url: str
    values: list[dict[str, Any]]
    """For each user, the parameters of LATE and BY_PSQL."""
    begun: threading.Event = field(default_factory=threading.Event)
    may_write: threading.Event = field(default_factory=threading.Event)
    has_written: threading.Event = field(default_factory=threading.Event)
    may_commit: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            with psycopg.connect(self.url) as connection:
                connection.execute("SELECT now()")
                self.begun.set()
                assert self.may_write.wait(60)
                for values in self.values:
                    for sql in (LATE, *BY_PSQL):
                        write_by_psql(connection, sql, values)
                self.has_written.set()
                assert self.may_commit.wait(60)
        finally:
            self.begun.set()
            self.has_written.set()


def write_by_psql(
    connection: psycopg.Connection[Any], sql: str, values: dict[str, Any]
) -> None:
    """Run a statement, again if it gives way to a write that counts itself."""
    while True:
        try:
            with connection.transaction():
                connection.execute(sql.encode(), values)
            return
        except psycopg.errors.SerializationFailure:
            pass
