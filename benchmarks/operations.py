"""What a warm function adds to its statement: `python -m benchmarks.operations`.

It is the time of the whole handler, from event to answer with its log line and
metric, less the time of the bare statement on the same local socket. Both take turns
in one process that has only the layer and the runtime client.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

import psycopg

from benchmarks import artifacts, results
from benchmarks.candidates import BARE
from benchmarks.instructions import count_instructions, process_environment
from benchmarks.world import FILL, WRITABLE, Case, database, events, hs256_settings

DRIVER = artifacts.ROOT / "benchmarks" / "drivers" / "operations.py"

SETTLING = 100

PASSES = 10
"""Processes for each operation, in turn with those of the others.

Only the quietest one counts: other work on the machine makes everything take half as
long again for a minute or two.
"""

BARE_LISTS = {
    "bare": "the bare handler's list, one task",
    "bare-200": "the bare handler's list, 200 tasks",
}
RUNS = 2_000
ROWS = {
    **BARE_LISTS,
    "list": "list, one task",
    "create": "create",
    "get": "get",
    "update": "update",
    "complete": "complete",
    "delete": "delete",
    "list-200": "list, 200 tasks",
}
ONE, MANY = ("6155f2c0a1b2c3d4e5f60718", 1), ("6155f2c0a1", 200)
"""User ids, and how many tasks each has."""

LISTS = {"bare": ONE, "bare-200": MANY, "list": ONE, "list-200": MANY}
"""Which user's tasks each row lists."""


Pair = tuple[float, float]
"""Seconds of a handler's call, and of its statement alone."""


class Row(TypedDict):
    """Milliseconds (least, median) of the whole call and of the statement alone.

    instructions: how many one event takes.
    """

    whole: tuple[float, float]
    alone: tuple[float, float]
    instructions: float


def operation(name: str) -> str:
    """Return the folder of the function that a row measures."""
    return "list_tasks" if name in LISTS else f"{name}_task"


def measure(names: list[str], runs: int) -> dict[str, Row]:
    """Return the row of each operation."""
    with database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for user_id, tasks in (ONE, MANY):
                connection.execute(FILL, {"user_id": user_id, "tasks": tasks})
            connection.execute("VACUUM (ANALYZE) tasks")
            # How long a commit waits for the disk varies by more than what we measure.
            connection.execute("ALTER ROLE postgres SET synchronous_commit = off")
        cases = [make_case(name, url) for name in names]
        passes: dict[str, list[list[Pair]]] = {name: [] for name in names}
        for number in range(PASSES):
            for each in cases:
                passes[each.name].append(run_driver(each, runs // PASSES))
            print(f"pass {number + 1} of {PASSES}", file=sys.stderr)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            counts = list(pool.map(count_one_event, cases))
    return {
        case.name: make_row(select_quietest(passes[case.name]), count)
        for case, count in zip(cases, counts, strict=True)
    }


def make_case(name: str, url: str) -> Case:
    function = operation(name)
    user_id, tasks = LISTS.get(name, (None, 0))
    artifact = (
        artifacts.baseline(BARE) if name in BARE_LISTS else artifacts.ours(function)
    )
    settings = hs256_settings(url) | {"ROWS_APART": str(WRITABLE // 2)}
    # Others need the tasks that a delete takes.
    first = WRITABLE // 4 if name == "delete" else 1
    make = events(function, user_id, first=first)
    return Case(name, artifact, make, settings, tasks)


def run_driver(case: Case, turns: int) -> list[Pair]:
    """Run the driver in a process of its own; return what it measures."""
    with TemporaryDirectory() as name:
        sent, received = Path(name) / "events", Path(name) / "report"
        lines = [json.dumps(case.event()) for _ in range(1 + SETTLING + turns)]
        sent.write_text("\n".join(lines))
        run = subprocess.run(
            [artifacts.PYTHON, "-S", "-P", DRIVER, sent, received],
            cwd=case.artifact.task,
            env=process_environment(case),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if run.returncode:
            sys.exit(run.stderr)
        report = json.loads(received.read_text())
    if not all(200 <= status < 300 for status in report["statuses"]):
        sys.exit(f"{case.name} answered {set(report['statuses'])}")
    pairs: list[Pair] = report["seconds"][SETTLING:]
    return pairs


def count_one_event(case: Case) -> float:
    """Return how many instructions one more event takes in a warm process.

    They include those of the runtime client, which parses the event's JSON.
    """
    few, more = SETTLING // 2, SETTLING
    return (count_instructions(case, more) - count_instructions(case, few)) / (
        more - few
    )


def select_quietest(passes: Sequence[Sequence[Pair]]) -> Sequence[Pair]:
    """Return the pass in which handler and statement together took the least time."""
    return min(passes, key=lambda pairs: statistics.median(map(sum, pairs)))


def make_row(pairs: Sequence[Pair], count: float) -> Row:
    whole, alone = zip(*pairs, strict=True)
    return {
        "whole": summarize(whole),
        "alone": summarize(alone),
        "instructions": round(count),
    }


def summarize(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the least and the median, in milliseconds."""
    least, median = min(seconds), statistics.median(seconds)
    return round(least * 1000, 3), round(median * 1000, 3)


def table(rows: Mapping[str, Row]) -> str:
    """Return the table in Markdown; the difference and the ratio are of the medians."""
    return results.table(
        [
            "",
            "handler, ms",
            "statement, ms",
            "difference, ms",
            "ratio",
            "instructions",
        ],
        [
            [
                ROWS[name],
                "{:.2f} / {:.2f}".format(*row["whole"]),
                "{:.2f} / {:.2f}".format(*row["alone"]),
                f"{row['whole'][1] - row['alone'][1]:.2f}",
                f"{row['whole'][1] / row['alone'][1]:.2f}",
                f"{row['instructions'] / 1e6:.2f} M",
            ]
            for name, row in rows.items()
        ],
    )


if __name__ == "__main__":
    results.main("operations", sys.modules[__name__])
