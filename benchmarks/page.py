"""Write results.json into the documentation's tables: `python -m benchmarks.page`.

A page has a pair of comments where a table belongs. This module writes what is between
them, so that nobody copies numbers by hand.
"""

import re
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import (
    attack,
    batches,
    capacity,
    change_feed,
    change_writes,
    cold,
    goals,
    instructions,
    lists,
    neighbours,
    network,
    operations,
    recurring,
    results,
    scale,
    searches,
    sizes,
    storm,
    validation,
)
from benchmarks.artifacts import ROOT
from benchmarks.candidates import BARE, LABELS, THIS, as_deployed
from benchmarks.picture import Panel, draw_panels

PAGES = (
    ROOT / "docs" / "performance.md",
    ROOT / "docs" / "lists.md",
    ROOT / "docs" / "reliability.md",
    ROOT / "docs" / "scale.md",
    ROOT / "README.md",
)

BLOCK = re.compile(
    r"(<!-- results: (\w+) -->\n).*?(<!-- end of results -->)", re.DOTALL
)

Sections = Mapping[str, results.Section]
Rows = Mapping[str, Any]

MODULES: dict[str, results.Measurement] = {
    "instructions": instructions,
    "cold": cold,
    "network": network,
    "operations": operations,
    "batches": batches,
    "recurring": recurring,
    "sizes": sizes,
    "searches": searches,
    "change_feed": change_feed,
    "change_writes": change_writes,
    "storm": storm,
    "attack": attack,
    "neighbours": neighbours,
    "validation": validation,
    "capacity": capacity,
}
"""By section of results.json: who measures it, and draws its table."""

ELSEWHERE = (
    *("change_feed", "change_writes", "searches", "attack"),
    *("neighbours", "storm", "validation", "capacity"),
)
"""Sections that render_machine leaves out."""

TABLES: dict[str, Callable[[Any], str]] = {
    **{name: module.table for name, module in MODULES.items()},
    **{name: table.markdown for name, table in lists.TABLES.items()},
}

SUMMARY = (
    *(as_deployed(name) for name in (BARE, THIS, f"{THIS}-eddsa", "powertools")),
    *("fastapi", "legacy", "legacy-shipped"),
)

BARS = {
    as_deployed(BARE): "bare handler, secret by boto3",
    as_deployed(THIS): "this API",
    as_deployed("powertools"): "Powertools' resolver",
    "fastapi": "FastAPI and Mangum",
    "legacy": "the legacy app",
    "fastapi-shipped": "FastAPI, as sam build ships it",
    "legacy-shipped": "the legacy app, as shipped",
}


def fill(page: str, sections: Sections) -> str:
    """Return the page with its tables filled from the results."""
    return BLOCK.sub(
        lambda match: f"{match[1]}{render(match[2], sections)}{match[3]}", page
    )


def render(name: str, sections: Sections) -> str:
    """Return what belongs between the comments of this name."""
    if name in COMPUTED:
        return COMPUTED[name](sections) + "\n"
    return TABLES[name](sections[name]["rows"]) + "\n"


def render_summary(sections: Sections) -> str:
    """Return one table of the first answer and the next ones."""
    counts, times = (sections[name]["rows"] for name in ("instructions", "cold"))
    far = sections["network"]["rows"]
    return results.table(
        ["", "instructions, cold", "cold", "cold, all 20 ms away", "warm p50"],
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


def render_machine(sections: Sections) -> str:
    """Return which machine the results are from, when, and how fast it is."""
    counts, times = (sections[name]["rows"] for name in ("instructions", "cold"))
    took = statistics.median(
        statistics.median(row["cpu"]) / statistics.median(counts[name])
        for name, row in times.items()
    )
    sentences = {
        "Measured on {cores} cores of {cpu} ({architecture}), Linux {kernel}, "
        "Python {python}, valgrind {valgrind}".format(**section["machine"])
        + f", {section['date']}"
        for name, section in sections.items()
        # The pages say where the others were measured.
        if name not in (*ELSEWHERE, *lists.TABLES)
    }
    speed = (
        f"A million instructions of a cold start take {took * 1e6:.2f} ms of CPU there."
    )
    return "\n\n".join([*(f"{one}." for one in sorted(sentences)), speed])


def draw_picture(sections: Sections) -> str:
    """Return the chart of cold starts, near and far from the database."""
    near = {
        name: statistics.median(row["wall"])
        for name, row in sections["cold"]["rows"].items()
    }
    far = {
        name: statistics.median(row["cold"]["20"])
        for name, row in sections["network"]["rows"].items()
    }

    def panel(title: str, times: Mapping[str, float]) -> Panel:
        return Panel(
            title,
            [
                (label, times[name], bar_style(name))
                for name, label in BARS.items()
                if name in times
            ],
        )

    return draw_panels(
        "The first answer of a new execution environment, in ms",
        [
            panel("all on one machine; byte code added, except as shipped", near),
            panel("all services 20 ms away each way, over TLS", far),
        ],
    )


def bar_style(name: str) -> str:
    """Return the style class of a candidate's bar."""
    if name == as_deployed(THIS):
        return "here"
    return "legacy" if name.startswith("legacy") else "baseline"


def render_validation_machine(sections: Sections) -> str:
    """Return where the simulation was compared with what happens."""
    section = sections["validation"]
    return (
        "Measured on {cores} cores of {cpu}, Linux {kernel}, Python {python}, "
        "{date}, {runs} times: the medians. Meanwhile other programs used at most "
        "{others:.0%} of the cores."
    ).format(
        **section["machine"],
        **{key: section[key] for key in ("date", "runs")},
        others=max(row["others"] for row in section["rows"]["load"].values())
        / section["machine"]["cores"],
    )


COMPUTED: dict[str, Callable[[Sections], str]] = {
    "summary": render_summary,
    "goals": lambda sections: goals.table(goals.evaluate(sections)),
    "machine": render_machine,
    "validation_machine": render_validation_machine,
    **scale.TABLES,
}
"""What belongs between other comments, from several sections."""

PICTURES: dict[Path, Callable[[Sections], str]] = {
    ROOT / "docs" / "cold-start.svg": draw_picture,
    ROOT / "docs" / "scale.svg": scale.draw,
}


def main() -> None:
    sections = results.load()
    for page in PAGES:
        page.write_text(fill(page.read_text(), sections))
    for file, draw in PICTURES.items():
        file.write_text(draw(sections))


if __name__ == "__main__":
    main()
