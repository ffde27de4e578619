"""A reader that only applies changes has what a list returns, whatever happens.

Processes write at random through connections that break, a thread writes by psql, and
in each round a transaction that began before others commits after them. Readers read
all the time. After each round, when nothing runs, their copies are compared with lists.
"""

import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import pytest

from local.waiting import eventually
from tests.support.api import Client
from tests.support.changing import BY_PSQL, Held, write, write_by_psql, writers
from tests.support.faults import DATABASE, Api
from tests.support.proxy import AtRandom, Rule
from tests.support.synced_copy import Change, Copy

ROUNDS, PROCESSES, WRITES = 3, 4, 20
"""Writes of one process in a round."""

SINCE = """
    SELECT id, updated_at, TRUE FROM tasks
     WHERE user_id = %(user_id)s AND updated_at > %(since)s
     UNION ALL
    SELECT id, deleted_at, FALSE FROM trash
     WHERE user_id = %(user_id)s AND deleted_at > %(since)s
  ORDER BY 2, 1
"""


@dataclass
class CopyByTime(Copy):
    """A copy by another feed: what was written after the latest time in the copy."""

    url: str = ""

    def read(self) -> list[Change]:
        values = {"user_id": self.user.user_id, "since": self.token or "-infinity"}
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(SINCE.encode(), values).fetchall()
        listed = {task["id"]: task for task in self.user.pages()}
        for id, time, exists in rows:
            self.token = time
            if exists and id in listed:
                self.tasks[id] = listed[id]
            else:
                self.tasks.pop(id, None)
        return []


class Model:
    """Two users with a copy each, and all who write."""

    def __init__(
        self, api: Api, copies: Sequence[Copy], faults: Rule | None = None
    ) -> None:
        self.api, self.copies, self.faults = api, copies, faults
        self.url = api.postgres.url(DATABASE)
        # Nobody but the held transactions writes to these.
        self.kept = [copy.user.create("kept")["id"] for copy in copies]
        self.ids = [[copy.user.create()["id"] for _ in range(5)] for copy in copies]
        self.seeds = count()

    def read(self) -> None:
        for copy in self.copies:
            copy.read()

    def values(self) -> list[dict[str, Any]]:
        """Return the parameters of a write by psql, for each user."""
        rng = random.Random(next(self.seeds))
        return [
            {
                "user_id": copy.user.user_id,
                "other": other.user.user_id,
                "kept": kept,
                "id": rng.choice(ids),
            }
            for copy, other, kept, ids in zip(
                self.copies, self.copies[::-1], self.kept, self.ids, strict=True
            )
        ]

    def write_by_psql(self, everything: list[dict[str, Any]]) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for values in everything:
                for sql in BY_PSQL:
                    write_by_psql(connection, sql, values)

    def run(self, pool: ProcessPoolExecutor, threads: ThreadPoolExecutor) -> None:
        """Make one round of writes, and read until nothing runs any more."""
        held = Held(self.url, self.values())
        holding = threads.submit(held.run)
        held.begun.wait(60)
        for copy in self.copies:
            copy.user.create("after the transaction has begun")
        self.read()
        self.api.proxy.rule = self.faults
        by_psql = threads.submit(self.write_by_psql, self.values())
        running = [
            (ids, pool.submit(write, copy.user, ids, WRITES, next(self.seeds)))
            for copy, ids in zip(self.copies, self.ids, strict=True)
            for _ in range(PROCESSES // len(self.copies))
        ]
        held.may_write.set()
        while not held.has_written.is_set():
            self.read()
        self.read()
        held.may_commit.set()
        holding.result(60)
        while not all(writing.done() for _, writing in running):
            self.read()
        for ids, writing in running:
            ids += {*writing.result()} - {*ids}
        by_psql.result(60)
        self.api.proxy.rule = None
        eventually(self.is_quiet)
        self.read()

    def is_quiet(self) -> bool:
        """Return whether no statement runs and no transaction is open."""
        return not self.api.postgres.execute(
            "SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            f" AND datname = '{DATABASE}' AND state <> 'idle'"
            " AND backend_type = 'client backend'"
        )

    def differences(self) -> set[int]:
        """Return the ids of tasks that aren't the same in a copy and in its list."""
        found = set()
        for copy in self.copies:
            listed = {task["id"]: task for task in copy.user.pages()}
            found |= {
                id
                for id in {*listed, *copy.tasks}
                if listed.get(id) != copy.tasks.get(id)
            }
        return found


def two_users(api: Api) -> tuple[Client, Client]:
    """Return users of this test."""
    return api.client, Client(f"{api.client.user_id} and another")


@pytest.mark.parametrize("kind", ["api", "pooled"], ids=["direct", "pooled"])
def test_copies_are_complete_after_each_round(
    request: pytest.FixtureRequest, kind: str
) -> None:
    api: Api = request.getfixturevalue(kind)
    killer = AtRandom(seed=7)
    model = Model(api, [Copy(user, limit=7) for user in two_users(api)], killer)

    with (
        writers(PROCESSES, api.proxy.url(DATABASE)) as pool,
        ThreadPoolExecutor() as threads,
    ):
        for _ in range(ROUNDS):
            model.run(pool, threads)
            assert model.differences() == set()
    assert killer.killed > 0
    assert all(len(copy.tasks) > 1 for copy in model.copies)


def test_a_feed_in_the_order_of_times_misses_changes(api: Api) -> None:
    """Those of the transactions that commit late."""
    url = api.postgres.url(DATABASE)
    model = Model(api, [CopyByTime(user, url=url) for user in two_users(api)])

    with writers(PROCESSES, url) as pool, ThreadPoolExecutor() as threads:
        model.run(pool, threads)

    assert {*model.kept} <= model.differences()
