"""Measure how much one user can slow down another: `python -m benchmarks.attack`.

A signed-up user with 10,000 tasks sends up to 100 requests a second, in each of the
ways in strategies.py. Meanwhile another user, the victim, lists, reads, creates and
deletes. The result is the victim's median time, as a multiple of the median while small
users send ordinary requests at the same rate. The two loads take turns; the result is
the median of the turns' ratios.

In Lambda each execution environment has its own CPU, and users share the database and
the pooler. So the attacker's functions run on one core and the victim's on another;
Postgres and PgBouncer may use both. PLACES has two harder cases that are measured too:
the database has only the victim's core, or all processes may use both cores.

Takes 15 minutes, prints a table in Markdown, and fails if the first ratio is over 1.5.
Needs Linux, two CPUs, PgBouncer, and a machine that does nothing else.
"""

import importlib
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import psutil

from benchmarks import results
from benchmarks.crowd import DATABASE, import_functions, pooled_database
from benchmarks.strategies import (
    STRATEGIES,
    VICTIM,
    Request,
    Requests,
    everyday,
    fill,
    rng,
)
from local.direct import CONTEXT, ROUTES, Answer, user_event
from local.servers import Postgres
from local.waiting import eventually
from taskapi.errors import TooManyRequests

LIMIT = 1.5
"""Times the victim's median under an ordinary load."""

RATE, VICTIMS_RATE = 100, 20
"""Requests a second."""

ALLOWED = os.sched_getaffinity(0) if sys.platform == "linux" else set()

SECONDS, WARM_UP = 2.5, 0.5
"""Of one turn, and of its warm-up, which isn't measured."""


class Place(NamedTuple):
    """Which of two cores each may use."""

    attacker: set[int]
    victim: set[int]
    database: set[int]


PLACES = {
    "own_core": Place(attacker={1}, victim={0}, database={0, 1}),
    "one_core_database": Place(attacker={1}, victim={0}, database={0}),
    "same_cores": Place(attacker={0, 1}, victim={0, 1}, database={0, 1}),
}

ROWS = list(STRATEGIES)
RUNS = 3


def serve(request: Request) -> tuple[Answer, float]:
    """Return a function's answer and the seconds, with encoding by AWS's client."""
    from awslambdaric.lambda_runtime_marshaller import to_json

    sent = user_event(
        request.user,
        request.function,
        request.id,
        query=request.query,
        headers=request.headers,
        body=request.body,
    )
    handler = importlib.import_module(f"functions.{request.function}.app").handler
    started = time.perf_counter()
    answer = handler(sent, CONTEXT)
    to_json(answer).encode()
    seconds = time.perf_counter() - started
    return Answer(answer["statusCode"], answer["headers"], answer["body"]), seconds


def paced(
    requests: Requests, every: float, due: float, end: float
) -> Iterator[tuple[Answer, float]]:
    """Send a request every so many seconds, or later if the previous answer is late.

    A request that the API could not answer, or that came too soon, is sent again.
    """
    request = next(requests)
    while due < end:
        time.sleep(max(due - time.perf_counter(), 0))
        answer, seconds = serve(request)
        yield answer, seconds
        if answer.status < 500 and answer.status != TooManyRequests.status:
            request = requests.send(answer)
        due = max(due + every, time.perf_counter())


def use(cores: set[int], pid: int = 0) -> None:
    """Let a process run only on these cores, counted from 0."""
    allowed = sorted(ALLOWED)
    with suppress(ProcessLookupError):
        os.sched_setaffinity(pid, {allowed[core] for core in cores})


def attack(name: str, number: int, place: str, begin: float) -> Counter[int]:
    """Act as one of the attacker's environments; return the statuses of the answers."""
    use(PLACES[place].attacker)
    rng.seed(number)
    strategy = STRATEGIES[name]
    requests, every = strategy.requests(strategy.user), strategy.environments / RATE
    answers = paced(requests, every, begin + number / RATE, begin + SECONDS)
    return Counter(answer.status for answer, _ in answers)


def suffer(place: str, begin: float) -> list[float]:
    """Act as the victim's environment; return each request's seconds, or infinity."""
    use(PLACES[place].victim)
    answers = paced(everyday(VICTIM), 1 / VICTIMS_RATE, begin, begin + SECONDS)
    return [
        seconds if answer.status < 300 else math.inf
        for answer, seconds in answers
        if time.perf_counter() > begin + WARM_UP
    ]


class Turn(NamedTuple):
    """The results of one turn."""

    median: float
    statuses: Counter[int]
    database_seconds: float


def turn(pool: ProcessPoolExecutor, postgres: Postgres, name: str, place: str) -> Turn:
    """Return the results of an attack of some seconds."""
    for process in [*poolers(), *database(postgres)]:
        use(PLACES[place].database, process.pid)
    before, begin = cpu(postgres), time.perf_counter() + 0.2
    attacks = [
        pool.submit(attack, name, number, place, begin)
        for number in range(STRATEGIES[name].environments)
    ]
    times = pool.submit(suffer, place, begin).result()
    statuses = sum((each.result() for each in attacks), Counter[int]())
    eventually(lambda: not is_busy(postgres), 30)
    return Turn(statistics.median(times), statuses, cpu(postgres) - before)


def poolers() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if child.name() == "pgbouncer"]


def database(postgres: Postgres) -> list[psutil.Process]:
    pid = int((postgres.folder / "postmaster.pid").read_text().split()[0])
    return [psutil.Process(pid), *psutil.Process(pid).children()]


def cpu(postgres: Postgres) -> float:
    """Return the seconds of CPU time that Postgres has used."""
    postmaster, *children = database(postgres)
    seconds = sum(postmaster.cpu_times()[:4])  # The last two are of ended children.
    for child in children:
        with suppress(psutil.NoSuchProcess):
            seconds += sum(child.cpu_times()[:2])
    return seconds


def is_busy(postgres: Postgres) -> bool:
    return bool(
        postgres.execute(
            "SELECT FROM pg_stat_activity"
            f" WHERE datname = '{DATABASE}' AND state = 'active'"
        )
    )


@contextmanager
def environments() -> Iterator[tuple[ProcessPoolExecutor, Postgres]]:
    """Yield processes that have imported all functions, and the database."""
    os.environ["AWS_EXECUTION_ENV"] = "AWS_Lambda_python3.13"
    import_functions(ROUTES)
    size = 1 + max(each.environments for each in STRATEGIES.values())
    fork = multiprocessing.get_context("fork")
    with pooled_database() as (postgres, _):
        fill(postgres.url(DATABASE))
        with ProcessPoolExecutor(size, fork) as pool:
            yield pool, postgres


def measure(names: list[str], runs: int) -> dict[str, dict[str, Any]]:
    """Return the row of each strategy."""
    with environments() as (pool, postgres):
        rows = {}
        for name in names:
            ratios: dict[str, list[float]] = {place: [] for place in PLACES}
            attacks = []
            for place in [*PLACES] * runs:
                usual = turn(pool, postgres, "control", place)
                attacked = turn(pool, postgres, name, place)
                ratios[place].append(attacked.median / usual.median)
                if place == "own_core":
                    attacks.append(attacked)
            answers = sum((each.statuses for each in attacks), Counter[int]())
            seconds = sum(each.database_seconds for each in attacks)
            rows[name] = {
                "answers": {str(key): answers[key] for key in sorted(answers)},
                "rate": round(answers.total() / runs / SECONDS),
                "database_ms": round(1000 * seconds / answers.total(), 1),
                "victim_ms": round(
                    1000 * statistics.median(a.median for a in attacks), 1
                ),
                "ratios": {
                    place: round(statistics.median(found), 2)
                    for place, found in ratios.items()
                },
            }
            print(f"{name}: {rows[name]}", file=sys.stderr)
        return rows


def table(rows: Mapping[str, Any]) -> str:
    """Return the table in Markdown."""
    return results.table(
        [
            "what the attacker sends",
            "answers/s",
            "database, ms each",
            "victim's median",
            "to ordinary load",
            "the database on one core",
            "all on both cores",
        ],
        [
            [
                STRATEGIES[name].sends,
                f"{row['rate']}",
                f"{row['database_ms']:.1f}",
                f"{row['victim_ms']:.1f} ms",
                *(f"{row['ratios'][place]:.2f}" for place in PLACES),
            ]
            for name, row in rows.items()
        ],
    )


def main() -> int:
    if len(ALLOWED) < 2:
        sys.exit("The attacker needs a CPU of their own, and there is only one here.")
    rows = results.main("attack", sys.modules[__name__])
    return int(max(row["ratios"]["own_core"] for row in rows.values()) > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
