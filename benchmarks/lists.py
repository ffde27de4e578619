"""Measure how lists scale, compared with the legacy app's: `make bench`.

Prints tables, draws docs/lists.svg, and fails if a promise of docs/lists.md is broken.
Ratios are of medians; the runs that are compared take turns. Takes three minutes.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import psycopg
from pydantic_core import to_json

from benchmarks.data import fill
from benchmarks.picture import Bar, picture
from benchmarks.plans import Plan, buffers, every_list, explain, faults, nodes, values
from local.postgres import embedded_postgres_url
from taskapi.postgres.migrate import migrate
from taskapi.tasks.create import CREATE
from taskapi.tasks.fields import FIELDS, NAMES, Task, to_tasks
from taskapi.tasks.lists import list_for, list_statement
from taskapi.tasks.write import COMPLETE, update_statement

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "lists.svg"

Connection = psycopg.Connection[Any]
Run = Callable[[], object]

LIMIT = 200
BIG = 200_000
LAST_PAGE = BIG // LIMIT
NEWEST = list_statement("created", "desc", ())

LEGACY_TABLE = """
    CREATE SCHEMA legacy;
    CREATE TABLE legacy.tasks AS
    SELECT id::integer, title, description, completed, user_id,
           created_at AT TIME ZONE 'UTC' AS created_at,
           updated_at AT TIME ZONE 'UTC' AS updated_at
      FROM tasks ORDER BY id;
    ALTER TABLE legacy.tasks ADD PRIMARY KEY (id);
    CREATE INDEX idx_tasks_user_id ON legacy.tasks (user_id);
    CREATE INDEX idx_tasks_completed ON legacy.tasks (completed);
"""
LEGACY_LIST = """
    SELECT id, title, description, completed, user_id, created_at, updated_at
      FROM legacy.tasks
     WHERE user_id = %(user_id)s
       AND (%(completed)s::boolean IS NULL OR completed = %(completed)s)
  ORDER BY created_at DESC
     LIMIT %(limit)s OFFSET %(offset)s
"""


class Case(NamedTuple):
    """A page to measure, with its parameters here and in the legacy app."""

    name: str
    rows: int
    here: tuple[Connection, dict[str, object]]
    legacy: dict[str, object] | None


class Times(NamedTuple):
    """Milliseconds."""

    p50: float
    p99: float


def main() -> int:
    with TemporaryDirectory() as folder, databases(Path(folder)) as (large, small):
        broken = [*pages(large, small), *plans(large)]
        compare_json(large)
        compare_pending_indexes(large)
    for promise in broken:
        print(f"BROKEN: {promise}")
    return 1 if broken else 0


@contextmanager
def databases(folder: Path) -> Iterator[tuple[Connection, Connection]]:
    """Yield a database of a million tasks and one of a thousand."""
    with embedded_postgres_url(folder / "postgres") as url:
        large, small = (new_database(url, name) for name in ("large", "small"))
        print("Filling the tables ...", file=sys.stderr)
        fill(small, rows=1_000, users=5, big=700, old=50)
        fill(large, rows=1_000_000, users=1_000, big=BIG, old=3_000)
        large.execute(LEGACY_TABLE.encode())
        large.execute("VACUUM (ANALYZE) legacy.tasks")
        large.execute("CHECKPOINT")
        with large, small:
            yield large, small


def new_database(url: str, name: str) -> Connection:
    """Return a connection like taskapi.postgres.connection's, to a new database."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    own = url.replace("/postgres?", f"/{name}?")
    migrate(own)
    connection = psycopg.connect(own, autocommit=True)
    connection.prepare_threshold = None
    return connection


def in_turn(runs: Mapping[str, Run], seconds: float) -> dict[str, Times]:
    """Time each run, one after the other, again and again.

    Slow ones run less often, so that they don't use up all the time.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    end, turn = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or turn < 20:
        turn += 1
        for name, run in runs.items():
            if times[name] and times[name][-1] > 50 and turn % 10:
                continue
            started = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - started) * 1000)
    return {
        name: Times(statistics.median(ms), sorted(ms)[int(len(ms) * 0.99 - 0.001)])
        for name, ms in times.items()
    }


def fetching(connection: Connection, sql: str, params: Mapping[str, object]) -> Run:
    query = sql.encode()
    return lambda: connection.execute(query, params).fetchall()


def pages(large: Connection, small: Connection) -> list[str]:
    """Measure pages; return the promises that are broken."""
    row = large.execute(
        "SELECT created_at, id FROM tasks WHERE user_id = 'big'"
        " ORDER BY created_at DESC, id DESC OFFSET %s LIMIT 1",
        (BIG - LIMIT - 1,),
    ).fetchone()
    assert row
    cases = [
        page_case("1,000 rows, page 1", 1_000, small, None, "big"),
        page_case("200,000 tasks, page 1", 1_000_000, large, 0, "big"),
        page_case(
            f"200,000 tasks, page {LAST_PAGE:,}",
            1_000_000,
            large,
            BIG - LIMIT,
            "big",
            after=(row[0], row[1]),
        ),
        page_case("800 tasks, page 1", 1_000_000, large, 0, "user 7"),
        page_case("3,000 tasks, the oldest of all", 1_000_000, large, 0, "old"),
        page_case(
            "3,000 tasks, 3 pending", 1_000_000, large, 0, "done", status="pending"
        ),
        page_case(
            "200,000 tasks, completed", 1_000_000, large, 0, "big", status="completed"
        ),
    ]
    runs = {
        c.name: fetching(c.here[0], newest_first(c.here[1]), c.here[1]) for c in cases
    }
    runs |= {
        f"legacy: {c.name}": fetching(large, LEGACY_LIST, c.legacy)
        for c in cases
        if c.legacy
    }
    times = in_turn(runs, seconds=40)
    print_pages(cases, times, large)
    measure_third_index(large)
    return broken_promises({c.name: times[c.name].p50 for c in cases})


def newest_first(params: Mapping[str, object]) -> str:
    """Return the statement of the list in its default order."""
    return list_for("created", "desc", params)


def page_case(
    name: str,
    rows: int,
    connection: Connection,
    offset: int | None,
    user_id: str,
    *,
    status: str = "all",
    after: tuple[object, int] | None = None,
) -> Case:
    params = values(user_id, status=status, after=after, limit=LIMIT)
    legacy = None if offset is None else {**params, "offset": offset}
    return Case(name, rows, (connection, params), legacy)


def print_pages(
    cases: Sequence[Case], times: Mapping[str, Times], large: Connection
) -> None:
    print("\n| rows | page | | p50 ms | p99 ms | buffers |")
    print("| ---: | --- | --- | ---: | ---: | ---: |")
    bars = []
    for case in cases:
        here = times[case.name]
        plan = explain(case.here[0], newest_first(case.here[1]), case.here[1])
        print_line(f"{case.rows:,} | {case.name} | keyset", here, plan)
        legacy = None
        if case.legacy:
            legacy = times[f"legacy: {case.name}"]
            plan = explain(large, LEGACY_LIST, case.legacy)
            print_line(" | | legacy app", legacy, plan)
        bars.append(Bar(case.name, here.p50, legacy.p50 if legacy else None))
    PICTURE.write_text(picture(bars))


def measure_third_index(large: Connection) -> None:
    """Measure the legacy app's list with an index on its sort column."""
    large.execute("CREATE INDEX legacy_by_time ON legacy.tasks (created_at)")
    large.execute("ANALYZE legacy.tasks")
    print()
    for user_id in ("old", "big"):
        params = {**values(user_id, limit=LIMIT), "offset": 0}
        took = in_turn({"it": fetching(large, LEGACY_LIST, params)}, seconds=1)["it"]
        pages_read = buffers(explain(large, LEGACY_LIST, params))
        print(
            "- the legacy app with an index on created_at alone:"
            f" page 1 of {user_id} {took.p50:.2f} ms, {pages_read:,} buffers"
        )


def print_line(start: str, times: Times, plan: Plan) -> None:
    print(f"| {start} | {times.p50:.2f} | {times.p99:.2f} | {buffers(plan):,} |")


def broken_promises(p50: Mapping[str, float]) -> list[str]:
    """Return the promises of docs/lists.md that these medians break."""
    small, first, last, usual, old = list(p50.values())[:5]
    promises = {
        f"page {LAST_PAGE:,} takes 1.5 times page 1 at most": last / first,
        "the oldest tasks take 1.5 times the big user's at most": old / first,
        "a million rows take 1.5 times a thousand at most": first / small,
        "an ordinary user's page takes 1.5 times that at most": usual / small,
    }
    print()
    for promise, ratio in promises.items():
        print(f"- {promise}: {ratio:.2f}")
    return [promise for promise, ratio in promises.items() if ratio > 1.5]


def plans(large: Connection) -> list[str]:
    """Check the plan of every list; return what is wrong."""
    searches: dict[str, list[str | None]] = {
        "big": [None, "milk"],
        "old": [None, "milk", "no such words"],
        "done": [None, "milk", "no such words"],
        "user 7": [None, "milk", "no such words"],
    }
    checked = [
        (name, faults(plan))
        for user_id, choices in searches.items()
        for name, plan in every_list(large, user_id, choices)
    ]
    bad = [f"{name}: {', '.join(wrong)}" for name, wrong in checked if wrong]
    print(f"\n{len(checked)} plans checked, {len(bad)} with a fault")
    params = values("big", search="no such words")
    nothing = explain(large, newest_first(params), params)
    scanned = sum(
        node.get("Rows Removed by Filter", 0) + node["Actual Rows"]
        for node in nodes(nothing)
        if "Index" in node["Node Type"]
    )
    print(
        f"a search that finds nothing among {BIG:,} tasks reads {scanned:,.0f} rows,"
        f" {buffers(nothing):,} buffers, in {nothing['Actual Total Time']:,.0f} ms"
    )
    return bad


IN_POSTGRES = f"""
    SELECT json_agg(json_build_object({", ".join(f"'{n}', {n}" for n in NAMES)}))::text
      FROM ({NEWEST}) AS page ({", ".join(NAMES)})
"""
BY_ROW = f"""
    SELECT json_agg(page)::text
      FROM ({NEWEST}) AS page ({", ".join(NAMES)})
"""


def compare_json(large: Connection) -> None:
    """Compare the ways to make a list's JSON."""
    print(
        "\n| rows | the query alone | to_json | json.dumps | "
        "json_build_object | json_agg(row) |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for rows in (1, 50, 200):
        params = values("big", limit=rows - 1)
        query = fetching(large, NEWEST, params)

        def dicts(query: Run = query) -> list[Task]:
            rows: Any = query()
            return to_tasks(rows)

        times = in_turn(
            {
                "alone": query,
                "to_json": lambda: to_json(dicts()),
                "json.dumps": lambda: json.dumps(dicts(), ensure_ascii=False).encode(),
                "json_build_object": fetching(large, IN_POSTGRES, params),
                "json_agg(row)": fetching(large, BY_ROW, params),
            },
            seconds=5,
        )
        alone = times["alone"].p50
        others = [f"{other.p50 / alone:.2f}" for other in list(times.values())[1:]]
        print(f"| {rows} | {alone:.2f} ms | {' | '.join(others)} |")


PENDING_INDEXES = [
    "tasks_pending_by_creation",
    "tasks_pending_by_update",
    "tasks_pending_by_title",
]


def compare_pending_indexes(large: Connection) -> None:
    """Measure what the indexes of pending tasks save, and what they cost."""
    large.execute(
        "UPDATE tasks SET completed = TRUE WHERE user_id = 'big' AND NOT completed"
        " AND id NOT IN (SELECT id FROM tasks WHERE user_id = 'big'"
        "                 AND NOT completed ORDER BY created_at LIMIT 3)"
    )
    large.execute("VACUUM (ANALYZE) tasks")
    print("\n| | with | without |\n| --- | ---: | ---: |")
    sides = [measure_pending(large)]
    for name in PENDING_INDEXES:
        large.execute(f"DROP INDEX {name}".encode())
    large.execute("ANALYZE tasks")
    sides.append(measure_pending(large))
    for name in sides[0]:
        print(f"| {name} | {sides[0][name]} | {sides[1][name]} |")


def measure_pending(large: Connection) -> dict[str, str]:
    """Return how long lists of pending tasks and writes take, and the indexes' size."""
    measures = {}
    for user_id, of in (("big", BIG), ("done", 3_000)):
        for sort, order in (("created", "desc"), ("title", "asc")):
            params = values(user_id, status="pending")
            sql = list_for(sort, order, params)
            took = in_turn({"it": fetching(large, sql, params)}, seconds=1)["it"].p50
            pages_read = buffers(explain(large, sql, params))
            name = f"3 pending of {of:,}, by {sort}"
            measures[name] = f"{took:.2f} ms, {pages_read:,} buffers"
    row = large.execute(
        "SELECT pg_size_pretty(pg_indexes_size('tasks')), nextval('tasks_id_seq')"
    ).fetchone()
    assert row
    measures["indexes of 1,000,000 rows"] = row[0]
    return measures | writes(large)


def writes(large: Connection) -> dict[str, str]:
    """Return the cost of each write, by what it does to a pending task."""
    identity = {"user_id": "user 7", "versions": None}
    body: dict[str, object] = {field.name: field.default for field in FIELDS}
    create = body | identity | {"title": "a", "lock_timeout": "3s", "fingerprint": b""}
    change = body | identity | {"title": "b"}
    costs: dict[str, list[tuple[float, int]]] = {}
    for n in range(300):
        created = explain_wal(large, CREATE, create | {"key": f"{time.time()} {n}"})
        row = large.execute("SELECT max(id) FROM tasks").fetchone()
        assert row
        id = {"id": row[0]}
        updated = explain_wal(large, update_statement(("title",)), change | id)
        completed = explain_wal(large, COMPLETE, identity | id | {"completed": True})
        for name, cost in zip(
            ("create", "change a title", "complete"),
            (created, updated, completed),
            strict=True,
        ):
            costs.setdefault(name, []).append(cost)
    return {
        name: f"{statistics.median(ms for ms, _ in measured):.2f} ms, "
        f"{statistics.median(wal for _, wal in measured):,.0f} bytes of WAL"
        for name, measured in costs.items()
    }


def explain_wal(
    connection: Connection, sql: str, params: Mapping[str, object]
) -> tuple[float, int]:
    """Run a write; return the milliseconds and the bytes of WAL it took."""
    query = f"EXPLAIN (ANALYZE, WAL, FORMAT JSON) {sql}".encode()
    row = connection.execute(query, params).fetchone()
    assert row
    explained = row[0][0]
    written = (
        node["WAL Bytes"]
        for node in nodes(explained["Plan"])
        if node["Node Type"] == "ModifyTable"
    )
    return explained["Execution Time"], sum(written)


if __name__ == "__main__":
    sys.exit(main())
