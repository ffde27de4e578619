"""Measure the worst searches that a user can make: `python -m benchmarks.searches`.

Each searches a megabyte (a million characters) of repeated text for 200 characters, all
of which but the last are in it. For comparison, the same text is searched for words
that aren't in it. The results are Postgres's CPU times.
"""

import sys
from collections.abc import Mapping
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from benchmarks import results
from benchmarks.plans import statement
from local.postgres import embedded_postgres_url
from taskapi.postgres.migrate import migrate

CHARACTERS = 1_000_000
LIMIT = 10.0
"""Times an ordinary search of the same text."""

ORDINARY = "no such words"
UNITS = {
    "sentences": "Buy milk and bread, call the plumber about the tap. ",
    "one letter": "a",
    "two letters": "ab",
    "a long period": "a" * 198 + "b",
    "emoji": "\U0001f389",
    "200 ideographs": "".join(chr(0x4E00 + 37 * n) for n in range(200)),
    "ligatures that fold to three letters": "\ufb03",
    "letters that fold to three characters": "\u0390",
    "others that fold to three characters": "\u1fb7",
}
LENGTHS = (200, 1000, 5000)
"""Characters of a task: the same text in many tasks, or in few."""

ROWS = list(UNITS)
RUNS = 12


def repeat_text(unit: str, length: int) -> str:
    return "".join(islice(cycle(unit), length))


def cpu_ms(pid: int) -> float:
    """Return the CPU time that a process has used (Linux)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def measure(names: list[str], runs: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return the milliseconds by text, length of a task, and kind of search."""
    with (
        TemporaryDirectory() as folder,
        embedded_postgres_url(Path(folder) / "postgres") as url,
    ):
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.prepare_threshold = None
            return {
                name: {
                    str(length): time_searches(connection, UNITS[name], length, runs)
                    for length in LENGTHS
                }
                for name in names
            }


def time_searches(
    connection: psycopg.Connection[Any], unit: str, length: int, runs: int
) -> dict[str, float]:
    """Return the least time of each kind of search."""
    connection.execute("TRUNCATE tasks")
    connection.execute(
        "INSERT INTO tasks (user_id, title, description)"
        " SELECT 'a', 'x', %s FROM generate_series(1, %s)",
        (repeat_text(unit, length), CHARACTERS // length),
    )
    connection.execute("VACUUM (ANALYZE) tasks")
    worst = repeat_text(unit, 199) + "~"
    return {
        "ordinary": min(search_ms(connection, ORDINARY) for _ in range(runs)),
        "worst": min(search_ms(connection, worst) for _ in range(runs)),
    }


def search_ms(connection: psycopg.Connection[Any], search: str) -> float:
    sql, params = statement("a", {"search": search})
    before = cpu_ms(connection.info.backend_pid)
    rows = connection.execute(sql.encode(), params).fetchall()
    assert [row[0] for row in rows] == [None]
    return cpu_ms(connection.info.backend_pid) - before


def ratios(rows: Mapping[str, Any]) -> list[float]:
    """Return the cost of each worst search, as a multiple of an ordinary one's."""
    return [
        times["worst"] / times["ordinary"]
        for row in rows.values()
        for times in row.values()
    ]


def table(rows: Mapping[str, Any]) -> str:
    """Return the table in Markdown."""
    return results.table(
        ["a million characters of", *(f"{n:,} a task" for n in LENGTHS), "at most"],
        [
            [
                name,
                *(
                    f"{times['worst']:.0f} / {times['ordinary']:.0f} ms"
                    for times in row.values()
                ),
                f"{max(ratios({name: row})):.1f}",
            ]
            for name, row in rows.items()
        ],
    )


def main() -> int:
    rows = results.main("searches", sys.modules[__name__])
    return int(max(ratios(rows)) > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
