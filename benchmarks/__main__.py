"""Measure everything in docs/performance.md again: `make bench`.

Writes results.json, the tables of the pages and the picture, and fails if a goal is
missed. `--share 0.2`, a fifth of the runs, is enough for a first look.
"""

import argparse
import sys
import time

from benchmarks import goals, page, results

SEPARATE = ("attack", "neighbours", "validation", "capacity")
"""attack takes 15 minutes by itself: `python -m benchmarks.attack --save`. neighbours
takes 3. `make scale` measures the others."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0)
    share = parser.parse_args().share
    started = time.monotonic()
    for name, module in page.MODULES.items():
        if name in SEPARATE:
            continue
        print(f"{time.monotonic() - started:.0f} s: {name}", file=sys.stderr)
        runs = max(round(module.RUNS * share), 1)
        rows = module.measure(list(module.ROWS), runs)
        results.save(name, {"runs": runs, "rows": rows})
        print(f"\n{name}\n\n{module.table(rows)}", flush=True)
    page.main()
    every_goal = goals.evaluate(results.load())
    print(f"\n{goals.table(every_goal)}")
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    return int(not all(goal.reached for goal in every_goal))


if __name__ == "__main__":
    sys.exit(main())
