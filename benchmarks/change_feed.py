"""Measure the feed among a million tasks: `python -m benchmarks.change_feed`.

It is the CPU time of whole handlers in this process and of Postgres, for a user with
200,000 tasks. All take turns; the numbers are medians. A page has 200 changes.
"""

import io
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from unittest.mock import patch

import psycopg
from psycopg.rows import TupleRow

from benchmarks import results
from benchmarks.data import fill
from benchmarks.lists import call
from benchmarks.searches import cpu_ms
from benchmarks.world import filled_database
from local.direct import SECRET
from taskapi.log import logger
from taskapi.postgres import connection
from taskapi.tasks import change_tokens
from taskapi.tasks.change_tokens import Database, Token
from taskapi.tasks.identifiers import MAX_ID

BIG = int(os.environ.get("CHANGE_FEED_TASKS", "200000"))
"""How many tasks the user has; all users have five times as many."""

DELETED = BIG // 20

GET, LIST = "get_task", "the first page of a list"
NOTHING_NEW = "nothing new"
PAGES = {
    "changes, the first page": 0.0,
    "changes, in the middle": 0.5,
    "changes, near the end": 0.9,
    "deletions, the first page": 1.0,
    "deletions, in the middle": 1.5,
}
"""Where each begins: after this share of the tasks; from 1 on, of the deletions."""

ROWS = (GET, NOTHING_NEW, LIST, *PAGES)
RUNS = 300

MOST_OF_A_GET, MOST_OF_A_LIST = 1.1, 1.5

DELETE = """
    DELETE FROM tasks WHERE user_id = 'big' AND id = ANY (ARRAY(
        SELECT id FROM tasks WHERE user_id = 'big' ORDER BY id DESC LIMIT %s))
"""
STATE = """
    SELECT counter, beginning, (extract(epoch FROM now()) * 1000000)::bigint,
           database_identity(key), key
      FROM change_counters, cursor_keys WHERE user_id = 'big'
"""
POSITION = """
    SELECT id FROM {table} WHERE user_id = 'big' ORDER BY id OFFSET %s LIMIT 1
"""


def fill_and_delete(owner: psycopg.Connection[TupleRow]) -> None:
    """Insert many tasks and delete some."""
    print("Filling the table ...", file=sys.stderr)
    fill(owner, rows=5 * BIG, users=1_000, big=BIG, old=3_000)
    owner.execute(DELETE.encode(), [DELETED])
    owner.execute("VACUUM (ANALYZE) tasks, trash, change_counters")
    owner.execute("CHECKPOINT")


def tokens(url: str) -> dict[str, str]:
    """Return the token before each page, and that of a complete copy."""
    with psycopg.connect(url) as owner:
        [state] = owner.execute(STATE).fetchall()
        database = Database(*state)
        counter, _, now, *_ = database
        found = {NOTHING_NEW: Token(counter, MAX_ID, counter, now)}
        for name, share in PAGES.items():
            table, number, size = ("tasks", 0, BIG - DELETED)
            if share >= 1:
                # The deletions have the number of the one statement that made them.
                table, number, size, share = "trash", counter, DELETED, share - 1
            sql = POSITION.replace("{table}", table).encode()
            [(id,)] = owner.execute(sql, [int(size * share)])
            found[name] = Token(number, id - 1, 0, now)
    return {
        name: change_tokens.encode(token, "big", database)
        for name, token in found.items()
    }


def measure(names: list[str], runs: int) -> dict[str, float]:
    """Return the median of each row in ms."""
    settings = {"BETTER_AUTH_SECRET": SECRET}
    with (
        filled_database(fill_and_delete) as url,
        patch.dict(os.environ, settings, DATABASE_URL=url),
    ):
        logger.handlers[0].stream = io.StringIO()  # type: ignore[attr-defined]
        with psycopg.connect(url) as owner:
            sql = POSITION.replace("{table}", "tasks").encode()
            [(id,)] = owner.execute(sql, [BIG // 2])
        calls = {GET: call("get_task", id), LIST: call("list_tasks")}
        for name, token in tokens(url).items():
            calls[name] = call("list_changes", query=f"since={token}")
        times: dict[str, list[float]] = {name: [] for name in ROWS if name in names}
        for name in times:
            answer = calls[name]()
            assert answer["statusCode"] == 200, answer
            assert ('"changes":[]' in answer["body"]) == (name == NOTHING_NEW)
        for _ in range(runs):
            for name, took in times.items():
                started = used_ms()
                calls[name]()
                took.append(used_ms() - started)
    return {name: round(statistics.median(took), 3) for name, took in times.items()}


def used_ms() -> float:
    """Return the CPU time that this process and its database connection have used."""
    idle = connection._idle
    assert idle
    return time.process_time() * 1000 + cpu_ms(idle.info.backend_pid)


def table(rows: Mapping[str, float]) -> str:
    """Return the table in Markdown."""
    return results.table(
        ["the whole handler and Postgres", "CPU, ms", "of a get_task", "of a list"],
        [
            [
                name,
                f"{ms:.2f}",
                results.ratio(ms, rows, GET) if name == NOTHING_NEW else "-",
                results.ratio(ms, rows, LIST) if name in PAGES else "-",
            ]
            for name, ms in rows.items()
        ],
    )


def broken_promises(rows: Mapping[str, float]) -> Iterator[str]:
    """Yield the limits that these results exceed."""
    limits = {NOTHING_NEW: (GET, MOST_OF_A_GET)}
    limits |= dict.fromkeys(PAGES, (LIST, MOST_OF_A_LIST))
    for name, (of, most) in limits.items():
        if rows[name] > most * rows[of]:
            yield f"{name}: more than {most} times {of}"


def main() -> int:
    rows = results.main("change_feed", sys.modules[__name__])
    broken = list(broken_promises(rows)) if len(rows) == len(ROWS) else []
    for promise in broken:
        print(f"BROKEN: {promise}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
