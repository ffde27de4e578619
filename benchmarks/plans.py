"""The plans of lists, and which parts of them wouldn't scale."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import psycopg

from taskapi.tasks.lists import COMPLETED, ORDERS, SORTS, list_for

Plan = dict[str, Any]


def explain(
    connection: psycopg.Connection[Any], sql: str, values: Mapping[str, object]
) -> Plan:
    """Run a query and return its plan, in EXPLAIN's JSON format."""
    query = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}".encode()
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


LARGEST_PAGE = 200


def faults(plan: Plan) -> list[str]:
    """Return the parts of a list's plan that grow with the table or others' tasks.

    A plan may sort up to one row more than a page holds.
    """
    problems = []
    for node in nodes(plan):
        kind = node["Node Type"]
        if kind == "Seq Scan":
            problems.append("a sequential scan")
        if "Sort" in kind and node["Plans"][0]["Actual Rows"] > LARGEST_PAGE + 1:
            problems.append(f"a sort of {node['Plans'][0]['Actual Rows']} rows")
        if "Index" in kind and "user_id" not in node.get("Index Cond", ""):
            problems.append("others' rows are read")
    return problems


def values(
    user_id: str,
    *,
    status: str = "all",
    search: str | None = None,
    after: tuple[object, int] | None = None,
    limit: int = 200,
) -> dict[str, object]:
    """Return the parameters of a list, as list_page() makes them."""
    return {
        "user_id": user_id,
        "completed": COMPLETED[status],
        "search": search,
        "after": after and after[0],
        "after_id": after and after[1],
        "limit": limit,
    }


def every_list(
    connection: psycopg.Connection[Any], user_id: str, searches: list[str | None]
) -> Iterator[tuple[str, Plan]]:
    """Yield the name and the plan of each list that a user can request.

    With each status, sort and order: a small and a large page, the first one and one
    from the middle.
    """
    middle = "SELECT created_at, updated_at, title, id FROM tasks WHERE user_id = %s"
    row = connection.execute(
        f"{middle} ORDER BY created_at LIMIT 1 OFFSET"
        " (SELECT count(*) / 2 FROM tasks WHERE user_id = %s)".encode(),
        (user_id, user_id),
    ).fetchone()
    assert row
    after = dict(zip(SORTS, row[:3], strict=True))
    for (sort, order), status, search, limit, later in product(
        product(SORTS, ORDERS), COMPLETED, searches, (10, 200), (False, True)
    ):
        params = values(
            user_id,
            status=status,
            search=search,
            after=(after[sort], row[3]) if later else None,
            limit=limit,
        )
        plan = explain(connection, list_for(sort, order, params), params)
        page = "a later page" if later else "page 1"
        name = f"{user_id}: {status}, {sort} {order}, {search=}, {page} of {limit}"
        yield name, plan
