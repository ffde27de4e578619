"""The first answer and the next ones: `python -m benchmarks.cold`.

Each run is a new execution environment, under Lambda's runtime client and emulator.
The candidates take turns, so that what else the machine does falls upon all alike.
"""

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple, TypedDict

from benchmarks import results
from benchmarks.candidates import FLOOR, LABELS, OURS, REPLACED, Eddsa, case
from benchmarks.emulator import environment
from benchmarks.world import Case, database, issuer

SETTLING = 20
"""Events after the first one until an environment counts as warm."""

ROUNDS = 1_000
"""Events for each warm environment that are timed."""

ROWS = [name for name in LABELS if name not in OURS or name.startswith("list")]


class Sample(NamedTuple):
    """What one environment took; times in milliseconds, memory in KiB."""

    wall: float
    cpu: float
    memory: int


class Warm(TypedDict):
    """Milliseconds of one event."""

    least: float
    p50: float
    p99: float


class Row(TypedDict):
    """A value for each environment of a candidate, and what a warm one takes."""

    wall: list[float]
    cpu: list[float]
    memory: list[int]
    warm: Warm


def sample(case: Case, settling: int) -> Sample:
    """Return what a new environment takes; its memory is that after some events."""
    with environment(case) as started:
        wall = started.invoke()
        cpu = started.cpu()
        for _ in range(settling):
            started.invoke()
        return Sample(wall, cpu, started.peak_memory())


def cold(
    cases: Sequence[Case], runs: int, settling: int = SETTLING
) -> dict[str, list[Sample]]:
    """Return what new environments take, a case after the other, again and again."""
    samples: dict[str, list[Sample]] = {case.name: [] for case in cases}
    for run in range(runs):
        for each in (*cases[run % len(cases) :], *cases[: run % len(cases)]):
            samples[each.name].append(sample(each, settling))
        print(f"run {run + 1} of {runs}", file=sys.stderr)
    return samples


def warm(
    cases: Sequence[Case],
    rounds: int = ROUNDS,
    beside: Mapping[str, Callable[[], float]] | None = None,
) -> dict[str, Warm]:
    """Return what an event takes, of environments that are there all at once.

    beside: what else takes its turn, by name, and returns the milliseconds it took.
    """
    calls = dict(beside or {})
    with ExitStack() as running:
        for case in cases:
            calls[case.name] = running.enter_context(environment(case)).invoke
        times: dict[str, list[float]] = {name: [] for name in calls}
        for turn in range(SETTLING + rounds):
            for name, call in calls.items():
                taken = call()
                if turn >= SETTLING:
                    times[name].append(taken)
    return {
        name: {
            "least": round(min(found), 2),
            "p50": round(statistics.median(found), 2),
            "p99": round(sorted(found)[int(len(found) * 0.99)], 2),
        }
        for name, found in times.items()
    }


def measure(cases: Sequence[Case], runs: int) -> dict[str, Row]:
    """Return the row of each case."""
    samples, warmed = cold(cases, runs), warm(cases)
    return {
        name: {
            "wall": [round(sample.wall, 1) for sample in found],
            "cpu": [round(sample.cpu, 1) for sample in found],
            "memory": [sample.memory for sample in found],
            "warm": warmed[name],
        }
        for name, found in samples.items()
    }


def table(rows: Mapping[str, Row]) -> str:
    """Return the table in Markdown."""
    walls = {name: statistics.median(row["wall"]) for name, row in rows.items()}
    memories = {name: statistics.median(row["memory"]) for name, row in rows.items()}
    p50s = {name: row["warm"]["p50"] for name, row in rows.items()}
    return results.table(
        [
            "",
            "cold, ms",
            "to the floor",
            "to the replaced design",
            "CPU, ms",
            "memory, MB",
            "to the floor",
            "warm, ms",
            "p99",
            "to the floor",
        ],
        [
            [
                LABELS[name],
                results.least_and_median(row["wall"]),
                results.ratio(walls[name], walls, FLOOR),
                results.ratio(walls[name], walls, REPLACED),
                results.least_and_median(row["cpu"]),
                f"{memories[name] / 1024:.0f}",
                results.ratio(memories[name], memories, FLOOR),
                f"{row['warm']['least']:.2f} / {row['warm']['p50']:.2f}",
                f"{row['warm']['p99']:.2f}",
                results.ratio(p50s[name], p50s, FLOOR),
            ]
            for name, row in rows.items()
        ],
    )


def main() -> None:
    asked = results.arguments(__doc__, ROWS, runs=12)
    with database() as url, issuer() as eddsa:
        cases = [case(name, url, Eddsa(*eddsa)) for name in asked.only]
        rows = measure(cases, asked.runs)
    print(table(rows))
    if asked.save:
        results.save("cold", {"runs": asked.runs, "rows": rows})


if __name__ == "__main__":
    main()
