"""Starts with a database far away, over TLS: `python -m benchmarks.network`.

Cold with 20 ms and with 5 ms each way; warm with 10 ms each way. In the EdDSA world
the issuer's keys are as far away as the database.
"""

import statistics
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TypedDict
from urllib.parse import urlsplit

import psycopg

from benchmarks import results
from benchmarks.candidates import FLOOR, LABELS, REPLACED, Eddsa, case
from benchmarks.cold import Warm, cold, warm
from benchmarks.far import Distance, far_away
from benchmarks.world import Case, database, issuer

COLD = (20, 5)
WARM = 10
"""Milliseconds each way."""

TRIP = "round trip"

ROWS = ["floor", "replaced", "replaced-shipped", "list", "list-eddsa"]


class Row(TypedDict):
    """Milliseconds: of each cold environment by latency, and of a warm one.

    over: by what a warm event's median is over that of the round trip, which takes
    turns with them.
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
            ms: cold(cases(ms, far), runs, settling=0)
            for ms, far in zip(COLD, urls, strict=False)
        }
        bare = running.enter_context(
            psycopg.connect(urls[-1], autocommit=True, prepare_threshold=None)
        )
        warmed = warm(cases(WARM, urls[-1]), rounds, {TRIP: lambda: round_trip(bare)})
    return {
        name: {
            "cold": {
                str(ms): [round(sample.wall, 1) for sample in samples[name]]
                for ms, samples in colds.items()
            },
            "warm": warmed[name],
            "over": round(warmed[name]["p50"] - warmed[TRIP]["p50"], 2),
        }
        for name in names
    }


def round_trip(connection: psycopg.Connection) -> float:
    """Return the milliseconds that the way itself takes, by `SELECT 1`."""
    started = time.perf_counter()
    connection.execute("SELECT 1").fetchone()
    return (time.perf_counter() - started) * 1000


def table(rows: Mapping[str, Row]) -> str:
    """Return the table in Markdown."""
    header = [""]
    columns: list[dict[str, float]] = []
    for ms in COLD:
        header += [f"cold, {ms} ms each way", "to the floor", "to the replaced design"]
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
                results.ratio(medians[name], medians, FLOOR),
                results.ratio(medians[name], medians, REPLACED),
            ]
        lines.append([*cells, f"{row['warm']['p50']:.1f}", f"{row['over']:.1f}"])
    return results.table(header, lines)


def main() -> None:
    asked = results.arguments(__doc__, ROWS, runs=24)
    rows = measure(asked.only, asked.runs, rounds=20 * asked.runs)
    print(table(rows))
    if asked.save:
        results.save("network", {"runs": asked.runs, "rows": rows})


if __name__ == "__main__":
    main()
