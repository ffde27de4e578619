"""The goals, and whether the results reach them."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks import results
from benchmarks.candidates import BARE, LEGACY, OURS, THIS
from benchmarks.network import WARM
from benchmarks.operations import BARE_LISTS
from benchmarks.searches import LIMIT, ratios
from benchmarks.secret import BASE, LATE

SIX = [name for name in OURS if not name.endswith("-eddsa")]

Rows = Mapping[str, Any]


class Goal(NamedTuple):
    """A value that should be at most `limit`; an aim may be missed."""

    text: str
    value: float
    limit: float
    is_aim: bool = False

    @property
    def reached(self) -> bool:
        return self.value <= self.limit


def evaluate(sections: Mapping[str, results.Section]) -> list[Goal]:
    """Return all goals, each with the value that was measured."""
    rows = {name: section["rows"] for name, section in sections.items()}
    return [
        *instruction_goals(rows["instructions"]),
        *network_goals(rows["network"]),
        *secret_goals(rows["secret"]),
        *warm_goals(rows["cold"], rows["operations"], rows["network"]),
        *size_goals(rows["cold"], rows["sizes"]),
        Goal(
            "the worst search: times an ordinary one of the same text",
            max(ratios(rows["searches"])),
            LIMIT,
        ),
    ]


def instruction_goals(rows: Rows) -> list[Goal]:
    counts = {name: statistics.median(runs) for name, runs in rows.items()}
    ours = max(counts[name] for name in SIX)
    text = "instructions, the most of the six functions: times"
    return [
        Goal(f"{text} the bare handler", ours / counts[BARE], 2.0),
        Goal(f"{text} the legacy app, as shipped", ours / counts[LEGACY], 0.12),
        Goal(f"{text} Powertools' resolver", ours / counts["powertools"], 1.0, True),
    ]


def network_goals(rows: Rows) -> list[Goal]:
    def median(name: str, ms: str) -> float:
        walls: list[float] = rows[name]["cold"][ms]
        return statistics.median(walls)

    def ratio(ms: str, to: str) -> float:
        return median(THIS, ms) / median(to, ms)

    return [
        Goal("cold, 20 ms each way: times the bare handler", ratio("20", BARE), 1.0),
        Goal(
            "the same: times the legacy app, as shipped",
            ratio("20", LEGACY),
            0.3,
        ),
        Goal(
            "the same: times the legacy app with byte code",
            ratio("20", "legacy"),
            0.3,
        ),
        Goal("cold, 5 ms each way: times the bare handler", ratio("5", BARE), 1.25),
    ]


def secret_goals(rows: Rows) -> list[Goal]:
    walls = {name: statistics.median(row["wall"]) for name, row in rows.items()}
    text = "cold, settings from the extension: times those in the environment"
    texts = {"extension": text, LATE: f"{text}, if it serves nothing in the init phase"}
    return [
        Goal(text, walls[name] / walls[BASE], 1.3)
        for name, text in texts.items()
        if name in walls
    ]


def warm_goals(cold: Rows, operations: Rows, network: Rows) -> list[Goal]:
    added = {
        name: row["whole"][1] - row["alone"][1]
        for name, row in operations.items()
        if name not in ("list-200", *BARE_LISTS)
    }
    long = operations["list-200"]
    return [
        Goal(
            "warm p50: times the bare handler",
            cold[THIS]["warm"]["p50"] / cold[BARE]["warm"]["p50"],
            1.5,
        ),
        Goal(
            "the handler without its statement, one row, the slowest: ms",
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


def size_goals(cold: Rows, sizes: Rows) -> list[Goal]:
    ours, bare = (statistics.median(cold[name]["memory"]) for name in (THIS, BARE))
    return [
        Goal("peak memory: times the bare handler", ours / bare, 1.5),
        Goal("the zipped layer: MB", sizes[THIS]["layer"] / 1e6, 13),
    ]


def table(goals: Sequence[Goal]) -> str:
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
            for goal in goals
        ],
    )
