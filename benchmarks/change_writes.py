"""Measure what the feed costs writes: `python -m benchmarks.change_writes`.

Each write is measured in databases with and without the counter (and with it the limits
of a user's writes), the index of changes and the trash: the CPU time of Postgres, and
what it writes into its log. They take turns; the numbers are medians.
"""

import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from benchmarks import results
from benchmarks.data import fill
from benchmarks.writes import Cost, run_write
from local.postgres import embedded_postgres_url
from taskapi.postgres.migrate import migrate
from taskapi.tasks import create, write
from taskapi.tasks.fields import FIELDS

Connection = psycopg.Connection[Any]

STATEMENTS = {
    "create": create.create_statement(("title", "description", "completed")),
    "update": write.field_statements(("title",)).plain,
    "delete": write.DELETE.plain,
}
ROWS = tuple(STATEMENTS)
RUNS = 400

COUNTER = """
    CREATE OR REPLACE FUNCTION count_write(writer TEXT) RETURNS BIGINT
        VOLATILE LANGUAGE plpgsql
        AS $$
    BEGIN
        PERFORM set_config('tasks.change', '1', TRUE);
        PERFORM set_config('tasks.writer', writer, TRUE);
        PERFORM set_config('tasks.write', '1' || writer, TRUE);
        RETURN 1;
    END
    $$
"""
INDEX = "DROP INDEX tasks_by_change"
TRASH = """
    DROP TRIGGER tasks_move_to_trash ON tasks;
    CREATE OR REPLACE FUNCTION purge_trash(owner TEXT, most BIGINT) RETURNS VOID
        VOLATILE LANGUAGE plpgsql AS $$ BEGIN END $$
"""
REMOVED = {
    "with all": (),
    "without the counter": (COUNTER,),
    "without the index": (INDEX,),
    "without the trash": (TRASH,),
    "without any": (COUNTER, INDEX, TRASH),
}
"""What each database has been altered by."""

TASKS = 20_000


def measure(names: list[str], runs: int) -> dict[str, dict[str, Cost]]:
    """Return the cost of each write, by database."""
    costs: dict[str, dict[str, list[Cost]]] = {
        name: {kind: [] for kind in REMOVED} for name in names
    }
    with (
        TemporaryDirectory() as folder,
        embedded_postgres_url(Path(folder) / "postgres") as url,
        ExitStack() as stack,
    ):
        with psycopg.connect(url, autocommit=True) as admin:
            # Full pages, which come after a checkpoint, would be most of the log.
            admin.execute("ALTER SYSTEM SET full_page_writes = off")
            admin.execute("ALTER SYSTEM SET synchronous_commit = off")
            admin.execute("ALTER SYSTEM SET autovacuum = off")
            admin.execute("SELECT pg_reload_conf()")
        connections = {
            kind: stack.enter_context(prepare_database(url, number, removed))
            for number, (kind, removed) in enumerate(REMOVED.items())
        }
        for turn in range(runs):
            for kind, connection in connections.items():
                for name, cost in write_once(connection, turn):
                    if name in names:
                        costs[name][kind].append(cost)
    return {
        name: {
            kind: (
                round(statistics.median(ms for ms, _ in found), 4),
                statistics.median(wal for _, wal in found),
            )
            for kind, found in by_kind.items()
        }
        for name, by_kind in costs.items()
    }


def prepare_database(url: str, number: int, removed: tuple[str, ...]) -> Connection:
    """Return a connection to a new database with tasks, altered by these statements."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE number{number}".encode())
    own = url.replace("/postgres?", f"/number{number}?")
    migrate(own)
    connection: Connection = psycopg.connect(own, autocommit=True)
    fill(connection, rows=TASKS, users=100, big=1_000, old=100)
    for sql in removed:
        connection.execute(sql.encode())
    connection.prepare_threshold = 0
    return connection


def write_once(connection: Connection, turn: int) -> Iterator[tuple[str, Cost]]:
    """Yield the cost of each write, made to a new task."""
    values: dict[str, object] = {field.name: field.default for field in FIELDS}
    values |= {
        "user_id": "user 1",
        "title": "a",
        "lock_timeout": "3s",
        "fingerprint": b"hash",
        "key": f"{turn} {time.time()}",
    }
    for name, sql in STATEMENTS.items():
        values["id"], cost = run_write(connection, sql, values)
        yield name, cost


def table(rows: Mapping[str, Mapping[str, Cost]]) -> str:
    """Return the table in Markdown."""
    return results.table(
        ["CPU time and WAL of", *REMOVED],
        [
            [
                name,
                *(
                    f"{ms:.3f} ms, {wal:,.0f} B"
                    for ms, wal in (by_kind[kind] for kind in REMOVED)
                ),
            ]
            for name, by_kind in rows.items()
        ],
    )


if __name__ == "__main__":
    results.main("change_writes", sys.modules[__name__])
