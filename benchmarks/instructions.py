"""Instructions of a cold start, by valgrind: `python -m benchmarks.instructions`.

One process imports the runtime client and the handler and answers its first event.
Unlike a time it hardly varies, so that one run says what a change has brought. Whether
the machine is busy makes no difference to it.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import results
from benchmarks.artifacts import PYTHON, ROOT, unprivileged
from benchmarks.candidates import FLOOR, LABELS, REPLACED, Eddsa, case
from benchmarks.world import Case, check, database, issuer

DRIVER = ROOT / "benchmarks" / "drivers" / "first_events.py"


def instructions(case: Case, answers: int = 1) -> int:
    """Return how many instructions the case's first answers take, from exec on."""
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is needed; Debian's package will do")
    with TemporaryDirectory() as name:
        folder = Path(name)
        sent, received, counted = (folder / n for n in ("events", "answer", "counted"))
        events = [case.event() for _ in range(answers)]
        sent.write_text("\n".join(map(json.dumps, events)))
        run = subprocess.run(
            [
                *unprivileged(),
                *("valgrind", "--tool=cachegrind", "--cache-sim=no", "--branch-sim=no"),
                f"--cachegrind-out-file={counted}",
                *(PYTHON, "-S", "-P", DRIVER, sent, received),
            ],
            cwd=case.artifact.task,
            env=environment(case),
            capture_output=True,
            text=True,
        )
        if run.returncode or not received.exists():
            sys.exit(f"{case.name} failed:\n{run.stdout}{run.stderr}")
        check(case, events[-1], json.loads(received.read_text()))
        # A fault that is repaired costs instructions of its own.
        if '"level":"WARNING"' in run.stdout.replace(" ", ""):
            sys.exit(f"{case.name} met with a fault:\n{run.stdout}")
        return total(counted.read_text())


def environment(case: Case) -> dict[str, str]:
    """Return the case's environment, and what keeps its run from varying.

    The task folder is on the path as awslambdaric would have put it there.
    """
    given = case.environment()
    path = f"{case.artifact.task}:{given['PYTHONPATH']}"
    return given | {"PYTHONPATH": path, "PYTHONHASHSEED": "0"}


def total(report: str) -> int:
    """Return the count in cachegrind's file, which has one event: Ir."""
    found = re.search(r"^summary: (\d+)\s*$", report, re.MULTILINE)
    if not found:
        raise ValueError("cachegrind's file has no summary of one event")
    return int(found[1])


def measure(cases: Sequence[Case], runs: int = 1) -> dict[str, list[int]]:
    """Return the instructions of each run of each case, as many at once as cores."""
    found: dict[str, list[int]] = {case.name: [] for case in cases}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [case for _ in range(runs) for case in cases]
        for case, count in zip(jobs, pool.map(instructions, jobs), strict=True):
            found[case.name].append(count)
            print(f"{case.name}: {count / 1e9:.3f} G", file=sys.stderr)
    return found


def table(rows: Mapping[str, Sequence[int]]) -> str:
    """Return the table in Markdown."""
    medians = {name: statistics.median(counts) for name, counts in rows.items()}
    return results.table(
        ["", "instructions", "to the floor", "to the replaced design", "spread"],
        [
            [
                LABELS[name],
                f"{medians[name] / 1e9:.2f} G",
                results.ratio(medians[name], medians, FLOOR),
                results.ratio(medians[name], medians, REPLACED),
                f"{(max(counts) - min(counts)) / medians[name]:.2%}",
            ]
            for name, counts in rows.items()
        ],
    )


def main() -> None:
    asked = results.arguments(__doc__, LABELS, runs=1)
    with database() as url, issuer() as eddsa:
        cases = [case(name, url, Eddsa(*eddsa)) for name in asked.only]
        rows = measure(cases, asked.runs)
    print(table(rows))
    if asked.save:
        results.save("instructions", {"rows": rows})


if __name__ == "__main__":
    main()
