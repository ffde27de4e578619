"""Count a cold start's instructions with valgrind: `python -m benchmarks.instructions`.

One process imports the runtime client and the handler and answers its first event.
The count hardly varies, even on a busy machine, so one run shows what a change does.
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
from benchmarks.candidates import LABELS, LEGACY, bare_like, case
from benchmarks.services import services
from benchmarks.world import Case, check

ROWS, RUNS = list(LABELS), 1

DRIVER = ROOT / "benchmarks" / "drivers" / "first_events.py"


def count_instructions(case: Case, answers: int = 1) -> int:
    """Return the instructions from the start of the process to the last answer."""
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is needed: apt-get install valgrind")
    with TemporaryDirectory() as name:
        folder = Path(name)
        sent, received, report = (folder / n for n in ("events", "answer", "report"))
        events = [case.event() for _ in range(answers)]
        sent.write_text("\n".join(map(json.dumps, events)))
        run = subprocess.run(
            [
                *unprivileged(),
                *("valgrind", "--tool=cachegrind", "--cache-sim=no", "--branch-sim=no"),
                f"--cachegrind-out-file={report}",
                *(PYTHON, "-S", "-P", DRIVER, sent, received),
            ],
            cwd=case.artifact.task,
            env=process_environment(case),
            capture_output=True,
            text=True,
        )
        if run.returncode or not received.exists():
            sys.exit(f"{case.name} failed:\n{run.stdout}{run.stderr}")
        check(case, events[-1], json.loads(received.read_text()))
        # Repairing a fault takes instructions too.
        if '"level":"WARNING"' in run.stdout.replace(" ", ""):
            sys.exit(f"{case.name} logged a fault:\n{run.stdout}")
        return parse_total(report.read_text())


def process_environment(case: Case) -> dict[str, str]:
    """Return the case's environment, with hashes that don't vary.

    The task folder is on the path, where awslambdaric would put it.
    """
    environment = case.environment()
    path = f"{case.artifact.task}:{environment['PYTHONPATH']}"
    return environment | {"PYTHONPATH": path, "PYTHONHASHSEED": "0"}


def parse_total(report: str) -> int:
    """Return the count in cachegrind's file, which has one event: Ir (instructions)."""
    found = re.search(r"^summary: (\d+)\s*$", report, re.MULTILINE)
    if not found:
        raise ValueError("cachegrind's file has no summary of one event")
    return int(found[1])


def measure(names: list[str], runs: int) -> dict[str, list[int]]:
    """Return the instructions of each run of each candidate."""
    with services() as near:
        return count([case(name, near) for name in names], runs)


def count(cases: Sequence[Case], runs: int = 1) -> dict[str, list[int]]:
    """Return the instructions of each run of each case; run one case on each core."""
    counts: dict[str, list[int]] = {each.name: [] for each in cases}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [each for _ in range(runs) for each in cases]
        for each, taken in zip(jobs, pool.map(count_instructions, jobs), strict=True):
            counts[each.name].append(taken)
            print(f"{each.name}: {taken / 1e6:,.1f} M", file=sys.stderr)
    return counts


def table(rows: Mapping[str, Sequence[int]]) -> str:
    """Return the table in Markdown."""
    medians = {name: statistics.median(counts) for name, counts in rows.items()}
    return results.table(
        ["", "instructions", "to the bare handler", "to the legacy app", "spread"],
        [
            [
                LABELS[name],
                f"{medians[name] / 1e9:.2f} G",
                results.ratio(medians[name], medians, bare_like(name)),
                results.ratio(medians[name], medians, LEGACY),
                f"{(max(counts) - min(counts)) / medians[name]:.2%}",
            ]
            for name, counts in rows.items()
        ],
    )


if __name__ == "__main__":
    results.main("instructions", sys.modules[__name__])
