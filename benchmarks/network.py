"""Measure with a database far away, over TLS: `python -m benchmarks.network`.

Cold with 20 ms and with 5 ms each way, warm with 10 ms each way. With EdDSA tokens, the
issuer's keys are as far away as the database.
"""

import statistics
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TypedDict
from urllib.parse import urlsplit

import psycopg

from benchmarks import results
from benchmarks.candidates import BARE, LABELS, LEGACY, Eddsa, case
from benchmarks.cold import Warm, measure_cold, measure_warm
from benchmarks.far import Distance, far_away
from benchmarks.world import Case, database, issuer

COLD = (20, 5)
WARM = 10
"""Milliseconds each way."""

TRIP = "round trip"

ROWS = ["bare", "legacy", "legacy-shipped", "list", "list-eddsa"]


class Row(TypedDict):
    """Milliseconds: of each cold environment by latency, and of a warm one.

    over: the median of a warm event less that of a round trip, measured in turn.
    """

    cold: dict[str, list[float]]
    warm: Warm
    over: float


def measure(names: list[str], runs: int, rounds: int) -> dict[str, Row]:
    """Return the row of each candidate."""
    with (
        database() as url,
        issuer() as (settings, issue),
        far_away(url, *(ms / 1000 for ms in (*COLD, WARM))) as urls,
        ExitStack() as running,
    ):

        def cases(ms: int, url: str) -> list[Case]:
            jwks = urlsplit(settings["BETTER_AUTH_JWKS_URL"])
            assert jwks.port
            distance = Distance(jwks.port, ms / 1000)
            running.callback(distance.close)
            far = f"http://127.0.0.1:{distance.port}{jwks.path}"
            eddsa = Eddsa({**settings, "BETTER_AUTH_JWKS_URL": far}, issue)
            return [case(name, url, eddsa) for name in names]

        colds = {
            ms: measure_cold(cases(ms, far), runs, settling=0)
            for ms, far in zip(COLD, urls, strict=False)
        }
        bare = running.enter_context(
            psycopg.connect(urls[-1], autocommit=True, prepare_threshold=None)
        )
        warm = measure_warm(
            cases(WARM, urls[-1]), rounds, {TRIP: lambda: time_round_trip(bare)}
        )
    return {
        name: {
            "cold": {
                str(ms): [round(sample.wall, 1) for sample in samples[name]]
                for ms, samples in colds.items()
            },
            "warm": warm[name],
            "over": round(warm[name]["p50"] - warm[TRIP]["p50"], 2),
        }
        for name in names
    }


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
                results.ratio(medians[name], medians, BARE),
                results.ratio(medians[name], medians, LEGACY),
            ]
        lines.append([*cells, f"{row['warm']['p50']:.1f}", f"{row['over']:.1f}"])
    return results.table(header, lines)


def main() -> None:
    options = results.parse_options(__doc__, ROWS, runs=24)
    rows = measure(options.only, options.runs, rounds=20 * options.runs)
    print(table(rows))
    if options.save:
        results.save("network", {"runs": options.runs, "rows": rows})


if __name__ == "__main__":
    main()
