"""Measure the sizes of the uploads: `python -m benchmarks.sizes`."""

import sys
from collections.abc import Mapping

from benchmarks import artifacts, results
from benchmarks.candidates import LABELS, LISTS, artifact

ROWS = [name for name in LISTS if "deployed" not in name and "eddsa" not in name]
RUNS = 1

Row = Mapping[str, int]
"""Bytes of a function with its layer, zipped and unzipped, and of the zipped layer."""


def measure(names: list[str], runs: int) -> dict[str, Row]:
    """Return the row of each candidate."""
    return {
        name: {
            "zipped": artifact(name).zipped_size(),
            "unzipped": artifact(name).unzipped_size(),
            "layer": sum(map(artifacts.zipped_size, artifact(name).layers)),
        }
        for name in names
    }


def table(rows: Mapping[str, Row]) -> str:
    """Return the table in Markdown."""
    return results.table(
        ["", "zipped, MB", "unzipped, MB"],
        [
            [LABELS[name], f"{row['zipped'] / 1e6:.1f}", f"{row['unzipped'] / 1e6:.1f}"]
            for name, row in rows.items()
        ],
    )


if __name__ == "__main__":
    results.main("sizes", sys.modules[__name__])
