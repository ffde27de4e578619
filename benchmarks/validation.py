"""Check the simulation against benchmarks.load: `python -m benchmarks.validation`.

In each run, it measures the CPU time of the requests of one execution environment, and
of some at once. From that it predicts the rows of benchmarks.load, which it measures
too. They tell the simulation nothing.
"""

import os
import random
import statistics
import sys
import time
from collections.abc import Iterable
from typing import NamedTuple, TypedDict

import psutil
import psycopg

from benchmarks import load, results
from benchmarks.calibration import Service, calibrate, describe_service
from benchmarks.crowd import DATABASE, import_functions, pooled_database
from benchmarks.data import fill
from benchmarks.load import OPERATIONS
from benchmarks.simulation import run_together
from benchmarks.usage import (
    ROUNDS,
    Usage,
    backends,
    cpu_clock,
    measure_usage,
    pooler_pid,
)
from local.servers import Postgres

ROWS = {"1": 1, "10": 10, "100": 100}
REPEATS = {"1": 10, "10": 3, "100": 1}
"""How often each row is measured in a run: few requests say little of the slowest."""

RUNS = 5
LIMIT = 0.2
"""By how much a prediction may be off, as a share of the measured number."""

COLUMNS = {"rate": "requests/s", "p50": "p50 ms", "p99": "p99 ms"}
DIGITS = {"rate": 0, "p50": 1, "p99": 1}
TASKS = 20_000

"""Of the table whose size is measured."""


class Row(TypedDict):
    """Medians of the runs; times in milliseconds.

    others: cores that other programs used meanwhile.
    """

    measured: dict[str, float]
    predicted: dict[str, float]
    others: float


class Measured(TypedDict):
    """The rows, and what the simulation of other machines needs."""

    load: dict[str, Row]
    service: Service


def summarize(seconds: float, latencies: list[float]) -> dict[str, float]:
    """Return what a row of benchmarks.load shows."""
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    return {
        "rate": len(latencies) / seconds,
        "p50": 1000 * cuts[49],
        "p99": 1000 * cuts[98],
    }


def predict(usage: Usage, names: list[str], seed: int) -> list[dict[str, float]]:
    """Return the rows as the simulation sees them."""
    rng = random.Random(seed)
    calibrations = {name: calibrate(usage, name) for name in {*names}}
    crowds = [
        (
            calibrations[name].machine,
            [
                [rng.choice(same) for same in calibrations[name].requests]
                for _ in range(ROWS[name])
            ],
        )
        for name in names
    ]
    return [summarize(*row) for row in run_together(crowds, rng)]


QUIET = 0.1
"""Cores that other programs may use while a row is measured. A run with more is made
again, up to three times as many in all; then the quietest count."""


class Run(NamedTuple):
    """What was measured and predicted with a new database."""

    usage: Usage
    measured: "Medians"
    predicted: "Medians"
    others: dict[str, float]
    task_bytes: float


def measure(names: list[str], runs: int) -> Measured:
    """Return the rows, measured and predicted."""
    import_functions(OPERATIONS)
    order = [name for name in names for _ in range(REPEATS[name])]
    every: list[Run] = []
    for number in range(3 * runs):
        every.append(measure_run(order, number))
        every.sort(key=disturbance)
        if len(every) >= runs and disturbance(every[runs - 1]) <= QUIET:
            break
    quietest = every[:runs]
    return {
        "load": {
            name: {
                "measured": median_row(run.measured[name] for run in quietest),
                "predicted": median_row(run.predicted[name] for run in quietest),
                "others": round(max(run.others[name] for run in quietest), 2),
            }
            for name in names
        },
        "service": describe_service(
            [calibrate(run.usage, "100") for run in quietest],
            quietest[0].task_bytes,
        ),
    }


def disturbance(run: Run) -> float:
    """Return the most cores that other programs used during one of its rows."""
    return max(run.others.values())


def measure_run(order: list[str], number: int) -> Run:
    with pooled_database() as (postgres, pgbouncer):
        usage = measure_usage(postgres, pgbouncer)
        rows = [measure_row(postgres, ROWS[name]) for name in order]
        task_bytes = measure_task(postgres)
    run = Run(
        usage,
        medians(order, [row for row, _ in rows]),
        medians(order, predict(usage, order, number)),
        dict(zip(order, (cores for _, cores in rows), strict=True)),
        task_bytes,
    )
    print(f"run {number}: {run.measured}, others {run.others}", file=sys.stderr)
    print(f"     {run.predicted}", file=sys.stderr)
    return run


Medians = dict[str, dict[str, float]]
"""By row: its numbers."""


def medians(order: list[str], rows: list[dict[str, float]]) -> Medians:
    """Return the medians of the rows that were repeated in this order."""
    pairs = list(zip(order, rows, strict=True))
    return {
        name: median_row(row for other, row in pairs if other == name)
        for name in dict.fromkeys(order)
    }


def median_row(rows: Iterable[dict[str, float]]) -> dict[str, float]:
    """Return the median of each number."""
    found = list(rows)
    return {key: round(statistics.median(r[key] for r in found), 1) for key in found[0]}


def measure_row(
    postgres: Postgres, environments: int
) -> tuple[dict[str, float], float]:
    """Return a row of benchmarks.load, and the cores that other programs used."""

    def ours() -> float:
        servers: list[int] = [pooler_pid(), *backends(postgres)]
        return sum(map(cpu_clock, servers)) + sum(os.times()[:4])

    before = busy(), ours(), time.perf_counter()
    row = load.measure(environments, ROUNDS)
    seconds = time.perf_counter() - before[2]
    others = (busy() - before[0] - (ours() - before[1])) / seconds
    return summarize(row.seconds, row.latencies), max(others, 0.0)


def busy() -> float:
    """Return the seconds that the cores have worked so far (proc_stat(5))."""
    times = psutil.cpu_times()
    idle: float = times.idle + times.iowait
    return sum(times) - idle


def measure_task(postgres: Postgres) -> float:
    """Return the bytes of a task on the disk, with its indexes."""
    with psycopg.connect(postgres.url(DATABASE), autocommit=True) as connection:
        connection.execute("TRUNCATE tasks, change_counters")
        fill(connection, rows=TASKS, users=TASKS // 50, big=100, old=100)
        found = connection.execute("SELECT pg_total_relation_size('tasks')").fetchone()
    return float(found[0]) / TASKS if found else 0.0


def errors(row: Row) -> dict[str, float]:
    """Return by how much each predicted number is off, as a share of the measured."""
    return {
        key: row["predicted"][key] / row["measured"][key] - 1 for key in row["measured"]
    }


def missed(rows: Measured) -> list[str]:
    """Return the predictions that are off by more than the limit."""
    return [
        f"{environments} environments: {COLUMNS[key]} is off by {error:+.0%}"
        for environments, row in rows["load"].items()
        for key, error in errors(row).items()
        if abs(error) > LIMIT
    ]


def table(rows: Measured) -> str:
    """Return the table in Markdown."""
    return results.table(
        [
            "environments",
            *(
                cell
                for name in COLUMNS.values()
                for cell in (f"{name}, measured", "predicted", "error")
            ),
        ],
        [
            [
                name,
                *(
                    cell
                    for key in COLUMNS
                    for cell in (
                        f"{row['measured'][key]:.{DIGITS[key]}f}",
                        f"{row['predicted'][key]:.{DIGITS[key]}f}",
                        f"{100 * errors(row)[key]:+.0f}%",
                    )
                ),
            ]
            for name, row in rows["load"].items()
        ],
    )


def main() -> int:
    off = missed(results.main("validation", sys.modules[__name__]))
    print("\n".join(off), file=sys.stderr)
    return int(bool(off))


if __name__ == "__main__":
    raise SystemExit(main())
