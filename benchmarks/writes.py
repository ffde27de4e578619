"""What a write costs in this release and the one before, and what each index adds."""

import statistics
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from benchmarks import release_before, results
from benchmarks.list_databases import Connection, Databases
from benchmarks.searches import cpu_ms
from taskapi.tasks import create, write
from taskapi.tasks.fields import FIELDS

Cost = tuple[float, float]
"""Milliseconds of Postgres's CPU time, and bytes of WAL."""


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
    times: dict[str, dict[str, list[Cost]]] = {
        name: {side: [] for side in sides} for name in WRITES
    }
    for _ in range(turns):
        for side, (connection, release) in sides.items():
            # What a create without a key sends in its place.
            key = f"request {uuid.uuid4()}" if side == "before" else create.random_key()
            for name, cost in write_once(connection, release, key):
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
    connection: Connection, release: Release, key: str
) -> Iterator[tuple[str, Cost]]:
    """Yield the cost of each write."""
    values: dict[str, object] = {field.name: field.default for field in FIELDS}
    values |= {
        "user_id": "user 1",
        "versions": None,
        "lock_timeout": "3s",
        "fingerprint": b"hash",
        "key": key,
        "changed": ["title"],
    }
    changed: list[dict[str, object]] = [
        {"title": "a"},
        {"title": "b"},
        {"completed": True},
    ]
    for name, sql, changes in zip(WRITES, release, changed, strict=True):
        values["id"], cost = run_write(connection, sql, values | changes)
        yield name, cost


def run_write(
    connection: Connection, sql: str, values: Mapping[str, object]
) -> tuple[int, Cost]:
    """Write to a task; return its id and what that has cost."""
    before, started = wal_position(connection), cpu_ms(connection.info.backend_pid)
    [(id, *_)] = connection.execute(sql.encode(), values).fetchall()
    took = cpu_ms(connection.info.backend_pid) - started
    return id, (took, wal_position(connection) - before)


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


def measure_indexes(all_: Databases) -> dict[str, Any]:
    """Return each index's size, and the WAL that a create writes for it.

    The indexes are dropped one after the other.
    """
    large = all_.large
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
    costs = [dict(write_once(connection, NOW, create.random_key())) for _ in range(60)]
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
