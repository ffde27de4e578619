"""What pages of each kind of list cost: those that are flat, and the others."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks import results
from benchmarks.list_databases import Databases, fetching, in_turn, medians
from benchmarks.plans import buffers, explain, page_after, rows_read, statement
from taskapi.tasks.summary import MOST_TAGS, SUMMARIZE

Query = Mapping[str, str]

LIMIT = 200

SORTS = ("created_at", "updated_at", "title", "due_date", "priority")
ORDERS = ("asc", "desc")
PENDING = {"status": "pending"}
FLAT: dict[str, Query] = {
    **{
        f"pending, by {sort} {order}": {**PENDING, "sort": sort, "order": order}
        for sort in SORTS
        for order in ORDERS
    },
    "pending, priority=urgent": {**PENDING, "priority": "urgent"},
    "pending, priority=high,urgent": {**PENDING, "priority": "high,urgent"},
    "pending, priority=low,high, by priority": {
        **PENDING,
        "priority": "low,high",
        "sort": "priority",
    },
    "pending, tags=home": {**PENDING, "tags": "home"},
    "pending, tags=work": {**PENDING, "tags": "work"},
    **{
        f"pending, due in a range, by due date {order}": {
            **PENDING,
            "sort": "due_date",
            "order": order,
            "due_from": "2025-02-01",
            "due_before": "2025-11-01",
        }
        for order in ORDERS
    },
    **{
        f"{status}, by {sort}": {"status": status, "sort": sort}
        for status in ("all", "completed")
        for sort in ("created_at", "updated_at")
    },
}
"""The lists that promise to take no longer when there are more tasks."""

BOUNDED: dict[str, Query] = {
    "pending, tags=rare": {**PENDING, "tags": "rare"},
    "pending, tags=project 7": {**PENDING, "tags": "project 7"},
    "pending, tags=home, by due date": {**PENDING, "tags": "home", "sort": "due_date"},
    "pending, tags=home&priority=urgent": {
        **PENDING,
        "tags": "home",
        "priority": "urgent",
    },
    "pending, priority=urgent, by title": {
        **PENDING,
        "priority": "urgent",
        "sort": "title",
    },
    "pending, due in a week, by created_at": {
        **PENDING,
        "due_from": "2025-06-02",
        "due_before": "2025-06-09",
    },
    "pending, overdue in February, by created_at": {
        **PENDING,
        "due_before": "2025-02-01",
    },
    "pending, a search that finds nothing": {**PENDING, "search": "no such words"},
    **{
        f"{status}, by {sort}": {"status": status, "sort": sort}
        for status in ("all", "completed")
        for sort in ("title", "due_date", "priority")
    },
    "all, priority=urgent": {"priority": "urgent"},
    "all, tags=home": {"tags": "home"},
    "all, tags=rare": {"tags": "rare"},
    "all, due in a week, by due date": {
        "sort": "due_date",
        "due_from": "2025-06-02",
        "due_before": "2025-06-09",
    },
    "the summary": {},
}
"""The lists that read more of a user's tasks, the more there are."""


def owner(query: Query) -> str:
    """Return who has most tasks of the status that a list has."""
    return "open" if query.get("status") == "pending" else "big"


def measure_flat(all_: Databases) -> dict[str, Any]:
    """Return the medians of each flat list, and what its page reads."""
    rows: dict[str, Any] = {}
    deep = all_.big * 85 // 100 // LIMIT * LIMIT
    for name, query in FLAT.items():
        user_id = owner(query)
        after = page_after(all_.large, user_id, query, deep)
        first, later = statement(user_id, query), statement(user_id, query, after)
        small = statement(user_id, query)
        took = medians(
            in_turn(
                {
                    "small": fetching(all_.small, *small),
                    "first": fetching(all_.large, *first),
                    "later": fetching(all_.large, *later),
                },
                seconds=1.2,
            )
        )
        plan = explain(all_.large, *later)
        rows[name] = took | {"rows": rows_read(plan), "buffers": buffers(plan)}
    return rows


def flat_table(rows: Mapping[str, Any]) -> str:
    """Return the table in Markdown."""
    return results.table(
        ["list", "of 5,000, ms", "page 1, ms", "page 850, ms", "rows", "buffers"],
        [
            [
                name,
                *(f"{row[column]:.2f}" for column in ("small", "first", "later")),
                f"{row['rows']:,}",
                f"{row['buffers']:,}",
            ]
            for name, row in rows.items()
        ],
    )


def measure_bounded(all_: Databases) -> dict[str, Any]:
    """Return the cost of each other list for the users with most tasks."""
    rows: dict[str, Any] = {}
    for name, query in BOUNDED.items():
        users = ("big", "open") if "pending" in name or not query else ("big",)
        rows[name] = {}
        for user_id in users:
            sql, params = statement(user_id, query)
            if not query:
                sql, params = summary_statement(user_id)
            took = in_turn({"it": fetching(all_.large, sql, params)}, 0.3, fewest=3)
            plan = explain(all_.large, sql, params)
            rows[name][user_id] = [medians(took)["it"], rows_read(plan)]
    return rows


def summary_statement(user_id: str) -> tuple[str, dict[str, object]]:
    """Return the statement of the summary, and its parameters."""
    values = {"user_id": user_id, "time_zone": "UTC", "most_tags": MOST_TAGS}
    return SUMMARIZE, values


def bounded_table(rows: Mapping[str, Any]) -> str:
    """Return the table in Markdown."""

    def cells(row: Mapping[str, Any]) -> Iterator[str]:
        for user_id in ("big", "open"):
            ms, read = row.get(user_id, (None, None))
            yield "-" if ms is None else f"{ms:.1f}"
            yield "-" if read is None else f"{read:,}"

    return results.table(
        ["list", "a tenth pending, ms", "rows", "nearly all pending, ms", "rows"],
        [[name, *cells(row)] for name, row in rows.items()],
    )
