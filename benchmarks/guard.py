"""Fail if a cold start takes 10% more than committed: `python -m benchmarks.guard`.

It counts the instructions of one cold function and of the bare handler, and compares
them with results.json. Another build of Python changes both counts, so the limit is a
multiple of the bare handler's count in the same run.
"""

import statistics
import sys
from typing import NamedTuple

from benchmarks import results
from benchmarks.candidates import BARE, LABELS, THIS, case
from benchmarks.instructions import measure
from benchmarks.services import services

TOLERANCE = 0.10


class Counts(NamedTuple):
    """Instructions of a cold start: of our function, and of the bare handler."""

    ours: float
    bare: float


def limit(committed: Counts) -> float:
    """Return the most that our function may take, as a multiple of the bare handler."""
    return committed.ours / committed.bare * (1 + TOLERANCE)


def exceeds_limit(now: Counts, committed: Counts) -> bool:
    return now.ours > now.bare * limit(committed)


def main() -> int:
    saved = results.load()["instructions"]["rows"]
    committed = Counts(*(statistics.median(saved[name]) for name in (THIS, BARE)))
    with services() as near:
        cases = [case(name, near) for name in (THIS, BARE)]
        counted = measure(cases)
    now = Counts(*(counted[name][0] for name in (THIS, BARE)))
    print(
        results.table(
            ["instructions of a cold start", "now", "committed", "limit"],
            [
                [
                    LABELS[THIS],
                    f"{now.ours / 1e9:.3f} G",
                    f"{committed.ours / 1e9:.3f} G",
                    f"{now.bare * limit(committed) / 1e9:.3f} G",
                ],
                [
                    LABELS[BARE],
                    f"{now.bare / 1e9:.3f} G",
                    f"{committed.bare / 1e9:.3f} G",
                    "-",
                ],
            ],
        )
    )
    if exceeds_limit(now, committed):
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
