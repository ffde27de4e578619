"""Compare completing a recurring task with another: `python -m benchmarks.recurring`.

All are warm and take turns, in one process that calls complete_task directly. A request
waits until its commit is on the disk, as in production. The CPU time is that of the
handler and of Postgres.
"""

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import psycopg

from benchmarks import results
from benchmarks.change_feed import used_ms
from benchmarks.world import WRITER, database
from local.direct import SECRET, invoke, user_event
from taskapi.postgres import connection

OTHER = "another"


class Kind(NamedTuple):
    """What a row of the table completes, and the task's due date and rule."""

    label: str
    due: str
    rule: str | None = None


KINDS = {
    OTHER: Kind("another task", "2026-01-01"),
    "daily": Kind("daily, due tomorrow", "tomorrow", "FREQ=DAILY"),
    "daily-old": Kind("daily, due in 1970", "1970-01-01", "FREQ=DAILY;COUNT=99999"),
    "weekly-old": Kind(
        "twice every two weeks, due in 1970",
        "1970-01-01",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH",
    ),
    "monthly": Kind("monthly on the 31st, due in 1970", "1970-01-31", "FREQ=MONTHLY"),
    "friday-old": Kind(
        "the last Friday, 999 times from 1970",
        "1970-01-30",
        "FREQ=MONTHLY;COUNT=999;BYDAY=-1FR",
    ),
    "several-days": Kind(
        "the 1st, 15th and last day, 9,999 times from 1970",
        "1970-01-15",
        "FREQ=MONTHLY;COUNT=9999;BYMONTHDAY=1,15,-1",
    ),
    "counted": Kind(
        "the first Monday by day and date, which must be counted",
        "1970-01-05",
        "FREQ=MONTHLY;COUNT=3000;BYDAY=MO;BYMONTHDAY=1,2,3,4,5,6,7",
    ),
    "31st-counted": Kind(
        "the 31st, 600 times from 1970, which must be counted",
        "1970-01-31",
        "FREQ=MONTHLY;COUNT=600",
    ),
    "fifth-counted": Kind(
        "a fifth Friday of every second month, which must be counted",
        "1970-01-30",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=300;BYDAY=5FR",
    ),
    "leap-day": Kind("29 February, due in 1972", "1972-02-29", "FREQ=YEARLY"),
    "never": Kind(
        "never again", "2026-04-30", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31"
    ),
}
ROWS = {name: kind.label for name, kind in KINDS.items()}
RUNS = 300
SETTLING = 20

FILL = """
    INSERT INTO tasks (user_id, title, recurrence, due_at, time_zone)
    SELECT %(user_id)s, 'Water the plants', %(rule)s,
           (%(due)s::date + time '17:00') AT TIME ZONE 'Europe/Berlin', 'Europe/Berlin'
      FROM generate_series(1, %(tasks)s)
 RETURNING id
"""

Row = dict[str, list[float]]
"""Milliseconds of each request: how long it took, and its CPU time."""


def measure(names: list[str], runs: int) -> dict[str, Row]:
    """Return the row of each kind, from a process of its own."""
    with database() as url, ProcessPoolExecutor(1, SPAWN) as pool:
        return pool.submit(time_requests, url, names, runs).result()


SPAWN = multiprocessing.get_context("spawn")


def time_requests(url: str, names: list[str], runs: int) -> dict[str, Row]:
    os.environ |= {"DATABASE_URL": url, "BETTER_AUTH_SECRET": SECRET}
    # The functions log to standard output.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    tasks = runs + SETTLING
    with psycopg.connect(url, autocommit=True) as owner:
        ids = {}
        for name in names:
            values = {"user_id": WRITER, "tasks": tasks, **KINDS[name]._asdict()}
            ids[name] = [id for (id,) in owner.execute(FILL, values)]
        owner.execute("VACUUM (ANALYZE) tasks")
    rows: dict[str, Row] = {name: {"took": [], "cpu": []} for name in names}
    for turn in range(tasks):
        for name in names:
            took, cpu = time_request(ids[name][turn], KINDS[name])
            if turn >= SETTLING:
                rows[name]["took"].append(took)
                rows[name]["cpu"].append(cpu)
    return rows


def time_request(id: int, kind: Kind) -> tuple[float, float]:
    """Return how long it took, and its CPU time, in milliseconds."""
    sent = user_event(WRITER, "complete_task", id)
    # Before the first request there is no connection.
    used = used_ms() if connection._idle else 0
    started = time.perf_counter()
    answer = invoke("complete_task", sent)
    took = (time.perf_counter() - started) * 1000
    cpu = used_ms() - used
    has_next = answer.json["next_task"] is not None
    assert has_next == (kind.rule is not None and kind != KINDS["never"])
    return round(took, 3), round(cpu, 3)


def ratios(rows: Mapping[str, Row], measure: str = "took") -> dict[str, float]:
    """Return the median of each kind as a multiple of another task's."""
    other = statistics.median(rows[OTHER][measure])
    return {name: statistics.median(row[measure]) / other for name, row in rows.items()}


def table(rows: Mapping[str, Row]) -> str:
    """Return the table in Markdown."""
    measures = ("took", "cpu")
    multiples = {each: ratios(rows, each) for each in measures if OTHER in rows}
    return results.table(
        ["", "the request, ms", "times another", "CPU, ms", "times another"],
        [
            [
                ROWS[name],
                *(
                    cell
                    for each in measures
                    for cell in (
                        results.least_and_median(row[each], "{:.2f}"),
                        f"{multiples[each][name]:.2f}" if multiples else "-",
                    )
                ),
            ]
            for name, row in rows.items()
        ],
    )


if __name__ == "__main__":
    results.main("recurring", sys.modules[__name__])
