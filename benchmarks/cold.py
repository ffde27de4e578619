"""Measure the first answer and the next ones: `python -m benchmarks.cold`.

Each run is a new execution environment, with Lambda's runtime client and emulator. The
candidates take turns, so that other work on the machine slows all of them equally.
"""

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple, TypedDict

from benchmarks import results
from benchmarks.candidates import LABELS, LEGACY, LISTS, bare_like, case
from benchmarks.emulator import environment
from benchmarks.services import services
from benchmarks.world import Case

SETTLING = 20
"""Events after the first one before an environment counts as warm."""

ROUNDS = 60
"""Timed events of each warm environment, times the runs."""

ROWS, RUNS = LISTS, 10

SLOW = ("legacy", "fastapi-shipped", "legacy-shipped")
"""Rows that only every third run measures: they take seconds."""


class Sample(NamedTuple):
    """What one environment took: times in milliseconds, memory in KiB."""

    wall: float
    cpu: float
    memory: int


class Warm(TypedDict):
    """Milliseconds of one event."""

    least: float
    p50: float
    p99: float


class Row(TypedDict):
    """A value for each new environment of a candidate, and the times of a warm one."""

    wall: list[float]
    cpu: list[float]
    memory: list[int]
    warm: Warm


def take_sample(case: Case, settling: int) -> Sample:
    """Return what a new environment takes, and its memory after some more events."""
    with environment(case) as started:
        wall = started.invoke()
        cpu = started.cpu()
        for _ in range(settling):
            started.invoke()
        return Sample(wall, cpu, started.peak_memory())


def measure_cold(
    cases: Sequence[Case], runs: int, settling: int = SETTLING
) -> dict[str, list[Sample]]:
    """Return what new environments take; the cases take turns."""
    samples: dict[str, list[Sample]] = {case.name: [] for case in cases}
    for run in range(runs):
        for each in (*cases[run % len(cases) :], *cases[: run % len(cases)]):
            if each.name not in SLOW or run % 3 == 0:
                samples[each.name].append(take_sample(each, settling))
        print(f"run {run + 1} of {runs}", file=sys.stderr)
    return samples


def measure_warm(
    cases: Sequence[Case],
    rounds: int,
    beside: Mapping[str, Callable[[], float]] | None = None,
) -> dict[str, Warm]:
    """Return the times of an event; all environments run at once and take turns.

    beside: other calls that take turns with them, by name; each returns milliseconds.
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


def measure(names: list[str], runs: int) -> dict[str, Row]:
    """Return the row of each candidate."""
    with services() as near:
        cases = [case(name, near) for name in names]
        samples, warm = measure_cold(cases, runs), measure_warm(cases, ROUNDS * runs)
    return {
        name: {
            "wall": [round(sample.wall, 1) for sample in found],
            "cpu": [round(sample.cpu, 1) for sample in found],
            "memory": [sample.memory for sample in found],
            "warm": warm[name],
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
            "to the bare handler",
            "to the legacy app",
            "CPU, ms",
            "memory, MB",
            "to the bare handler",
            "warm, ms",
            "p99",
            "to the bare handler",
        ],
        [
            [
                LABELS[name],
                results.least_and_median(row["wall"]),
                results.ratio(walls[name], walls, bare_like(name)),
                results.ratio(walls[name], walls, LEGACY),
                results.least_and_median(row["cpu"]),
                f"{memories[name] / 1024:.0f}",
                results.ratio(memories[name], memories, bare_like(name)),
                f"{row['warm']['least']:.2f} / {row['warm']['p50']:.2f}",
                f"{row['warm']['p99']:.2f}",
                results.ratio(p50s[name], p50s, bare_like(name)),
            ]
            for name, row in rows.items()
        ],
    )


if __name__ == "__main__":
    results.main("cold", sys.modules[__name__])
