"""What a warm function adds to its one statement: `python -m benchmarks.operations`.

The whole call of the handler, from event to answer with its log line and metric, less
the bare statement on the same local socket. Both take turns in one process that has
nothing but the layer and the runtime client.
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
from benchmarks.candidates import FLOOR
from benchmarks.instructions import environment, instructions
from benchmarks.world import FILL, WRITABLE, Case, by_secret, database, events

DRIVER = artifacts.ROOT / "benchmarks" / "drivers" / "operations.py"

SETTLING = 100

PASSES = 10
"""Processes for each operation, in turn with the others'.

Only the quietest counts: what else the machine does makes everything half as long
again for a minute or two, and then not.
"""

FLOORS = {
    "floor": "the floor's list, one task",
    "floor-200": "the floor's list, 200 tasks",
}
ROWS = {
    **FLOORS,
    "list": "list, one task",
    "create": "create",
    "get": "get",
    "update": "update",
    "complete": "complete",
    "delete": "delete",
    "list-200": "list, 200 tasks",
}
ONE, MANY = ("6155f2c0a1b2c3d4e5f60718", 1), ("6155f2c0a1", 200)
"""Users, and how many tasks they have."""

LISTS = {"floor": ONE, "floor-200": MANY, "list": ONE, "list-200": MANY}
"""Whose list is asked for."""


Pair = tuple[float, float]
"""Seconds of a handler's call, and of its statement alone."""


class Row(TypedDict):
    """Milliseconds, least and median, of the whole call and of the statement alone.

    instructions: of one event.
    """

    whole: tuple[float, float]
    alone: tuple[float, float]
    instructions: float


def operation(name: str) -> str:
    """Return the folder of a row's function."""
    return "list_tasks" if name in LISTS else f"{name}_task"


def measure(names: list[str], turns: int) -> dict[str, Row]:
    """Return the row of each operation."""
    with database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for user_id, tasks in (ONE, MANY):
                connection.execute(FILL, {"user_id": user_id, "tasks": tasks})
            connection.execute("VACUUM (ANALYZE) tasks")
            # A commit's wait for the disk is the same for both, and varies by more
            # than what is measured.
            connection.execute("ALTER ROLE postgres SET synchronous_commit = off")
        cases = [case(name, url) for name in names]
        passes: dict[str, list[list[Pair]]] = {name: [] for name in names}
        for number in range(PASSES):
            for each in cases:
                passes[each.name].append(process(each, turns // PASSES))
            print(f"pass {number + 1} of {PASSES}", file=sys.stderr)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            counts = list(pool.map(instructions_of_one, cases))
    return {
        case.name: row(quietest(passes[case.name]), count)
        for case, count in zip(cases, counts, strict=True)
    }


def case(name: str, url: str) -> Case:
    function = operation(name)
    user_id, tasks = LISTS.get(name, (None, 0))
    artifact = artifacts.peer(FLOOR) if name in FLOORS else artifacts.ours(function)
    settings = by_secret(url) | {"ROWS_APART": str(WRITABLE // 2)}
    return Case(name, artifact, events(function, user_id), settings, tasks)


def process(case: Case, turns: int) -> list[Pair]:
    """Return what the driver measures in a process of its own."""
    with TemporaryDirectory() as name:
        sent, received = Path(name) / "events", Path(name) / "report"
        lines = [json.dumps(case.event()) for _ in range(1 + SETTLING + turns)]
        sent.write_text("\n".join(lines))
        run = subprocess.run(
            [artifacts.PYTHON, "-S", "-P", DRIVER, sent, received],
            cwd=case.artifact.task,
            env=environment(case),
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


def instructions_of_one(case: Case) -> float:
    """Return how many instructions one more event takes, once the first ones are over.

    The runtime client's part is in it, which has the event's JSON to read.
    """
    few, more = SETTLING, 3 * SETTLING
    return (instructions(case, more) - instructions(case, few)) / (more - few)


def quietest(passes: Sequence[Sequence[Pair]]) -> Sequence[Pair]:
    """Return the pass in which handler and statement together took the least."""
    return min(passes, key=lambda pairs: statistics.median(map(sum, pairs)))


def row(pairs: Sequence[Pair], count: float) -> Row:
    whole, alone = zip(*pairs, strict=True)
    return {
        "whole": summary(whole),
        "alone": summary(alone),
        "instructions": round(count),
    }


def summary(seconds: Sequence[float]) -> tuple[float, float]:
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


def main() -> None:
    asked = results.arguments(__doc__, ROWS, runs=4_000)
    rows = measure(asked.only, asked.runs)
    print(table(rows))
    if asked.save:
        results.save("operations", {"runs": asked.runs, "rows": rows})


if __name__ == "__main__":
    main()
