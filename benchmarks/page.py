"""What of results.json stands in the documentation: `python -m benchmarks.page`.

A page has a pair of comments where a table belongs. What is between them is written
here, so that no number is copied by hand.
"""

import re
import statistics
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import (
    cold,
    goals,
    instructions,
    network,
    operations,
    results,
    searches,
    secret,
    sizes,
)
from benchmarks.artifacts import ROOT
from benchmarks.candidates import LABELS, THIS
from benchmarks.picture import Panel, panels

PAGES = (
    ROOT / "docs" / "performance.md",
    ROOT / "docs" / "lists.md",
    ROOT / "README.md",
)
PICTURE = ROOT / "docs" / "cold-start.svg"

BLOCK = re.compile(
    r"(<!-- results: (\w+) -->\n).*?(<!-- end of results -->)", re.DOTALL
)

Sections = Mapping[str, results.Section]
Rows = Mapping[str, Any]

MODULES: dict[str, Callable[[Rows], str]] = {
    "instructions": instructions.table,
    "cold": cold.table,
    "network": network.table,
    "secret": secret.table,
    "operations": operations.table,
    "sizes": sizes.table,
    "searches": searches.table,
}

SUMMARY = ("floor", THIS, "powertools", "fastapi", "replaced", "replaced-shipped")

BARS = {
    "floor": "bare handler, no framework",
    THIS: "this design",
    "powertools": "Powertools' resolver",
    "fastapi": "FastAPI and Mangum",
    "replaced": "the replaced design",
    "fastapi-shipped": "FastAPI, as sam build ships it",
    "replaced-shipped": "the replaced design, as shipped",
}


def filled(page: str, sections: Sections) -> str:
    """Return the page with each table as the results have it now."""
    return BLOCK.sub(
        lambda found: f"{found[1]}{block(found[2], sections)}{found[3]}", page
    )


def block(name: str, sections: Sections) -> str:
    """Return what belongs between the comments of this name."""
    if name == "summary":
        return summary(sections) + "\n"
    if name == "goals":
        return goals.table(goals.goals(sections)) + "\n"
    if name == "machine":
        return machine(sections) + "\n"
    return MODULES[name](sections[name]["rows"]) + "\n"


def summary(sections: Sections) -> str:
    """Return one table of the first answer and the next ones."""
    counts, times = (sections[name]["rows"] for name in ("instructions", "cold"))
    far = sections["network"]["rows"]
    return results.table(
        ["", "instructions, cold", "cold", "cold, database 20 ms away", "warm p50"],
        [
            [
                LABELS[name],
                f"{statistics.median(counts[name]) / 1e9:.2f} G",
                f"{statistics.median(times[name]['wall']):.0f} ms",
                f"{statistics.median(far[name]['cold']['20']):.0f} ms"
                if name in far
                else "-",
                f"{times[name]['warm']['p50']:.1f} ms",
            ]
            for name in SUMMARY
        ],
    )


def machine(sections: Sections) -> str:
    """Return on what, and when, the results were measured, and how fast that is."""
    counts, times = (sections[name]["rows"] for name in ("instructions", "cold"))
    took = statistics.median(
        statistics.median(row["cpu"]) / statistics.median(counts[name])
        for name, row in times.items()
    )
    found = {
        "Measured on {cores} cores of {cpu} ({architecture}), Linux {kernel}, "
        "Python {python}, valgrind {valgrind}".format(**section["machine"])
        + f", {section['date']}"
        for name, section in sections.items()
        if name != "searches"  # It has a page of its own.
    }
    speed = (
        f"A million instructions of a cold start take {took * 1e6:.2f} ms of CPU there."
    )
    return "\n\n".join([*(f"{one}." for one in sorted(found)), speed])


def picture(sections: Sections) -> str:
    """Return the chart of cold starts, near and far from the database."""
    near = {
        name: statistics.median(row["wall"])
        for name, row in sections["cold"]["rows"].items()
    }
    far = {
        name: statistics.median(row["cold"]["20"])
        for name, row in sections["network"]["rows"].items()
    }

    def panel(title: str, found: Mapping[str, float]) -> Panel:
        return Panel(
            title,
            [
                (label, found[name], kind(name))
                for name, label in BARS.items()
                if name in found
            ],
        )

    return panels(
        "The first answer of a new execution environment, in ms",
        [
            panel("the database beside it; with byte code, except as shipped", near),
            panel("the database 20 ms away each way, over TLS", far),
        ],
    )


def kind(name: str) -> str:
    """Return the style of a candidate's bar."""
    if name == THIS:
        return "here"
    return "was" if name.startswith("replaced") else "peer"


def main() -> None:
    sections = results.load()
    for page in PAGES:
        page.write_text(filled(page.read_text(), sections))
    PICTURE.write_text(picture(sections))


if __name__ == "__main__":
    main()
