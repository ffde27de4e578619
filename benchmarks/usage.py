"""The CPU time of requests, of one execution environment and of some at once.

The simulation gets its parameters from it (calibration.py).
"""

import os
import socket
import statistics
import sys
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.crowd import run_at_once
from benchmarks.load import OPERATIONS
from local.direct import invoke, user_event
from local.servers import PgBouncer, Postgres
from taskapi.postgres import connection

ENVIRONMENTS = 4
"""Measured alone, in each run."""

CROWDS = {"10": 5, "100": 20}
"""How many environments tell what a request takes in a row. More of them take more,
because they find the processor's caches full of each other's data."""

CROWD_RUNS = 2

ROUNDS = 10
BODIES = ("create_task", "update_task")


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
