"""Databases with few and with many tasks, and how their statements are timed."""

import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from benchmarks import data, release_before
from benchmarks.data import fill
from local.postgres import embedded_postgres_url
from taskapi.postgres import migrate

Connection = psycopg.Connection[Any]
Run = Callable[[], object]

LEGACY_TABLE = """
    CREATE SCHEMA legacy;
    CREATE TABLE legacy.tasks AS
    SELECT id::integer, title, description, completed, user_id,
           created_at AT TIME ZONE 'UTC' AS created_at,
           updated_at AT TIME ZONE 'UTC' AS updated_at
      FROM tasks ORDER BY id;
    ALTER TABLE legacy.tasks ADD PRIMARY KEY (id);
    CREATE INDEX idx_tasks_user_id ON legacy.tasks (user_id);
    CREATE INDEX idx_tasks_completed ON legacy.tasks (completed);
"""


class Databases(NamedTuple):
    """Connections: to few tasks, to many, and to as many in the release before."""

    small: Connection
    large: Connection
    before: Connection
    url: str
    """Of the large one."""
    big: int
    """How many tasks the users "big" and "open" have in the large ones."""


@contextmanager
def databases(folder: Path, scale: float) -> Iterator[Databases]:
    """Fill the three databases."""
    with embedded_postgres_url(folder / "postgres") as url:
        with psycopg.connect(url, autocommit=True) as admin:
            # How long a commit waits for the disk varies by more than what we measure,
            # and full pages come after a checkpoint.
            admin.execute("ALTER SYSTEM SET synchronous_commit = off")
            admin.execute("ALTER SYSTEM SET full_page_writes = off")
            admin.execute("SELECT pg_reload_conf()")
        print("Filling the tables ...", file=sys.stderr)
        big = int(200_000 * scale)
        users, old = max(int(1_000 * scale), 10), int(3_000 * scale)
        small_url, large_url, before_url = (
            new_database(url, name) for name in ("small", "large", "before")
        )
        first = [
            file.name
            for file in sorted(migrate.MIGRATIONS.glob("*.sql"))
            if file.name[:4] <= release_before.LAST_MIGRATION
        ]
        for each, files in (small_url, None), (large_url, None), (before_url, first):
            apply_migrations(each, files, folder)
        small, large, before = map(connect, (small_url, large_url, before_url))
        with small, large, before:
            fill(small, rows=11_000, users=6, big=5_000, old=50)
            fill(large, rows=big * 5, users=users, big=big, old=old)
            fill(
                before,
                rows=big * 5,
                users=users,
                big=big,
                old=old,
                columns=data.FIRST_COLUMNS,
            )
            large.execute(LEGACY_TABLE.encode())
            large.execute("VACUUM (ANALYZE) legacy.tasks")
            large.execute("CHECKPOINT")
            yield Databases(small, large, before, large_url, big)


def new_database(url: str, name: str) -> str:
    """Return the URL of a new database."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    return url.replace("/postgres?", f"/{name}?")


def apply_migrations(url: str, files: Sequence[str] | None, folder: Path) -> None:
    """Apply all migrations, or these."""
    if files is None:
        migrate.migrate(url)
        return
    kept = folder / "migrations"
    kept.mkdir()
    everything = migrate.MIGRATIONS
    for name in files:
        shutil.copy(everything / name, kept)
    migrate.MIGRATIONS = kept
    try:
        migrate.migrate(url)
    finally:
        migrate.MIGRATIONS = everything


def connect(url: str) -> Connection:
    """Return a connection that prepares nothing: Postgres plans each statement."""
    connection = psycopg.connect(url, autocommit=True)
    connection.prepare_threshold = None
    return connection


def in_turn(
    runs: Mapping[str, Run], seconds: float, fewest: int = 20
) -> dict[str, list[float]]:
    """Time each run in ms, one after the other, again and again.

    Slow ones run less often, so that they don't use up all the time.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    end, turn = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or turn < fewest:
        turn += 1
        for name, run in runs.items():
            if times[name] and times[name][-1] > 20 and turn % 10:
                continue
            started = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - started) * 1000)
    return times


def medians(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: round(statistics.median(ms), 3) for name, ms in times.items()}


def fetching(connection: Connection, sql: str, params: Mapping[str, object]) -> Run:
    query = sql.encode()
    return lambda: connection.execute(query, params).fetchall()
