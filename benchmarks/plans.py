"""The plans of lists, and which parts of them wouldn't scale."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import psycopg

from taskapi.tasks.cursors import Cursor
from taskapi.tasks.fields import to_tasks
from taskapi.tasks.list_query import Listing
from taskapi.tasks.list_statements import ORDERS, list_statement
from taskapi.tasks.lists import WITHOUT_KEY, list_values, position_of, shape_of

Plan = dict[str, Any]
Statement = tuple[str, dict[str, object]]
"""The SQL of a list, and its parameters."""


def statement(
    user_id: str, query: Mapping[str, str] = {}, after: Cursor | None = None
) -> Statement:
    """Return the statement of a list, as list_page() sends it."""
    listing = Listing.model_validate(query)
    sql = WITHOUT_KEY.replace("{list}", list_statement(shape_of(listing, after)))
    return sql, list_values(user_id, listing, after)


def page_after(
    connection: psycopg.Connection[Any],
    user_id: str,
    query: Mapping[str, str],
    rows: int,
) -> Cursor:
    """Return the cursor of the page that follows this many rows of a list.

    If the list has fewer, it is the one of its middle. Raises IndexError if it is
    empty.
    """
    sql, params = statement(user_id, query)
    found = connection.execute(sql.encode(), params | {"limit": rows - 1}).fetchall()
    if found[0][0] is None:
        raise IndexError
    last = found[rows - 1] if len(found) >= rows else found[len(found) // 2]
    [task] = to_tasks([last])
    return Cursor(position_of(task, Listing.model_validate(query).sort_name), b"")


def explain(
    connection: psycopg.Connection[Any],
    sql: str,
    values: Mapping[str, object],
    options: str = "ANALYZE, BUFFERS, ",
) -> Plan:
    """Run a query and return its plan, in EXPLAIN's JSON format."""
    query = f"EXPLAIN ({options}FORMAT JSON) {sql}".encode()
    row = connection.execute(query, values).fetchone()
    assert row
    plan: Plan = row[0][0]["Plan"]
    return plan


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def buffers(plan: Plan) -> int:
    """Return the pages of 8 KiB that a query touched."""
    touched: int = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return touched


def rows_read(plan: Plan) -> int:
    """Return how many rows of tasks a list has read."""
    read: list[float] = [
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        * node["Actual Loops"]
        for node in nodes(plan)
        if node.get("Relation Name") == "tasks"
    ]
    return round(sum(read))


def others_read(plan: Plan) -> list[str]:
    """Return the parts of a list's plan that read other users' rows or entries."""
    problems = []
    for node in nodes(plan):
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "tasks":
            problems.append("a sequential scan")
        condition = node.get("Index Cond", "")
        if "Index Name" in node and "user_id" not in condition:
            problems.append("others' entries are read")
    return problems


LARGEST_PAGE = 200


MOST_INDEX_BLOCKS = 8
"""What a range may read besides a block for each row: the index from its root to the
page's entries, and the name of a time zone."""


def faults(plan: Plan, ranges: int = 1) -> list[str]:
    """Return the parts of a list's plan that grow with the table or with the list.

    A plan may read, and sort, one row more than a page holds from each range. If it
    reads more blocks than rows, it reads index entries that are not of the page: those
    before the position, for example. EXPLAIN doesn't count these as rows.
    """
    problems = others_read(plan)
    most = ranges * (LARGEST_PAGE + 1)
    for node in nodes(plan):
        if "Sort" in node["Node Type"] and node["Plans"][0]["Actual Rows"] > most:
            problems.append(f"a sort of {node['Plans'][0]['Actual Rows']} rows")
        if node["Node Type"] == "Index Scan" and node["Relation Name"] == "tasks":
            most_blocks = rows_read(node) + MOST_INDEX_BLOCKS
            if buffers(node) > most_blocks:
                problems.append(f"{buffers(node)} blocks for {rows_read(node)} rows")
    if rows_read(plan) > most:
        problems.append(f"{rows_read(plan)} rows are read")
    return problems


PENDING = {"status": "pending"}
FLAT = [
    *(
        {"status": status, "sort": sort, "order": order}
        for status, sort, order in product(
            ("all", "pending", "completed"), ("created_at", "updated_at"), ORDERS
        )
    ),
    *(
        {"sort": sort, "order": order, **PENDING}
        for sort, order in product(("title", "due_date", "priority"), ORDERS)
    ),
    *(
        {"priority": priority, "sort": sort, **PENDING}
        for priority, sort in product(
            ("urgent", "high,urgent", "low,medium,high"), ("created_at", "priority")
        )
    ),
    *(
        {"sort": "due_date", "order": order, **due, **PENDING}
        for order, due in product(
            ORDERS,
            (
                {"due_from": "2025-05-01", "due_before": "2025-07-01"},
                {"due_from": "2025-05-01", "time_zone": "Europe/Berlin"},
                {"due_before": "2025-07-01T12:00:00Z"},
            ),
        )
    ),
]
"""The lists that cost the same, however many tasks there are."""

BOUNDED = [
    {"status": status, "sort": sort, **condition}
    for status, sort, condition in product(
        ("all", "pending", "completed"),
        ("created_at", "updated_at", "title", "due_date", "priority"),
        (
            {"search": "no such words"},
            {"priority": "urgent"},
            {"tags": "home"},
            {"tags": "rare,home", "priority": "low,high"},
            {"due_from": "2025-05-01"},
            {"due_before": "2025-07-01", "time_zone": "Europe/Berlin"},
            {"order": "asc"},
            {"order": "desc"},
        ),
    )
]
"""Lists that read no more than the user's own tasks."""


def every_fault(
    connection: psycopg.Connection[Any], user_id: str
) -> Iterator[tuple[str, list[str]]]:
    """Yield the name of each list of a user, and what is wrong with its plan.

    Of the lists that are flat, it takes the first page and one far behind, smallest and
    largest: of one task, so that what else is read stands out.
    """
    for query, later, limit in product(FLAT, (False, True), ("1", "200")):
        asked = query | {"limit": limit}
        try:
            after = page_after(connection, user_id, asked, 4_500) if later else None
        except IndexError:
            continue  # The list is empty.
        ranges = len(shape_of(Listing.model_validate(asked), after).ranges())
        plan = explain(connection, *statement(user_id, asked, after))
        yield f"{user_id}: {asked}, {later=}", faults(plan, ranges)
    for query in BOUNDED:
        plan = explain(connection, *statement(user_id, query), options="")
        yield f"{user_id}: {query}", others_read(plan)
