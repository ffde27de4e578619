"""Measure the first answer and the next ones: `python -m benchmarks.cold`.

Each run is a new execution environment, with Lambda's runtime client and emulator. The
candidates take turns. A start that other work on the machine slowed down isn't counted.
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

ROUNDS = 30
"""Timed events of each warm environment, times the runs."""

ROWS, RUNS = LISTS, 16

SLOW = ("legacy", "fastapi-shipped", "legacy-shipped")
"""Rows that take seconds, so only every third turn measures them."""

DISTURBED = 1.15
"""A start isn't counted if it takes so many times the CPU time of the quickest. It
takes as many instructions, so something else slowed the processor down."""

MOST = 3
"""Turns, as a multiple of the runs, until a busy machine is measured as it is."""


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
    """Return what new environments take; the cases take turns until each has runs."""
    samples: dict[str, list[Sample]] = {each.name: [] for each in cases}
    for turn in range(MOST * runs):
        for each in (*cases[turn % len(cases) :], *cases[: turn % len(cases)]):
            if each.name not in SLOW or turn % 3 == 0:
                samples[each.name].append(take_sample(each, settling))
        counted = {name: undisturbed(found) for name, found in samples.items()}
        least = min(
            len(found) * (3 if name in SLOW else 1) for name, found in counted.items()
        )
        print(f"turn {turn + 1}: {least} starts count", file=sys.stderr)
        if least >= runs:
            break
    return counted


def undisturbed(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples that ran about as fast as the quickest."""
    least = min((sample.cpu for sample in samples), default=0.0)
    return [sample for sample in samples if sample.cpu <= DISTURBED * least]


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
