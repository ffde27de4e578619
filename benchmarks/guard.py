"""Fail if a cold start takes 10% more than committed: `python -m benchmarks.guard`.

It counts the instructions of a cold function, with settings in the environment and as
deployed, and of the bare handler, and compares them with results.json. Another build of
Python changes all counts, so the limits are multiples of the bare handler's count in
the same run.
"""

import statistics
import sys
from collections.abc import Mapping

from benchmarks import results
from benchmarks.candidates import BARE, LABELS, THIS, as_deployed, case
from benchmarks.instructions import count
from benchmarks.services import services

TOLERANCE = 0.10

GUARDED = (as_deployed(THIS), THIS)

Counts = Mapping[str, float]
"""Instructions of a cold start, by row."""


def limit(name: str, now: Counts, committed: Counts) -> float:
    """Return the most instructions that a row may take now."""
    return now[BARE] * committed[name] / committed[BARE] * (1 + TOLERANCE)


def above_limit(now: Counts, committed: Counts) -> list[str]:
    """Return the guarded rows that take too many instructions."""
    return [name for name in GUARDED if now[name] > limit(name, now, committed)]


def main() -> int:
    rows = results.load()["instructions"]["rows"]
    committed = {name: statistics.median(rows[name]) for name in (*GUARDED, BARE)}
    with services() as near:
        counted = count([case(name, near) for name in committed])
    now = {name: statistics.median(counts) for name, counts in counted.items()}
    limits = {name: limit(name, now, committed) for name in GUARDED}
    print(
        results.table(
            ["instructions of a cold start", "now", "committed", "limit"],
            [
                [
                    LABELS[name],
                    *(
                        f"{counts[name] / 1e9:.3f} G" if name in counts else "-"
                        for counts in (now, committed, limits)
                    ),
                ]
                for name in committed
            ],
        )
    )
    if above_limit(now, committed):
        print(
            f"A cold start takes over {TOLERANCE:.0%} more than results.json says. "
            "Look at `python -X importtime`. If the change is worth it, say why in the "
            "commit, and run `make bench`.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
