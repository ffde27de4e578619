"""Measure with all services far away, over TLS: `python -m benchmarks.network`.

Cold with 20 ms and with 5 ms each way, warm with 10 ms each way. The database, Secrets
Manager and the issuer's keys are all as far away.
"""

import statistics
import sys
import time
from collections.abc import Mapping
from typing import NotRequired, TypedDict

import psycopg

from benchmarks import results
from benchmarks.candidates import LABELS, LEGACY, LISTS, as_deployed, bare_like, case
from benchmarks.cold import Warm, measure_cold, measure_warm
from benchmarks.far import far_away
from benchmarks.services import services

COLD = (20, 5)
WARM = 10
"""Milliseconds each way."""

TRIP = "round trip"

ROWS = [name for name in LISTS if not name.startswith("fastapi")]
RUNS = 16
ROUNDS = 15
"""Timed events of each warm environment, times the runs."""

WARM_ROWS = [as_deployed(name) for name in ("bare", "list", "list-eddsa")] + ["legacy"]


class Row(TypedDict):
    """Milliseconds: of each cold environment by latency, and of a warm one.

    over: the median of a warm event less that of a round trip, measured in turn. Not
    all rows have the last two.
    """

    cold: dict[str, list[float]]
    warm: NotRequired[Warm]
    over: NotRequired[float]


def measure(names: list[str], runs: int) -> dict[str, Row]:
    """Return the row of each candidate."""
    with (
        services() as near,
        far_away(near, *(ms / 1000 for ms in (*COLD, WARM))) as (*places, warm_place),
    ):
        colds = {
            ms: measure_cold([case(name, place) for name in names], runs, settling=0)
            for ms, place in zip(COLD, places, strict=True)
        }
        with psycopg.connect(
            warm_place.database, autocommit=True, prepare_threshold=None
        ) as bare:
            warm = measure_warm(
                [case(name, warm_place) for name in names if name in WARM_ROWS],
                ROUNDS * runs,
                {TRIP: lambda: time_round_trip(bare)},
            )
    rows: dict[str, Row] = {
        name: {
            "cold": {
                str(ms): [round(sample.wall, 1) for sample in samples[name]]
                for ms, samples in colds.items()
            }
        }
        for name in names
    }
    trip = warm.pop(TRIP)["p50"]
    for name, times in warm.items():
        rows[name]["warm"] = times
        rows[name]["over"] = round(times["p50"] - trip, 2)
    return rows


def time_round_trip(connection: psycopg.Connection) -> float:
    """Return the milliseconds of a round trip: the time of `SELECT 1`."""
    started = time.perf_counter()
    connection.execute("SELECT 1").fetchone()
    return (time.perf_counter() - started) * 1000


def table(rows: Mapping[str, Row]) -> str:
    """Return the table in Markdown."""
    header = [""]
    columns: list[dict[str, float]] = []
    for ms in COLD:
        header += [
            f"cold, {ms} ms each way",
            "to the bare handler",
            "to the legacy app",
        ]
        columns.append(
            {
                name: statistics.median(row["cold"][str(ms)])
                for name, row in rows.items()
            }
        )
    header += [f"warm, {WARM} ms each way", "over the round trip"]
    lines = []
    for name, row in rows.items():
        cells = [LABELS[name]]
        for ms, medians in zip(COLD, columns, strict=True):
            cells += [
                results.least_and_median(row["cold"][str(ms)]),
                results.ratio(medians[name], medians, bare_like(name)),
                results.ratio(medians[name], medians, LEGACY),
            ]
        cells += (
            [f"{row['warm']['p50']:.1f}", f"{row['over']:.1f}"]
            if "warm" in row
            else ["-", "-"]
        )
        lines.append(cells)
    return results.table(header, lines)


if __name__ == "__main__":
    results.main("network", sys.modules[__name__])
