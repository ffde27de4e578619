"""Measure what one user can do to the others: `python -m benchmarks.neighbours`.

One user sends as much as 40 execution environments can, in each of the ways in
ATTACKS, through PgBouncer, which has 20 connections to Postgres. Meanwhile three other
users get, list and create tasks, 20 times a second each. Each attack is measured
without limits, and with those of migration 0021. For comparison, 40 users send ordinary
requests.

As in attack.py, the 40 environments run on one core and the other users' on another;
Postgres and PgBouncer may use both, and come before the 40. Takes 3 minutes, and prints
a table in Markdown.
"""

import json
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import cycle
from typing import Any, NamedTuple

import psycopg

from benchmarks import results
from benchmarks.attack import PLACES, cpu, database, is_busy, poolers, serve, use
from benchmarks.crowd import DATABASE, import_functions, pooled_database
from benchmarks.data import without_indexes
from benchmarks.strategies import Request, Requests
from local.direct import ROUTES
from local.servers import Postgres
from local.waiting import eventually

ENVIRONMENTS = 40
"""Twice as many as the pooler's connections to Postgres."""

SECONDS = 3.0
"""Of each attack."""

LIMITS = {"with": "{}", "without": "0"}
"""What the functions of the limits return; {} is the value of DEFAULTS."""

SET_LIMIT = """
    CREATE OR REPLACE FUNCTION {name}() RETURNS {type}
        IMMUTABLE LANGUAGE sql RETURN {value}
"""

EVERY = 0.05
"""Seconds between two requests of another user."""

PLACE = PLACES["own_core"]

OPERATIONS = ("get_task", "list_tasks", "create_task")
"""What the other users send: each does one of these."""

TASKS = {
    "million": 1_000_000,
    "searcher": 200_000,
    "writer": 100,
    "spent": 100,
    **{f"small {number}": 30 for number in range(ENVIRONMENTS)},
    **{f"other {operation}": 30 for operation in OPERATIONS},
}
"""How many tasks each user has; nine of ten are completed."""

FILL = """
    INSERT INTO tasks (user_id, title, description, completed, tags, due_on, created_at,
                       updated_at, completed_at)
    SELECT %(user_id)s, md5(n::text), repeat(md5((-n)::text) || ' ', 4), n %% 10 <> 0,
           CASE WHEN n %% 3 = 0 THEN ARRAY['tag ' || n %% 200] ELSE '{}' END,
           CASE WHEN n %% 2 = 0 THEN DATE '2026-01-01' + n %% 300 END, created, created,
           CASE WHEN n %% 10 <> 0 THEN created END
      FROM generate_series(1, %(tasks)s) AS n,
           LATERAL (SELECT timestamptz '2026-01-01' + n * interval '1 s') AS a (created)
"""

DEFAULTS = (
    ("reads_at_once", "INTEGER", 1),
    ("writes_at_once", "INTEGER", 4),
    ("writes_per_day", "BIGINT", 200_000),
)
"""The limits, their types and values (migrations/0021_limits.sql)."""

SPEND = """
    UPDATE change_counters
       SET paced_until = (extract(epoch FROM clock_timestamp()) + 8700) * 1000000
     WHERE user_id = 'spent'
"""
"""20,000 writes, of 200,000 a day, are 8,640 seconds. An hour more would look like a
clock that was set back."""


class Pools(NamedTuple):
    """The processes of one user's environments, and of the other users'."""

    attackers: ProcessPoolExecutor
    others: ProcessPoolExecutor


class Attack(NamedTuple):
    """What a user sends, from each of many environments."""

    sends: str
    requests: Callable[[str], Requests]
    user: str | None = None
    """None: each environment has a user of its own."""


def ordinary(user: str) -> Requests:
    while True:
        listed = yield Request("list_tasks", user)
        id = listed.json[0]["id"]
        yield Request("get_task", user, id)
        yield Request("update_task", user, id, body='{"title": "Buy milk"}')


def lists(user: str) -> Requests:
    """List, page through the changes and poll, with every filter but search."""
    since = ""
    queries = cycle(
        ("sort=title", "tags=tag+7", "status=pending&sort=due_date", "priority=low")
    )
    while True:
        yield Request("list_tasks", user, query=next(queries))
        changes = yield Request("list_changes", user, query=since)
        since = f"since={changes.json['token']}"


def summaries(user: str) -> Requests:
    while True:
        yield Request("summarize_tasks", user)


def searches(user: str) -> Requests:
    while True:
        yield Request("list_tasks", user, query="search=nowhere")


def gets(user: str) -> Requests:
    listed = yield Request("list_tasks", user, query="limit=1")
    while True:
        yield Request("get_task", user, listed.json[0]["id"])


def creates(user: str) -> Requests:
    while True:
        yield Request("create_task", user, body='{"title": "Buy milk"}')


def updates(user: str) -> Requests:
    """Update one task, which is the same for all environments."""
    listed = yield Request("list_tasks", user, query="limit=1&order=asc")
    body = json.dumps({"description": "x" * 5000})
    while True:
        yield Request("update_task", user, listed.json[0]["id"], body=body)


def batches(user: str) -> Requests:
    """Create tasks of 5,000 characters, in batches of the largest size."""
    task = {"title": "Buy milk", "description": "Milk " * 1000, "tags": ["home"]}
    body = json.dumps({"operations": [{"op": "create", "task": task}] * 100})
    while True:
        yield Request("batch_tasks", user, body=body)


def clears(user: str) -> Requests:
    """Clear so many tasks that no request has the time for it, so it is rolled back."""
    while True:
        yield Request("clear_completed", user, query="status=completed")


ATTACKS = {
    "alone": Attack("nothing", ordinary),
    "ordinary": Attack("ordinary requests of 40 users", ordinary),
    "lists": Attack("lists and changes of a million tasks", lists, "million"),
    "summaries": Attack("summaries of a million tasks", summaries, "million"),
    "searches": Attack("searches over 200,000 tasks", searches, "searcher"),
    "gets": Attack("gets of one task", gets, "writer"),
    "creates": Attack("creates", creates, "writer"),
    "updates": Attack("updates of one task", updates, "writer"),
    "batches": Attack("batches of 100 creates, 500 kB", batches, "writer"),
    "spent": Attack("the same, after 20,000 writes", batches, "spent"),
    "clears": Attack("clear completed, of 900,000", clears, "million"),
}
ROWS = list(ATTACKS)
RUNS = 1


def fill(url: str) -> None:
    """Insert the tasks of all users."""
    with psycopg.connect(url, autocommit=True) as connection:
        with without_indexes(connection):
            for user, tasks in TASKS.items():
                connection.execute(FILL, {"user_id": user, "tasks": tasks})
        connection.execute(
            "INSERT INTO change_counters SELECT user_id, 1 FROM tasks GROUP BY user_id"
        )
        connection.execute(SPEND)
        # As docs/reliability.md recommends it.
        connection.execute(f"ALTER DATABASE {DATABASE} SET statement_timeout = '8s'")
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def set_limits(url: str, which: str) -> None:
    """Switch the limits off or on."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name, type_, value in DEFAULTS:
            returned = LIMITS[which].format(value)
            sql = SET_LIMIT.format(name=name, type=type_, value=returned)
            connection.execute(sql.encode())


def send(name: str, number: int, begin: float) -> Counter[int]:
    """Act as one of the user's environments; return the statuses of the answers."""
    use(PLACE.attacker)
    attack = ATTACKS[name]
    requests = attack.requests(attack.user or f"small {number}")
    request, statuses = next(requests), Counter[int]()
    while time.perf_counter() < begin + SECONDS:
        answer, _ = serve(request)
        statuses[answer.status] += 1
        if answer.status < 300:
            request = requests.send(answer)
    return statuses


def suffer(operation: str, begin: float) -> list[float]:
    """Act as another user; return each request's seconds, negative if it failed."""
    use(PLACE.victim)
    user, id, body = f"other {operation}", None, None
    if operation == "get_task":
        id = serve(Request("list_tasks", user))[0].json[0]["id"]
    elif operation == "create_task":
        body = '{"title": "Buy milk"}'
    times, due = [], begin
    while due < begin + SECONDS:
        time.sleep(max(due - time.perf_counter(), 0))
        answer, seconds = serve(Request(operation, user, id, body=body))
        times.append(seconds if answer.status < 300 else -seconds)
        due = max(due + EVERY, time.perf_counter())
    return times


def turn(pools: Pools, postgres: Postgres, name: str) -> dict[str, Any]:
    """Return what an attack did."""
    for process in [*poolers(), *database(postgres)]:
        use(PLACE.database, process.pid)
    number = 0 if name == "alone" else ENVIRONMENTS
    before, begin = cpu(postgres), time.perf_counter() + 0.5
    others = {each: pools.others.submit(suffer, each, begin) for each in OPERATIONS}
    attackers = [pools.attackers.submit(send, name, n, begin) for n in range(number)]
    times = {each: future.result() for each, future in others.items()}
    statuses = sum((future.result() for future in attackers), Counter[int]())
    seconds = time.perf_counter() - begin
    used = cpu(postgres) - before
    eventually(lambda: not is_busy(postgres), 60)
    return {
        "answers": {str(status): statuses[status] for status in sorted(statuses)},
        "rate": round(statuses.total() / seconds, 1),
        "cores": round(used / seconds, 2),
        "milliseconds": {each: quantiles(times[each]) for each in OPERATIONS},
        "failed": sum(each < 0 for all_ in times.values() for each in all_),
    }


def quantiles(times: Sequence[float]) -> list[float]:
    """Return the median and the 99th percentile in milliseconds."""
    in_order = sorted(map(abs, times))
    p99 = in_order[math.ceil(0.99 * len(in_order)) - 1]
    return [round(1000 * each, 1) for each in (statistics.median(in_order), p99)]


@contextmanager
def environments() -> Iterator[tuple[Pools, Postgres]]:
    """Yield processes that have imported all functions, and the database."""
    os.environ["AWS_EXECUTION_ENV"] = "AWS_Lambda_python3.13"
    import_functions(ROUTES)
    fork = multiprocessing.get_context("fork")
    with pooled_database() as (postgres, _):
        fill(postgres.url(DATABASE))
        with (
            # In Lambda, the 40 would take no processor from Postgres.
            ProcessPoolExecutor(ENVIRONMENTS, fork, os.nice, (19,)) as attackers,
            ProcessPoolExecutor(len(OPERATIONS), fork) as others,
        ):
            yield Pools(attackers, others), postgres


def measure(names: list[str], runs: int) -> dict[str, dict[str, Any]]:
    """Return the row of each attack; of several runs, the last."""
    with environments() as (pools, postgres):
        rows: dict[str, dict[str, Any]] = {name: {} for name in names}
        for which in [*LIMITS] * runs:
            set_limits(postgres.url(DATABASE), which)
            for name in names:
                rows[name][which] = turn(pools, postgres, name)
                print(f"{name}, {which}: {rows[name][which]}", file=sys.stderr)
        return rows


def table(rows: Mapping[str, Any]) -> str:
    """Return the table in Markdown."""
    titles = [each.replace("_task", "").replace("lists", "list") for each in OPERATIONS]
    return results.table(
        [
            "40 environments of one user send",
            "answered",
            *(f"{title}, ms" for title in titles),
            "with limits: answered",
            "429",
            *(f"{title}, ms" for title in titles),
        ],
        [
            [
                ATTACKS[name].sends,
                answered(row["without"]),
                *times(row["without"]),
                answered(row["with"]),
                str(row["with"]["answers"].get("429", 0)),
                *times(row["with"]),
            ]
            for name, row in rows.items()
        ],
    )


def answered(turn: Mapping[str, Any]) -> str:
    """Return how many of the user's requests succeeded."""
    return str(sum(n for status, n in turn["answers"].items() if status < "3"))


def times(turn: Mapping[str, Any]) -> list[str]:
    """Return the median and the 99th percentile of each operation of other users."""
    return [
        f"{median:,.0f} / {p99:,.0f}" for median, p99 in turn["milliseconds"].values()
    ]


if __name__ == "__main__":
    results.main("neighbours", sys.modules[__name__])
