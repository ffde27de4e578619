"""What was to be reached, and whether the results reach it."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks import results
from benchmarks.candidates import FLOOR, OURS, REPLACED, THIS
from benchmarks.network import WARM
from benchmarks.operations import FLOORS
from benchmarks.searches import LIMIT, ratios
from benchmarks.secret import BASE, LATE

SIX = [name for name in OURS if not name.endswith("-eddsa")]

Rows = Mapping[str, Any]


class Goal(NamedTuple):
    """value is to be at most limit; an aim is one that may be missed."""

    text: str
    value: float
    limit: float
    is_aim: bool = False

    @property
    def reached(self) -> bool:
        return self.value <= self.limit


def goals(sections: Mapping[str, results.Section]) -> list[Goal]:
    """Return all goals."""
    rows = {name: section["rows"] for name, section in sections.items()}
    return [
        *of_instructions(rows["instructions"]),
        *of_network(rows["network"]),
        *of_secret(rows["secret"]),
        *of_warmth(rows["cold"], rows["operations"], rows["network"]),
        *of_sizes(rows["cold"], rows["sizes"]),
        Goal(
            "the worst search: times an ordinary one of the same text",
            max(ratios(rows["searches"])),
            LIMIT,
        ),
    ]


def of_instructions(rows: Rows) -> list[Goal]:
    counts = {name: statistics.median(found) for name, found in rows.items()}
    ours = max(counts[name] for name in SIX)
    text = "instructions, the dearest of the six: times"
    return [
        Goal(f"{text} the floor", ours / counts[FLOOR], 2.0),
        Goal(f"{text} the replaced design, as shipped", ours / counts[REPLACED], 0.12),
        Goal(f"{text} Powertools' resolver", ours / counts["powertools"], 1.0, True),
    ]


def of_network(rows: Rows) -> list[Goal]:
    def median(name: str, ms: str) -> float:
        walls: list[float] = rows[name]["cold"][ms]
        return statistics.median(walls)

    def ratio(ms: str, to: str) -> float:
        return median(THIS, ms) / median(to, ms)

    return [
        Goal("cold, 20 ms each way: times the floor", ratio("20", FLOOR), 1.0),
        Goal(
            "the same: times the replaced design, as shipped",
            ratio("20", REPLACED),
            0.3,
        ),
        Goal(
            "the same: times the replaced design with byte code",
            ratio("20", "replaced"),
            0.3,
        ),
        Goal("cold, 5 ms each way: times the floor", ratio("5", FLOOR), 1.25),
    ]


def of_secret(rows: Rows) -> list[Goal]:
    walls = {name: statistics.median(row["wall"]) for name, row in rows.items()}
    text = "cold, settings from the extension: times those in the environment"
    texts = {"extension": text, LATE: f"{text}, if it serves nothing in the init phase"}
    return [
        Goal(text, walls[name] / walls[BASE], 1.3)
        for name, text in texts.items()
        if name in walls
    ]


def of_warmth(cold: Rows, operations: Rows, network: Rows) -> list[Goal]:
    added = {
        name: row["whole"][1] - row["alone"][1]
        for name, row in operations.items()
        if name not in ("list-200", *FLOORS)
    }
    long = operations["list-200"]
    return [
        Goal(
            "warm p50: times the floor",
            cold[THIS]["warm"]["p50"] / cold[FLOOR]["warm"]["p50"],
            1.5,
        ),
        Goal(
            "the handler without its statement, one row, the dearest: ms",
            max(added.values()),
            0.5,
        ),
        Goal(
            "a list of 200: times its statement",
            long["whole"][1] / long["alone"][1],
            1.6,
        ),
        Goal(
            f"warm p50, {WARM} ms each way: ms over the round trip",
            network[THIS]["over"],
            3.0,
        ),
    ]


def of_sizes(cold: Rows, sizes: Rows) -> list[Goal]:
    ours, floor = (statistics.median(cold[name]["memory"]) for name in (THIS, FLOOR))
    return [
        Goal("peak memory: times the floor", ours / floor, 1.5),
        Goal("the zipped layer: MB", sizes[THIS]["layer"] / 1e6, 13),
    ]


def table(found: Sequence[Goal]) -> str:
    """Return the table in Markdown."""
    return results.table(
        ["", "at most", "measured", ""],
        [
            [
                goal.text,
                f"{goal.limit:g}{' (an aim)' if goal.is_aim else ''}",
                f"{goal.value:.2f}",
                "reached" if goal.reached else "**missed**",
            ]
            for goal in found
        ],
    )
