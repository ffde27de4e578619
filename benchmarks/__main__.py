"""All of docs/performance.md, measured anew: `make bench`, eleven minutes.

Writes results.json, the tables of the pages and the picture, and fails where a goal
is missed. `--runs 3` is enough for a look.
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
    began = time.monotonic()
    with database() as url, issuer() as eddsa:
        cases = {name: case(name, url, Eddsa(*eddsa)) for name in candidates.LABELS}
        counted = instructions.measure(list(cases.values()))
        results.save("instructions", {"rows": counted})
        started = cold.measure([cases[name] for name in cold.ROWS], runs)
        results.save("cold", {"runs": runs, "rows": started})
    results.save("sizes", {"rows": sizes.measure(sizes.ROWS)})
    # Two threads on two cores: these vary more than the others.
    far = network.measure(network.ROWS, 2 * runs, rounds=40 * runs)
    results.save("network", {"runs": 2 * runs, "rows": far})
    kept = secret.measure(list(secret.ROWS), runs)
    results.save("secret", {"runs": runs, "rows": kept})
    turns = 350 * runs
    added = operations.measure(list(operations.ROWS), turns)
    results.save("operations", {"runs": turns, "rows": added})
    looked = searches.measure(searches.ROWS, runs)
    results.save("searches", {"runs": runs, "rows": looked})
    page.main()
    sections = results.load()
    for name in page.MODULES:
        print(f"\n{name}\n\n{page.block(name, sections)}", end="")
    reached = goals.goals(sections)
    print(f"\n{goals.table(reached)}")
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    return int(any(not goal.reached and not goal.is_aim for goal in reached))


if __name__ == "__main__":
    sys.exit(main())
