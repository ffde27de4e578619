"""The results that the documentation quotes: results.json, with a section per table."""

import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

FILE = Path(__file__).parent / "results.json"

Section = dict[str, Any]
"""The machine, the day, and what the measuring module adds."""


def load() -> dict[str, Section]:
    """Return all sections."""
    loaded: dict[str, Section] = json.loads(FILE.read_text()) if FILE.exists() else {}
    return loaded


def save(name: str, section: Section) -> None:
    """Write a section to the file, with the machine and the day."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    stamped = {"machine": describe_machine(), "date": today, **section}
    sections = dict(sorted((load() | {name: stamped}).items()))
    FILE.write_text(json.dumps(sections, indent=1) + "\n")


def describe_machine() -> dict[str, object]:
    """Return the hardware and versions that the numbers depend on."""
    with open("/proc/cpuinfo") as info:
        model = re.search(r"^(?:model name|CPU part)\s*: (.*)$", info.read(), re.M)
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True)
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "valgrind": valgrind.stdout.strip().removeprefix("valgrind-"),
    }


class Measurement(Protocol):
    """A module that measures the rows of one table, a section of results.json."""

    __doc__: str | None

    @property
    def ROWS(self) -> Iterable[str]: ...

    @property
    def RUNS(self) -> int: ...

    def measure(self, names: list[str], runs: int) -> Any: ...

    def table(self, rows: Any) -> str: ...


def main(section: str, module: Measurement) -> Any:
    """Measure the rows that the command line names, and print their table.

    Returns the rows.
    """
    parser = argparse.ArgumentParser(description=module.__doc__)
    names = list(module.ROWS)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--runs", type=int, default=module.RUNS)
    parser.add_argument(
        "--save", action="store_true", help="put the result into results.json"
    )
    options = parser.parse_args()
    if options.save and options.only != names:
        parser.error("only a whole table can be saved: leave --only out")
    rows = module.measure(options.only, options.runs)
    print(module.table(rows))
    if options.save:
        save(section, {"runs": options.runs, "rows": rows})
    return rows


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns except the first are numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def least_and_median(values: Sequence[float], form: str = "{:.0f}") -> str:
    """Return the cell of a table: the least value / the median."""
    return f"{form} / {form}".format(min(values), statistics.median(values))


def ratio(value: float, rows: Mapping[str, float], to: str) -> str:
    """Return value as a multiple of a row, or a hyphen if the row wasn't measured."""
    return f"{value / rows[to]:.2f}" if to in rows else "-"
