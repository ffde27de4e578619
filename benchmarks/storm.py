"""Start 100 execution environments at the same moment: `python -m benchmarks.storm`.

That happens after a deployment, or when a working day begins. Secrets Manager answers
only so many requests in a second, and throttles the others (ThrottlingException).
Postgres has 20 connections, behind a PgBouncer that lends them for a statement.

Each environment begins as a copy of a snapshot does in Lambda: with all modules
imported, it reads the secret, connects, and answers a request. Imports aren't included
(crowd.py says why).
"""

import math
import os
import statistics
import sys
import time
from array import array
from collections.abc import Mapping
from typing import TypedDict

from benchmarks import results
from benchmarks.crowd import import_functions, pooled_database, run_at_once
from benchmarks.services import Vault, stand_ins
from local.direct import invoke, user_event
from local.servers import POOL_SIZE

ENVIRONMENTS = 100

ROWS = {"no limit": math.inf, "50": 50, "25": 25}
"""Requests that Secrets Manager answers in a second."""

RUNS = 3


class Row(TypedDict):
    """Of the slowest run: seconds until the median and the last environment is warm.

    errors: requests that weren't answered. throttled: by Secrets Manager. connections:
    to Postgres.
    """

    median: float
    last: float
    errors: int
    throttled: int
    connections: int


def measure(names: list[str], runs: int) -> dict[str, Row]:
    """Return the row of each limit."""
    os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "snap-start"
    import_functions(["list_tasks"])
    del os.environ["BETTER_AUTH_SECRET"]
    rows = {
        name: max((storm(ROWS[name]) for _ in range(runs)), key=lambda row: row["last"])
        for name in names
    }
    print(rows, file=sys.stderr)
    return rows


def storm(rate: float) -> Row:
    """Start all environments at once."""
    vault = Vault(rate)
    with (
        pooled_database() as (_, pgbouncer),
        stand_ins(os.environ.pop("DATABASE_URL"), vault) as services,
    ):
        os.environ.update(services.environment(services.hs256_settings(), True))
        times = run_at_once(ENVIRONMENTS, start)
        connections = pgbouncer.servers()
    if len(times) != ENVIRONMENTS or connections > POOL_SIZE:
        sys.exit(f"{len(times)} environments ended, with {connections} connections")
    return {
        "median": round(statistics.median(map(abs, times)), 2),
        "last": round(max(map(abs, times)), 2),
        "errors": sum(seconds < 0 for seconds in times),
        "throttled": vault.throttled,
        "connections": connections,
    }


def start() -> "array[float]":
    """Begin as a copy of the snapshot; return the seconds, negative after an error."""
    import snapshot_restore_py

    started = time.perf_counter()
    for hook, args, kwargs in snapshot_restore_py.get_after_restore():
        hook(*args, **kwargs)
    answer = invoke("list_tasks", user_event(f"storm|{os.getpid()}", "list_tasks"))
    seconds = time.perf_counter() - started
    return array("f", [seconds if answer.status == 200 else -seconds])


def table(rows: Mapping[str, Row]) -> str:
    """Return the table in Markdown."""
    return results.table(
        [
            "Secrets Manager answers, a second",
            "throttled",
            "errors",
            "connections to Postgres",
            "half are warm after",
            "the last is warm after",
        ],
        [
            [
                name,
                f"{row['throttled']}",
                f"{row['errors']}",
                f"{row['connections']}",
                f"{row['median']:.1f} s",
                f"{row['last']:.1f} s",
            ]
            for name, row in rows.items()
        ],
    )


def main() -> int:
    rows = results.main("storm", sys.modules[__name__])
    return int(any(row["errors"] for row in rows.values()))


if __name__ == "__main__":
    raise SystemExit(main())
