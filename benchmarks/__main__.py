"""Measure everything in docs/performance.md again: `make bench`, eleven minutes.

Writes results.json, the tables of the pages and the picture, and fails if a goal is
missed. `--runs 3` is enough for a first look.
"""

import argparse
import sys
import time

from benchmarks import (
    candidates,
    cold,
    goals,
    instructions,
    network,
    operations,
    page,
    results,
    searches,
    secret,
    sizes,
)
from benchmarks.candidates import Eddsa, case
from benchmarks.world import database, issuer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=12)
    runs = parser.parse_args().runs
    start = time.monotonic()
    with database() as url, issuer() as eddsa:
        cases = {name: case(name, url, Eddsa(*eddsa)) for name in candidates.LABELS}
        rows = instructions.measure(list(cases.values()))
        results.save("instructions", {"rows": rows})
        cold_rows = cold.measure([cases[name] for name in cold.ROWS], runs)
        results.save("cold", {"runs": runs, "rows": cold_rows})
    results.save("sizes", {"rows": sizes.measure(sizes.ROWS)})
    # These use two threads on two cores, so they vary more than the others.
    network_rows = network.measure(network.ROWS, 2 * runs, rounds=40 * runs)
    results.save("network", {"runs": 2 * runs, "rows": network_rows})
    secret_rows = secret.measure(list(secret.ROWS), runs)
    results.save("secret", {"runs": runs, "rows": secret_rows})
    turns = 350 * runs
    operation_rows = operations.measure(list(operations.ROWS), turns)
    results.save("operations", {"runs": turns, "rows": operation_rows})
    search_rows = searches.measure(searches.ROWS, runs)
    results.save("searches", {"runs": runs, "rows": search_rows})
    page.main()
    sections = results.load()
    for name in page.MODULES:
        print(f"\n{name}\n\n{page.render(name, sections)}", end="")
    every_goal = goals.evaluate(sections)
    print(f"\n{goals.table(every_goal)}")
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
    return int(any(not goal.reached and not goal.is_aim for goal in every_goal))


if __name__ == "__main__":
    sys.exit(main())
