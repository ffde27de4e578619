"""Lists of tasks, a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow

from taskapi.postgres.query import read
from taskapi.tasks import cursors
from taskapi.tasks.answer_tags import NOTHING, STATE, Known, State, find_known
from taskapi.tasks.changes import COUNTER
from taskapi.tasks.fields import NAMES, Task, to_tasks
from taskapi.tasks.list_query import STATUS_NAMES, Listing
from taskapi.tasks.list_statements import CONDITIONS, SORTS, Shape, list_statement
from taskapi.tasks.refusals import refusals


@dataclass(frozen=True)
class Page:
    """One page of a list; the cursor is None on the last one."""

    change: int
    """The number of the user's last change that the list shows."""
    tasks: list[Task] | None
    """None if the caller has this list already."""
    cursor: str | None = None


PAGE = """
    SELECT page.*, {counter}{key}
      FROM {source} LEFT JOIN ({list}) AS page ON TRUE
""".replace("{counter}", COUNTER)
"""A list and the number of the user's last change; for an empty list, NULLs and the
number."""

WITHOUT_KEY = PAGE.replace("{key}", "").replace("{source}", "(SELECT) AS one")
WITH_KEY = PAGE.replace("{key}", ", key").replace("{source}", "cursor_keys")
"""WITH_KEY also reads the key of cursors."""


def list_page(user_id: str, query: Listing, known: Known = NOTHING) -> Page:
    """Return the page that begins after the query's cursor.

    known: what the caller has already.
    """
    if known.answers:
        state = State(*read(STATE, {"user_id": user_id}, keep_plan=True)[0])
        if find_known(known, state, 1):
            return Page(state.change, None)
    sort, order, limit = query.sort_name, query.sort_order, query.limit
    scope = (user_id, sort, order)
    cursor = None
    if query.cursor is not None:
        cursor = cursors.decode(query.cursor, len(SORTS[sort]))
    values = list_values(user_id, query, cursor)
    shape = shape_of(query, cursor)
    sql = list_statement(shape)
    key = cursors.known_key()
    # The key that this environment remembers may be outdated. If a signature doesn't
    # fit it, the list reads the database's key too.
    rows: Sequence[TupleRow]
    if key and (cursor is None or cursors.is_signed(cursor, scope, key)):
        with refusals():
            # The best plan of a list with conditions depends on their values.
            rows = read(
                WITHOUT_KEY.replace("{list}", sql),
                values,
                keep_plan=not shape.conditions,
            )
    else:
        rows, key = read_with_key(sql, values, cursor)
        if cursor and not cursors.is_signed(cursor, scope, key):
            raise cursors.invalid()
    change = rows[0][len(NAMES)]
    if known.anything:
        return Page(change, None)
    tasks = to_tasks(rows[:limit]) if rows[0][0] is not None else []
    if len(rows) <= limit:
        return Page(change, tasks)
    position = position_of(tasks[-1], sort)
    return Page(change, tasks, cursors.encode(position, scope, key))


def list_values(
    user_id: str, query: Listing, cursor: cursors.Cursor | None
) -> dict[str, object]:
    """Return the parameters of a list's statement."""
    after = cursor.position if cursor else cursors.Position((), 0)
    return {
        "user_id": user_id,
        "search": query.search,
        "priorities": list(query.priority or ()),
        "tags": query.tags,
        "due_from": query.due_from and query.due_from[0],
        "due_before": query.due_before and query.due_before[0],
        "time_zone": query.time_zone,
        "after_id": after.id,
        **{f"after_{number}": value for number, value in enumerate(after.values)},
        "limit": query.limit,
    }


def shape_of(query: Listing, cursor: cursors.Cursor | None = None) -> Shape:
    """Return what the statement of this list depends on."""
    asked: dict[str, object] = {
        "search": query.search,
        "priorities": query.priority,
        "tags": query.tags,
        "time_zone": query.time_zone,
    }
    for name, bound in (
        ("due_from", query.due_from),
        ("due_before", query.due_before),
    ):
        is_local = query.time_zone is not None and bound is not None and bound[1]
        asked[f"local_{name}" if is_local else name] = bound
    position = ""
    if cursor:
        position = "no due date" if cursor.position.values == (None,) else "a task"
    return Shape(
        query.sort_name,
        query.sort_order,
        STATUS_NAMES[query.status],
        tuple(name for name in CONDITIONS if asked.get(name)),
        query.priority or (),
        position,
    )


def position_of(task: Task, sort: str) -> cursors.Position:
    """Return a task's position in a list."""
    if sort == "due_date":
        due = task["due_date"]
        is_day = due and len(due) == len("2026-03-09")
        return cursors.Position((f"{due}T00:00:00Z" if is_day else due,), task["id"])
    fields: Mapping[str, object] = {**task}
    values = tuple(str(fields[key.field]) for key in SORTS[sort])
    return cursors.Position(values, task["id"])


def read_with_key(
    sql: str, values: Mapping[str, object], cursor: cursors.Cursor | None
) -> tuple[Sequence[TupleRow], bytes]:
    """Return the rows of a list, and the key, which is remembered.

    Raises ValidationFailed if Postgres can't read the values of an unchecked cursor.
    """
    try:
        with refusals():
            rows = read(WITH_KEY.replace("{list}", sql), values)
    except psycopg.DataError as error:
        if cursor is None:
            raise
        raise cursors.invalid() from error
    key: bytes = rows[0][-1]
    cursors.remember_key(key)
    return rows, key
