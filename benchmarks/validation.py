"""Check the simulation against benchmarks.load: `python -m benchmarks.validation`.

In each run, it measures the CPU time of the requests of one execution environment, and
of some at once. From that it predicts the rows of benchmarks.load, which it measures
too. They tell the simulation nothing.
"""

import os
import random
import socket
import statistics
import sys
import time
from array import array
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypedDict

import psutil
import psycopg

from benchmarks import load, results
from benchmarks.crowd import DATABASE, import_functions, pooled_database, run_at_once
from benchmarks.data import fill
from benchmarks.load import OPERATIONS
from benchmarks.simulation import (
    CUSTOM_PLANS,
    Demand,
    Machine,
    Statements,
    run_together,
)
from local.direct import invoke, user_event
from local.servers import POOL_SIZE, PgBouncer, Postgres
from taskapi.postgres import connection

ROWS = {"1": 1, "10": 10, "100": 100}
REPEATS = {"1": 10, "10": 3, "100": 1}
"""How often each row is measured in a run: few requests say little of the slowest."""

RUNS = 5
LIMIT = 0.2
"""By how much a prediction may be off, as a share of the measured number."""

COLUMNS = {"rate": "requests/s", "p50": "p50 ms", "p99": "p99 ms"}
DIGITS = {"rate": 0, "p50": 1, "p99": 1}
ENVIRONMENTS = 4
"""Measured alone, in each run."""

CROWDS = {"10": 5, "100": 20}
"""How many environments tell what a request takes in a row. More of them take more,
because they find the processor's caches full of each other's data."""

CROWD_RUNS = 2

TASKS = 20_000
"""Of the table whose size is measured."""

AUTOGROUP = Path("/proc/sys/kernel/sched_autogroup_enabled")

ROUNDS = 10
BODIES = ("create_task", "update_task")
WRITES = ("create_task", "update_task", "complete_task", "delete_task")


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
    service: "Service"


class Service(TypedDict):
    """What requests take, in seconds of CPU time.

    client, pooler: of each operation, in a crowd. database: samples of each, prepared.
    """

    client: dict[str, float]
    pooler: dict[str, float]
    database: dict[str, list[float]]
    server_start: float
    task_bytes: float
    """On the disk, with indexes."""


def cpu_clock(pid: int) -> float:
    """Return the seconds of CPU time of a process, to the nanosecond (Linux)."""
    try:
        return time.clock_gettime((~pid) << 3 | 2)
    except OSError:
        return 0.0


def backends(postgres: Postgres) -> list[int]:
    pid = int((postgres.folder / "postmaster.pid").read_text().split()[0])
    return [pid, *(child.pid for child in psutil.Process(pid).children())]


def pooler_pid() -> int:
    [pid] = (c.pid for c in psutil.Process().children() if c.name() == "pgbouncer")
    return pid


def work(
    servers: Callable[[], list[int]], pooler: int, prepared: bool
) -> "array[float]":
    """Be an execution environment; return the seconds of its requests, as in `Times`.

    Postgres is still busy for a moment after it has answered. So its CPU time and that
    of the pooler are read when the next request begins.

    servers: returns the processes of Postgres.
    """
    user_id, seconds, id = f"alone|{os.getpid()}", array("f"), ""
    pids = servers()
    database, pooling = sum(map(cpu_clock, pids)), cpu_clock(pooler)
    for _ in range(ROUNDS):
        for operation in OPERATIONS:
            body = {"title": "Buy milk"} if operation in BODIES else None
            about = None if operation == "list_tasks" else id
            started = time.thread_time()
            event = user_event(user_id, operation, about, json_body=body)
            made = time.thread_time()
            answer = invoke(operation, event)
            ended = time.thread_time()
            if answer.status >= 300:
                raise RuntimeError(f"{operation}: {answer.status}")
            if not id:
                pids = servers()  # The pooler may have a new connection.
            if operation == "create_task":
                id = answer.json["id"]
            if not prepared and connection._idle:
                connection._idle.plans = None
            before = database, pooling
            database, pooling = sum(map(cpu_clock, pids)), cpu_clock(pooler)
            seconds.append(made - started)
            seconds.append(ended - made)
            seconds.append(pooling - before[1])
            seconds.append(database - before[0])
    return seconds


class Times(NamedTuple):
    """Seconds of CPU time of a request: what `work` measures."""

    event: float
    handler: float
    pooler: float
    database: float


def measure_times(
    environments: int, servers: Callable[[], list[int]], prepared: bool
) -> list[list[Times]]:
    """Return what the requests of each environment take, in their order."""
    pooler, each = pooler_pid(), ROUNDS * len(OPERATIONS)
    joined = run_at_once(environments, lambda: work(servers, pooler, prepared))
    if len(joined) != environments * each * 4:
        sys.exit(f"only {len(joined)} times of {environments} environments")
    times = [Times(*joined[at : at + 4]) for at in range(0, len(joined), 4)]
    return [times[at : at + each] for at in range(0, len(times), each)]


class Crowd(NamedTuple):
    """What the requests of some environments at once take.

    That is more than what a single environment's take, because each process finds the
    caches full of what others have left there.
    """

    times: list[list[Times]]
    """Of each environment, without those of Postgres."""

    pooler: float
    """On average."""

    database: float
    """On average."""

    rest: float
    """Of an environment, besides its requests: to begin and to end."""


def measure_crowd(postgres: Postgres, environments: int) -> Crowd:
    pooler, pids = pooler_pid(), backends(postgres)
    before = cpu_clock(pooler), sum(map(cpu_clock, pids)), sum(os.times()[2:4])
    times = measure_times(environments, list, prepared=False)
    used = sum(os.times()[2:4]) - before[2]
    requests = [each for environment in times for each in environment]
    return Crowd(
        times,
        (cpu_clock(pooler) - before[0]) / len(requests),
        (sum(map(cpu_clock, backends(postgres))) - before[1]) / len(requests),
        max(used - sum(each.event + each.handler for each in requests), 0.0)
        / environments,
    )


def measure_flushes(folder: Path, count: int = 200) -> list[float]:
    """Return the seconds of writing a page to the disk, as a commit does."""
    seconds = []
    with (folder / "flushed").open("wb", buffering=0) as file:
        file.truncate(1 << 20)
        os.fsync(file.fileno())
        for number in range(count):
            file.seek(8192 * (number % 100))
            file.write(os.urandom(8192))
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - started)
    return seconds


def measure_wake(count: int = 500) -> float:
    """Return the seconds until a process runs that waits for another, on idle cores."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        while theirs.recv(1):
            theirs.send(b"x")
        os._exit(0)
    theirs.close()
    seconds = []
    for _ in range(count):
        before = time.perf_counter(), time.process_time(), cpu_clock(child)
        ours.send(b"x")
        ours.recv(1)
        waited = time.perf_counter() - before[0]
        busy = time.process_time() - before[1] + cpu_clock(child) - before[2]
        seconds.append((waited - busy) / 2)
    ours.close()
    os.waitpid(child, 0)
    return max(statistics.median(seconds), 0.0)


def measure_fork(count: int = 20) -> float:
    """Return the seconds to fork an environment that does nothing."""
    started = time.perf_counter()
    run_at_once(count, lambda: array("f"))
    return (time.perf_counter() - started) / count


class Usage(NamedTuple):
    """What one run has measured, to predict its rows: nothing of the rows."""

    first: list[list[Times]]
    """Environments whose first request makes the pooler connect to Postgres."""

    prepared: list[list[Times]]
    """Others; Postgres prepares their statements."""

    plain: list[list[Times]]
    """Others, without prepared statements."""

    crowds: dict[str, list[Crowd]]
    flushes: list[float]
    wake: float
    fork: float


def measure_usage(postgres: Postgres, pgbouncer: PgBouncer) -> Usage:
    """Measure one environment and a few, without the rows."""

    def alone(prepared: bool = True) -> list[list[Times]]:
        return measure_times(1, lambda: backends(postgres), prepared)

    alone()  # Postgres reads its catalogs.
    first: list[list[Times]] = []
    prepared: list[list[Times]] = []
    plain: list[list[Times]] = []
    for _ in range(ENVIRONMENTS):
        pgbouncer.restart()
        first += alone()
        prepared += alone()
        plain += alone(prepared=False)
    measure_crowd(postgres, max(CROWDS.values()))  # The pooler connects to Postgres.
    crowds = {
        name: [measure_crowd(postgres, size) for _ in range(CROWD_RUNS)]
        for name, size in CROWDS.items()
    }
    pgbouncer.restart()
    flushes = measure_flushes(postgres.folder)
    return Usage(
        first, prepared, plain, crowds, flushes, measure_wake(), measure_fork()
    )


class Calibration(NamedTuple):
    """The parameters of the simulation: of one environment, or of several."""

    machine: Machine
    requests: list[list[Demand]]
    """Samples of each request of an environment, in their order."""


def calibrate(usage: Usage, row: str) -> Calibration:
    """Return the parameters of the environments of a row."""
    if row not in usage.crowds:
        rest = statistics.mean(crowd.rest for crowd in usage.crowds["10"])
        return Calibration(machine(usage, 1.0, rest), demands(usage.prepared))
    crowds, plain = usage.crowds[row], [t for times in usage.plain for t in times]
    pooler, database = (
        statistics.mean(crowded) / statistics.mean(alone)
        for crowded, alone in (
            ([crowd.pooler for crowd in crowds], [t.pooler for t in plain]),
            ([crowd.database for crowd in crowds], [t.database for t in plain]),
        )
    )
    # What an environment of a crowd reads of the pooler is what all of them take.
    usual = [
        pooler * statistics.mean(times.pooler for times in same)
        for same in zip(*usage.plain, strict=True)
    ]
    times = [
        [t._replace(pooler=own) for t, own in zip(times, usual, strict=True)]
        for crowd in crowds
        for times in crowd.times
    ]
    rest = statistics.mean(crowd.rest for crowd in crowds)
    return Calibration(machine(usage, database, rest), demands(times))


def machine(usage: Usage, factor: float, rest: float) -> Machine:
    """Return this machine, where Postgres takes so many times what it takes alone."""
    size = len(OPERATIONS)
    server_start = statistics.median(
        sum(each.database for each in new[:size])
        - sum(each.database for each in old[:size])
        for new, old in zip(usage.first, usage.prepared, strict=True)
    )

    def samples(runs: list[list[Times]], number: int, *rounds: int) -> list[float]:
        return [
            factor * times[size * round + number].database
            for times in runs
            for round in range(*rounds)
        ]

    return Machine(
        cores=os.cpu_count() or 1,
        wake=usage.wake,
        flushes=usage.flushes,
        fork=usage.fork,
        rest=rest,
        server_start=factor * server_start,
        pool_size=POOL_SIZE,
        session=AUTOGROUP.exists() and AUTOGROUP.read_text().strip() == "1",
        statements={
            operation: Statements(
                prepare=samples(usage.prepared, number, 1),
                custom=samples(usage.prepared, number, 1, CUSTOM_PLANS),
                generic=samples(usage.prepared, number, CUSTOM_PLANS + 1, ROUNDS),
                plain=samples(usage.plain, number, 1, ROUNDS),
                writes=operation in WRITES,
            )
            for number, operation in enumerate(OPERATIONS)
        },
    )


def demands(runs: list[list[Times]]) -> list[list[Demand]]:
    return [
        [
            Demand(
                OPERATIONS[number % len(OPERATIONS)],
                times.event,
                times.handler,
                times.pooler,
                connects=number == 0,
            )
            for times in same
        ]
        for number, same in enumerate(zip(*runs, strict=True))
    ]


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
    rng = random.Random(seed)  # noqa: S311
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


def describe_service(calibrations: list[Calibration], task_bytes: float) -> Service:
    """Return what a request takes that isn't an environment's first."""
    later = range(len(OPERATIONS), ROUNDS * len(OPERATIONS))

    def average(part: Callable[[Demand], float], operation: str) -> float:
        values = (
            part(demand)
            for calibration in calibrations
            for number in later
            for demand in calibration.requests[number]
            if demand.operation == operation
        )
        return round(statistics.mean(values), 7)

    return {
        "client": {
            name: average(lambda demand: demand.handler, name) for name in OPERATIONS
        },
        "pooler": {
            name: average(lambda demand: demand.pooler, name) for name in OPERATIONS
        },
        "database": {
            name: thin(
                sample
                for calibration in calibrations
                for sample in calibration.machine.statements[name].generic
            )
            for name in OPERATIONS
        },
        "server_start": round(
            statistics.median(c.machine.server_start for c in calibrations), 7
        ),
        "task_bytes": round(task_bytes),
    }


def thin(samples: Iterable[float], count: int = 20) -> list[float]:
    """Return a few samples that stand for all: their quantiles."""
    cuts = statistics.quantiles(samples, n=2 * count, method="inclusive")
    return [round(cut, 7) for cut in cuts[::2]]


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
