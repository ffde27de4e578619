"""Measure lists, polls and writes among a million tasks: `python -m benchmarks.lists`.

Prints tables, draws docs/lists.svg, and fails if a promise of docs/lists.md is broken.
Ratios are of medians; the runs that are compared take turns. Takes three minutes;
`--scale 0.02` is a quick look.
"""

import argparse
import importlib
import io
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, NamedTuple

import psycopg
from pydantic_core import to_json

from benchmarks import data, release_before, results
from benchmarks.data import fill
from benchmarks.picture import Bar, picture
from benchmarks.plans import (
    buffers,
    every_fault,
    explain,
    page_after,
    rows_read,
    statement,
)
from benchmarks.searches import cpu_ms
from local.direct import CONTEXT, SECRET, user_event
from local.postgres import embedded_postgres_url
from taskapi.log import logger
from taskapi.postgres import migrate
from taskapi.tasks import create, write
from taskapi.tasks.fields import FIELDS, NAMES, Task, to_tasks
from taskapi.tasks.list_statements import Shape, list_statement
from taskapi.tasks.summary import MOST_TAGS, SUMMARIZE

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "lists.svg"

Connection = psycopg.Connection[Any]
Run = Callable[[], object]
Query = Mapping[str, str]

LIMIT = 200
MOST = 1.5
"""How much longer a flat list may take than the same list of 5,000 tasks."""

MOST_OF_A_GET, MOST_OF_A_CREATE = 1.1, 1.3

SORTS = ("created_at", "updated_at", "title", "due_date", "priority")
ORDERS = ("asc", "desc")
PENDING = {"status": "pending"}
FLAT: dict[str, Query] = {
    **{
        f"pending, by {sort} {order}": {**PENDING, "sort": sort, "order": order}
        for sort in SORTS
        for order in ORDERS
    },
    "pending, priority=urgent": {**PENDING, "priority": "urgent"},
    "pending, priority=high,urgent": {**PENDING, "priority": "high,urgent"},
    "pending, tags=home": {**PENDING, "tags": "home"},
    "pending, tags=work": {**PENDING, "tags": "work"},
    "pending, due in a range, by due date": {
        **PENDING,
        "sort": "due_date",
        "due_from": "2025-02-01",
        "due_before": "2025-11-01",
    },
    **{
        f"{status}, by {sort}": {"status": status, "sort": sort}
        for status in ("all", "completed")
        for sort in ("created_at", "updated_at")
    },
}
"""The lists that promise to take no longer when there are more tasks."""

BOUNDED: dict[str, Query] = {
    "pending, tags=rare": {**PENDING, "tags": "rare"},
    "pending, tags=project 7": {**PENDING, "tags": "project 7"},
    "pending, tags=home, by due date": {**PENDING, "tags": "home", "sort": "due_date"},
    "pending, tags=home&priority=urgent": {
        **PENDING,
        "tags": "home",
        "priority": "urgent",
    },
    "pending, priority=urgent, by title": {
        **PENDING,
        "priority": "urgent",
        "sort": "title",
    },
    "pending, due in a week, by created_at": {
        **PENDING,
        "due_from": "2025-06-02",
        "due_before": "2025-06-09",
    },
    "pending, overdue in February, by created_at": {
        **PENDING,
        "due_before": "2025-02-01",
    },
    "pending, a search that finds nothing": {**PENDING, "search": "no such words"},
    **{
        f"{status}, by {sort}": {"status": status, "sort": sort}
        for status in ("all", "completed")
        for sort in ("title", "due_date", "priority")
    },
    "all, priority=urgent": {"priority": "urgent"},
    "all, tags=home": {"tags": "home"},
    "all, tags=rare": {"tags": "rare"},
    "all, due in a week, by due date": {
        "sort": "due_date",
        "due_from": "2025-06-02",
        "due_before": "2025-06-09",
    },
    "the summary": {},
}
"""The lists that read more of a user's tasks, the more there are."""

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
LEGACY_LIST = """
    SELECT id, title, description, completed, user_id, created_at, updated_at
      FROM legacy.tasks
     WHERE user_id = %(user_id)s
       AND (%(completed)s::boolean IS NULL OR completed = %(completed)s)
  ORDER BY created_at DESC
     LIMIT %(limit)s OFFSET %(offset)s
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of a million tasks")
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    with TemporaryDirectory() as folder, databases(Path(folder), options.scale) as all_:
        measured = {
            "lists_flat": measure_flat(all_),
            "lists_bounded": measure_bounded(all_),
            "lists_polls": measure_polls(all_),
        }
        bars = measure_legacy(all_)
        if options.scale == 1:
            PICTURE.write_text(picture(bars))
        compare_json(all_.large)
        faulty = check_plans(all_.large)
        measured["lists_writes"] = measure_writes(all_)
        measured["lists_indexes"] = measure_indexes(all_.large)
    for name, rows in measured.items():
        print(f"\n{TABLES[name](rows)}")
        if options.save:
            results.save(name, {"scale": options.scale, "rows": rows})
    broken = [*broken_promises(measured), *faulty]
    for promise in broken:
        print(f"BROKEN: {promise}")
    return 1 if broken else 0


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
    """Return a connection like taskapi.postgres.connection's."""
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


def owner(query: Query) -> str:
    """Return who has most tasks of the status that a list has."""
    return "open" if query.get("status") == "pending" else "big"


def measure_flat(all_: Databases) -> dict[str, Any]:
    """Return the medians of each flat list, and what its page reads."""
    rows: dict[str, Any] = {}
    deep = all_.big * 85 // 100 // LIMIT * LIMIT
    for name, query in FLAT.items():
        user_id = owner(query)
        after = page_after(all_.large, user_id, query, deep)
        first, later = statement(user_id, query), statement(user_id, query, after)
        small = statement(user_id, query)
        took = medians(
            in_turn(
                {
                    "small": fetching(all_.small, *small),
                    "first": fetching(all_.large, *first),
                    "later": fetching(all_.large, *later),
                },
                seconds=1.2,
            )
        )
        plan = explain(all_.large, *later)
        rows[name] = took | {"rows": rows_read(plan), "buffers": buffers(plan)}
    return rows


def flat_table(rows: Mapping[str, Any]) -> str:
    """Return the table in Markdown."""
    return results.table(
        ["list", "of 5,000, ms", "page 1, ms", "page 850, ms", "rows", "buffers"],
        [
            [
                name,
                *(f"{row[column]:.2f}" for column in ("small", "first", "later")),
                f"{row['rows']:,}",
                f"{row['buffers']:,}",
            ]
            for name, row in rows.items()
        ],
    )


def measure_bounded(all_: Databases) -> dict[str, Any]:
    """Return the cost of each other list for the users with most tasks."""
    rows: dict[str, Any] = {}
    for name, query in BOUNDED.items():
        users = ("big", "open") if "pending" in name or not query else ("big",)
        rows[name] = {}
        for user_id in users:
            sql, params = statement(user_id, query)
            if not query:
                sql, params = summary_statement(user_id)
            took = in_turn({"it": fetching(all_.large, sql, params)}, 0.3, fewest=3)
            plan = explain(all_.large, sql, params)
            rows[name][user_id] = [medians(took)["it"], rows_read(plan)]
    return rows


def summary_statement(user_id: str) -> tuple[str, dict[str, object]]:
    """Return the statement of the summary, and its parameters."""
    values = {"user_id": user_id, "time_zone": "UTC", "most_tags": MOST_TAGS}
    return SUMMARIZE, values


def bounded_table(rows: Mapping[str, Any]) -> str:
    """Return the table in Markdown."""

    def cells(row: Mapping[str, Any]) -> Iterator[str]:
        for user_id in ("big", "open"):
            ms, read = row.get(user_id, (None, None))
            yield "-" if ms is None else f"{ms:.1f}"
            yield "-" if read is None else f"{read:,}"

    return results.table(
        ["list", "a tenth pending, ms", "rows", "nearly all pending, ms", "rows"],
        [[name, *cells(row)] for name, row in rows.items()],
    )


def measure_polls(all_: Databases) -> dict[str, Any]:
    """Return the medians of whole handlers: get_task, and polls that get a 304."""
    os.environ |= {"DATABASE_URL": all_.url, "BETTER_AUTH_SECRET": SECRET}
    logger.handlers[0].stream = io.StringIO()  # type: ignore[attr-defined]
    [(id,)] = all_.large.execute("SELECT max(id) FROM tasks WHERE user_id = 'big'")
    runs = {"get_task": call("get_task", id)}
    for name, function, query in (
        ("a poll of the list", "list_tasks", "status=pending"),
        ("a poll of a search", "list_tasks", "search=milk&sort=title"),
        ("a poll of the summary", "summarize_tasks", "time_zone=Europe/Berlin"),
    ):
        tag = call(function, query=query)()["headers"]["etag"]
        runs[name] = call(function, query=query, headers={"if-none-match": tag})
        assert runs[name]()["statusCode"] == 304
    runs["the same list"] = call("list_tasks", query="status=pending")
    return medians(in_turn(runs, seconds=6))


def call(function: str, id: object = None, **request: Any) -> Callable[[], Any]:
    """Return what calls a function with this request of the user "big"."""
    module: ModuleType = importlib.import_module(f"functions.{function}.app")
    event = user_event("big", function, id, **request)
    return lambda: module.handler(event, CONTEXT)


def polls_table(rows: Mapping[str, float]) -> str:
    """Return the table in Markdown."""
    return results.table(
        ["the whole handler", "ms", "of a get_task"],
        [
            [name, f"{ms:.2f}", f"{ms / rows['get_task']:.2f}"]
            for name, ms in rows.items()
        ],
    )


class Release(NamedTuple):
    """A release's statements that write."""

    create: str
    update: str
    complete: str


BEFORE = Release(release_before.CREATE, release_before.UPDATE, release_before.COMPLETE)
NOW = Release(
    create.create_statement(("title", "description", "completed")),
    write.field_statements(("title",)).plain,
    write.COMPLETE.plain,
)
WRITES = ("create", "change a title", "complete")


def measure_writes(all_: Databases, turns: int = 400) -> dict[str, Any]:
    """Return the medians of CPU time and WAL of each write, in both releases."""
    sides = {"before": (all_.before, BEFORE), "now": (all_.large, NOW)}
    times: dict[str, dict[str, list[tuple[float, float]]]] = {
        name: {side: [] for side in sides} for name in WRITES
    }
    for turn in range(turns):
        for side, (connection, release) in sides.items():
            for name, cost in write_once(connection, release, turn):
                times[name][side].append(cost)
    return {
        name: {
            side: [
                round(statistics.median(ms for ms, _ in costs), 4),
                statistics.median(wal for _, wal in costs),
            ]
            for side, costs in by_side.items()
        }
        for name, by_side in times.items()
    }


def write_once(
    connection: Connection, release: Release, turn: int
) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield the ms of Postgres's CPU time and the bytes of WAL of each write."""
    values: dict[str, object] = {field.name: field.default for field in FIELDS}
    values |= {
        "user_id": "user 1",
        "versions": None,
        "lock_timeout": "3s",
        "fingerprint": b"hash",
        "key": f"{turn} {time.time()}",
        "changed": ["title"],
    }
    changed: list[dict[str, object]] = [
        {"title": "a"},
        {"title": "b"},
        {"completed": True},
    ]
    for name, sql, changes in zip(WRITES, release, changed, strict=True):
        before = wal_position(connection)
        started = cpu_ms(connection.info.backend_pid)
        [(id, *_)] = connection.execute(sql.encode(), values | changes).fetchall()
        took = cpu_ms(connection.info.backend_pid) - started
        values["id"] = id
        yield name, (took, wal_position(connection) - before)


def wal_position(connection: Connection) -> float:
    [(position,)] = connection.execute(
        "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
    )
    return float(position)


def writes_table(rows: Mapping[str, Any]) -> str:
    """Return the table in Markdown."""
    return results.table(
        ["CPU time and WAL of", "before", "now", "ratio", "before", "now", "ratio"],
        [
            [
                name,
                f"{before[0]:.3f} ms",
                f"{now[0]:.3f} ms",
                f"{now[0] / before[0]:.2f}",
                f"{before[1]:,.0f} B",
                f"{now[1]:,.0f} B",
                f"{now[1] / before[1]:.2f}",
            ]
            for name, (before, now) in (
                (name, (row["before"], row["now"])) for name, row in rows.items()
            )
        ],
    )


def measure_indexes(large: Connection) -> dict[str, Any]:
    """Return each index's size, and the WAL that a create writes for it.

    The indexes are dropped one after the other.
    """
    names = large.execute(
        "SELECT indexrelname, pg_relation_size(indexrelid) / 2^20"
        "  FROM pg_stat_user_indexes WHERE relid = 'tasks'::regclass"
        "   AND indexrelname <> 'tasks_pkey' ORDER BY 1"
    ).fetchall()
    rows = {}
    before = create_wal(large)
    for name, size in names:
        large.execute(f"DROP INDEX {name}".encode())
        after = create_wal(large)
        rows[name] = {
            "megabytes": round(size),
            "wal": [b - a for b, a in zip(before, after, strict=True)],
        }
        before = after
    return rows


def create_wal(connection: Connection) -> list[float]:
    """Return the bytes of WAL of a create, and of completing its task."""
    costs = [dict(write_once(connection, NOW, turn)) for turn in range(60)]
    return [
        statistics.median(cost[name][1] for cost in costs)
        for name in ("create", "complete")
    ]


def indexes_table(rows: Mapping[str, Any]) -> str:
    """Return the table in Markdown."""
    return results.table(
        ["index", "MB", "WAL of a create", "of completing it"],
        [
            [
                f"`{name}`",
                f"{row['megabytes']:,}",
                *(f"{bytes_:,.0f} B" for bytes_ in row["wal"]),
            ]
            for name, row in rows.items()
        ],
    )


TABLES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "lists_flat": flat_table,
    "lists_bounded": bounded_table,
    "lists_polls": polls_table,
    "lists_writes": writes_table,
    "lists_indexes": indexes_table,
}


def broken_promises(measured: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """Yield the promises of docs/lists.md that these results break."""
    for name, row in measured["lists_flat"].items():
        for column in ("first", "later"):
            ratio = row[column] / row["small"]
            if ratio > MOST:
                yield f"{name}: {column} takes {ratio:.2f} times 5,000 tasks' page"
    polls = measured["lists_polls"]
    for name, ms in polls.items():
        ratio = ms / polls["get_task"]
        if "poll" in name and ratio > MOST_OF_A_GET:
            yield f"{name} takes {ratio:.2f} times a get_task"
    row = measured["lists_writes"]["create"]
    for what, before, now in zip(
        ("time", "WAL"), row["before"], row["now"], strict=True
    ):
        if now / before > MOST_OF_A_CREATE:
            yield f"the {what} of a create is {now / before:.2f} times that of before"


def measure_legacy(all_: Databases) -> list[Bar]:
    """Return the medians of the legacy app's pages and of these."""
    last = all_.big // LIMIT
    cases = {
        "200,000 tasks, page 1": ("big", {}, 0),
        f"200,000 tasks, page {last:,}": ("big", {}, all_.big - LIMIT),
        "an ordinary user, page 1": ("user 1", {}, 0),
        "3,000 tasks, the oldest of all": ("old", {}, 0),
        "3,000 tasks, 3 pending": ("done", PENDING, 0),
        "200,000 tasks, completed": ("big", {"status": "completed"}, 0),
    }
    completed = {"pending": False, "completed": True}
    bars = []
    for name, (user_id, query, offset) in cases.items():
        after = (
            page_after(all_.large, user_id, query, offset - LIMIT) if offset else None
        )
        legacy = {
            "user_id": user_id,
            "completed": completed.get(query.get("status", "")),
            "limit": LIMIT,
            "offset": offset,
        }
        here = statement(user_id, query, after)
        took = medians(
            in_turn(
                {
                    "here": fetching(all_.large, *here),
                    "legacy": fetching(all_.large, LEGACY_LIST, legacy),
                },
                seconds=1.2,
            )
        )
        bars.append(Bar(name, took["here"], took["legacy"]))
        print(f"- {name}: {took['here']:.2f} ms, legacy app {took['legacy']:.2f} ms")
    return bars


def check_plans(large: Connection) -> list[str]:
    """Check the plan of every list; return what is wrong."""
    checked = [
        (name, wrong)
        for user_id in ("big", "open", "old", "user 1")
        for name, wrong in every_fault(large, user_id)
    ]
    bad = [f"{name}: {', '.join(wrong)}" for name, wrong in checked if wrong]
    print(f"\n{len(checked)} plans checked, {len(bad)} with a fault")
    return bad


NEWEST = list_statement(Shape())
IN_POSTGRES = f"""
    SELECT json_agg(json_build_object({", ".join(f"'{n}', {n}" for n in NAMES)}))::text
      FROM ({NEWEST}) AS page ({", ".join(NAMES)})
"""
BY_ROW = f"""
    SELECT json_agg(page)::text
      FROM ({NEWEST}) AS page ({", ".join(NAMES)})
"""


def compare_json(large: Connection) -> None:
    """Compare the ways to make a list's JSON."""
    print(
        "\n| rows | the query alone | to_json | json.dumps | "
        "json_build_object | json_agg(row) |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for rows in (1, 50, 200):
        params = {"user_id": "big", "limit": rows - 1}
        query = fetching(large, NEWEST, params)

        def dicts(query: Run = query) -> list[Task]:
            rows: Any = query()
            return to_tasks(rows)

        times = medians(
            in_turn(
                {
                    "alone": query,
                    "to_json": lambda: to_json(dicts()),
                    "json.dumps": lambda: json.dumps(
                        dicts(), ensure_ascii=False
                    ).encode(),
                    "json_build_object": fetching(large, IN_POSTGRES, params),
                    "json_agg(row)": fetching(large, BY_ROW, params),
                },
                seconds=3,
            )
        )
        alone, *others = times.values()
        ratios = " | ".join(f"{other / alone:.2f}" for other in others)
        print(f"| {rows} | {alone:.2f} ms | {ratios} |")


if __name__ == "__main__":
    sys.exit(main())
