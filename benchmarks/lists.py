"""Measure lists, polls and writes among a million tasks: `python -m benchmarks.lists`.

Prints tables, draws docs/lists.svg, and fails if a promise of docs/lists.md is broken.
Ratios are of medians; the runs that are compared take turns. Takes three minutes;
`--scale 0.02` is a quick look, and `--only lists_flat` measures one table.
"""

import argparse
import importlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, NamedTuple

from pydantic_core import to_json

from benchmarks import list_pages, results, writes
from benchmarks.list_databases import (
    Connection,
    Databases,
    Run,
    databases,
    fetching,
    in_turn,
    medians,
)
from benchmarks.list_pages import LIMIT, PENDING
from benchmarks.picture import Bar, picture
from benchmarks.plans import every_fault, page_after, statement
from local.direct import CONTEXT, SECRET, user_event
from taskapi.log import logger
from taskapi.tasks.fields import NAMES, Task, to_tasks
from taskapi.tasks.list_statements import Shape, list_statement

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "lists.svg"

MOST = 1.5
"""How much longer a flat list may take than the same list of 5,000 tasks."""

MOST_OF_A_GET, MOST_OF_A_CREATE = 1.1, 1.3

LEGACY_LIST = """
    SELECT id, title, description, completed, user_id, created_at, updated_at
      FROM legacy.tasks
     WHERE user_id = %(user_id)s
       AND (%(completed)s::boolean IS NULL OR completed = %(completed)s)
  ORDER BY created_at DESC
     LIMIT %(limit)s OFFSET %(offset)s
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of a million tasks")
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    faulty: list[str] = []
    with TemporaryDirectory() as folder, databases(Path(folder), options.scale) as all_:
        if options.only == list(TABLES):
            bars = measure_legacy(all_)
            if options.scale == 1:
                PICTURE.write_text(picture(bars))
            compare_json(all_.large)
            faulty = check_plans(all_.large)
        measured = {
            name: table.measure(all_)
            for name, table in TABLES.items()
            if name in options.only
        }
    for name, rows in measured.items():
        print(f"\n{TABLES[name].markdown(rows)}")
        if options.save:
            results.save(name, {"scale": options.scale, "rows": rows})
    broken = [*broken_promises(measured), *faulty]
    for promise in broken:
        print(f"BROKEN: {promise}")
    return 1 if broken else 0


def measure_polls(all_: Databases) -> dict[str, Any]:
    """Return the medians of whole handlers: get_task, and polls that get a 304."""
    os.environ |= {"DATABASE_URL": all_.url, "BETTER_AUTH_SECRET": SECRET}
    logger.handlers[0].stream = io.StringIO()  # type: ignore[attr-defined]
    [(id,)] = all_.large.execute("SELECT max(id) FROM tasks WHERE user_id = 'big'")
    runs = {"get_task": call("get_task", id)}
    for name, function, query in (
        ("a poll of the list", "list_tasks", "status=pending"),
        ("a poll of a search", "list_tasks", "search=milk&sort=title"),
        ("a poll of the summary", "summarize_tasks", "time_zone=Europe/Berlin"),
    ):
        tag = call(function, query=query)()["headers"]["etag"]
        runs[name] = call(function, query=query, headers={"if-none-match": tag})
        assert runs[name]()["statusCode"] == 304
    runs["the same list"] = call("list_tasks", query="status=pending")
    return medians(in_turn(runs, seconds=6))


def call(function: str, id: object = None, **request: Any) -> Callable[[], Any]:
    """Return what calls a function with this request of the user "big"."""
    module: ModuleType = importlib.import_module(f"functions.{function}.app")
    event = user_event("big", function, id, **request)
    return lambda: module.handler(event, CONTEXT)


def polls_table(rows: Mapping[str, float]) -> str:
    """Return the table in Markdown."""
    return results.table(
        ["the whole handler", "ms", "of a get_task"],
        [
            [name, f"{ms:.2f}", f"{ms / rows['get_task']:.2f}"]
            for name, ms in rows.items()
        ],
    )


class Table(NamedTuple):
    """How to measure a table, and to write it in Markdown."""

    measure: Callable[[Databases], dict[str, Any]]
    markdown: Callable[[Mapping[str, Any]], str]


TABLES = {
    "lists_flat": Table(list_pages.measure_flat, list_pages.flat_table),
    "lists_bounded": Table(list_pages.measure_bounded, list_pages.bounded_table),
    "lists_polls": Table(measure_polls, polls_table),
    "lists_writes": Table(writes.measure_writes, writes.writes_table),
    "lists_indexes": Table(writes.measure_indexes, writes.indexes_table),
}
"""In this order: the last one drops the indexes."""


def broken_promises(measured: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """Yield the promises of docs/lists.md that these results break."""
    for name, row in measured.get("lists_flat", {}).items():
        for column in ("first", "later"):
            ratio = row[column] / row["small"]
            if ratio > MOST:
                yield f"{name}: {column} takes {ratio:.2f} times 5,000 tasks' page"
    polls = measured.get("lists_polls", {})
    for name, ms in polls.items():
        ratio = ms / polls["get_task"]
        if "poll" in name and ratio > MOST_OF_A_GET:
            yield f"{name} takes {ratio:.2f} times a get_task"
    if row := measured.get("lists_writes", {}).get("create"):
        for what, before, now in zip(
            ("time", "WAL"), row["before"], row["now"], strict=True
        ):
            ratio = now / before
            if ratio > MOST_OF_A_CREATE:
                yield f"the {what} of a create is {ratio:.2f} times that of before"


def measure_legacy(all_: Databases) -> list[Bar]:
    """Return the medians of the legacy app's pages and of these."""
    last = all_.big // LIMIT
    cases = {
        "200,000 tasks, page 1": ("big", {}, 0),
        f"200,000 tasks, page {last:,}": ("big", {}, all_.big - LIMIT),
        "an ordinary user, page 1": ("user 1", {}, 0),
        "3,000 tasks, the oldest of all": ("old", {}, 0),
        "3,000 tasks, 3 pending": ("done", PENDING, 0),
        "200,000 tasks, completed": ("big", {"status": "completed"}, 0),
    }
    completed = {"pending": False, "completed": True}
    bars = []
    for name, (user_id, query, offset) in cases.items():
        after = (
            page_after(all_.large, user_id, query, offset - LIMIT) if offset else None
        )
        legacy = {
            "user_id": user_id,
            "completed": completed.get(query.get("status", "")),
            "limit": LIMIT,
            "offset": offset,
        }
        here = statement(user_id, query, after)
        took = medians(
            in_turn(
                {
                    "here": fetching(all_.large, *here),
                    "legacy": fetching(all_.large, LEGACY_LIST, legacy),
                },
                seconds=1.2,
            )
        )
        bars.append(Bar(name, took["here"], took["legacy"]))
        print(f"- {name}: {took['here']:.2f} ms, legacy app {took['legacy']:.2f} ms")
    return bars


def check_plans(large: Connection) -> list[str]:
    """Check the plan of every list; return what is wrong."""
    checked = [
        (name, wrong)
        for user_id in ("big", "open", "old", "user 1")
        for name, wrong in every_fault(large, user_id)
    ]
    bad = [f"{name}: {', '.join(wrong)}" for name, wrong in checked if wrong]
    print(f"\n{len(checked)} plans checked, {len(bad)} with a fault")
    return bad


NEWEST = list_statement(Shape())
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
        params = {"user_id": "big", "limit": rows - 1}
        query = fetching(large, NEWEST, params)

        def dicts(query: Run = query) -> list[Task]:
            rows: Any = query()
            return to_tasks(rows)

        times = medians(
            in_turn(
                {
                    "alone": query,
                    "to_json": lambda: to_json(dicts()),
                    "json.dumps": lambda: json.dumps(
                        dicts(), ensure_ascii=False
                    ).encode(),
                    "json_build_object": fetching(large, IN_POSTGRES, params),
                    "json_agg(row)": fetching(large, BY_ROW, params),
                },
                seconds=3,
            )
        )
        alone, *others = times.values()
        ratios = " | ".join(f"{other / alone:.2f}" for other in others)
        print(f"| {rows} | {alone:.2f} ms | {ratios} |")


if __name__ == "__main__":
    sys.exit(main())
