"""Lists of tasks, a page at a time."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from taskapi.postgres.query import read
from taskapi.tasks import cursors
from taskapi.tasks.fields import COLUMNS, Task, to_tasks
from taskapi.tasks.list_query import Listing


class Page(NamedTuple):
    """One page of a list; the cursor is None on the last one."""

    tasks: list[Task]
    cursor: str | None


LIST = """
    SELECT {columns}
      FROM tasks
     WHERE user_id = %(user_id)s{filters}
  ORDER BY {column} {order}, id {order}
     LIMIT (SELECT %(limit)s + 1)
"""
FILTERS = {
    "completed": """
       AND completed = %(completed)s""",
    "search": """
       AND (SELECT take_search_turn(%(user_id)s))
       AND (COALESCE(position((SELECT convert_to(folded(%(search)s), 'UTF8'))
                              IN convert_to(folded(title), 'UTF8')) > 0, FALSE)
            OR COALESCE(position((SELECT convert_to(folded(%(search)s), 'UTF8'))
                                 IN convert_to(folded(description), 'UTF8')) > 0,
                        FALSE))""",
    "after": """
       AND ({column}, id) {beyond} (%(after)s::{type}, %(after_id)s)""",
}
"""By parameter: a list has the filters whose parameters aren't None.

The planner should walk an index and stop at the page's end. Otherwise it would read and
sort all of a user's tasks. So COALESCE hides from it how rare a search seems, and the
SELECT in LIMIT hides that a page may be most of the rows.

In UTF-8, a text contains another one exactly if its bytes do. Comparing bytes costs a
few nanoseconds at each position, for any search; LIKE compares character by character,
and a regular expression builds its automaton again for each row (docs/lists.md).

A user has one search at a time: a second one fails before it reads a row, and is sent
again after a pause.
"""


class Sort(NamedTuple):
    """What a list is sorted by, besides the id."""

    column: str
    """Not a bare name: ORDER BY would take it for a selected expression of that
    name."""
    type: str
    field: str
    """The field of a task that a cursor holds."""


SORTS = {
    "created": Sort("tasks.created_at", "timestamptz", "created_at"),
    "updated": Sort("tasks.updated_at", "timestamptz", "updated_at"),
    "title": Sort('title COLLATE "C"', "text", "title"),
}
ORDERS = {"asc": ("ASC", ">"), "desc": ("DESC", "<")}
"""The SQL of each order, and the operator for what comes after a position in it."""

COMPLETED = {"all": None, "pending": False, "completed": True}
"""The value of `completed` that each status selects."""

WITH_CURSOR_KEY = """
    SELECT page.*, key FROM cursor_keys LEFT JOIN ({list}) AS page ON TRUE
"""
"""A list and the key of its cursors; for an empty list, a row of NULLs and the key."""


@cache
def list_statement(sort: str, order: str, filters: tuple[str, ...]) -> str:
    """Return the statement with these filters, which are keys of FILTERS, in that
    order.

    It leaves out the other filters, which Postgres would evaluate for each row. The
    parts are constants: input chooses among them and is never a part of a statement.
    """
    direction, beyond = ORDERS[order]
    column, type, _field = SORTS[sort]
    statement = LIST.replace("{filters}", "".join(FILTERS[name] for name in filters))
    return statement.format(
        columns=COLUMNS, column=column, type=type, order=direction, beyond=beyond
    )


def list_for(sort: str, order: str, values: Mapping[str, object]) -> str:
    """Return the statement with the filters that these values need."""
    filters = tuple(name for name in FILTERS if values[name] is not None)
    return list_statement(sort, order, filters)


def list_page(user_id: str, query: Listing) -> Page:
    """Return the page that begins after the query's cursor."""
    sort, limit = query.sort, query.limit
    order = query.order or ("asc" if sort == "title" else "desc")
    scope = (user_id, sort, order)
    cursor = cursors.decode(query.cursor) if query.cursor is not None else None
    values = {
        "user_id": user_id,
        "completed": COMPLETED[query.status],
        "search": query.search,
        "after": cursor and cursor.position.key,
        "after_id": cursor and cursor.position.id,
        "limit": limit,
    }
    sql = list_for(sort, order, values)
    key = cursors.known_key()
    # The key that this environment remembers may be outdated. If a signature doesn't
    # fit it, the list reads the database's key too.
    rows: Sequence[TupleRow]
    if key and (cursor is None or cursors.is_signed(cursor, scope, key)):
        rows = read(sql, values)
    else:
        rows, key = read_with_key(sql, values, cursor)
        if cursor and not cursors.is_signed(cursor, scope, key):
            raise cursors.invalid()
    tasks = to_tasks(rows[:limit])
    if len(rows) <= limit:
        return Page(tasks, None)
    last: Mapping[str, object] = tasks[-1]
    position = cursors.Position(str(last[SORTS[sort].field]), tasks[-1]["id"])
    return Page(tasks, cursors.encode(position, scope, key))


def read_with_key(
    sql: str, values: Mapping[str, object], cursor: cursors.Cursor | None
) -> tuple[Sequence[TupleRow], bytes]:
    """Return the rows of a list, and the key, which is remembered.

    Raises ValidationFailed if Postgres can't read the values of an unchecked cursor.
    """
    try:
        rows = read(WITH_CURSOR_KEY.replace("{list}", sql), values)
    except psycopg.DataError as error:
        if cursor is None:
            raise
        raise cursors.invalid() from error
    key: bytes = rows[0][-1]
    cursors.remember_key(key)
    return [row for row in rows if row[0] is not None], key
