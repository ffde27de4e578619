"""The trash: deleted tasks, for 30 days.

A trigger moves deleted tasks there, and functions in the database restore them and
delete old rows (migrations/0016_trash.sql).
"""

from dataclasses import dataclass
from typing import cast

import psycopg

from taskapi.cold_start.framework import BaseModel
from taskapi.postgres.query import query, read
from taskapi.tasks import cursors
from taskapi.tasks.fields import COLUMN_DEFAULTS, COLUMNS, NAMES, Task
from taskapi.tasks.identifiers import MAX_ID
from taskapi.tasks.query_parameters import LIMIT, Cursor, Limit


class TrashQuery(BaseModel):
    """All that a query may hold; other parameters are ignored."""

    limit: Limit = 200
    cursor: Cursor | None = None


RULES = {"limit": LIMIT}


class DeletedTask(Task):
    """A task in the trash."""

    deleted_at: str


@dataclass(frozen=True)
class TrashPage:
    """One page of the trash; the cursor is None on the last one."""

    tasks: list[DeletedTask]
    cursor: str | None = None


LIST = """
    SELECT {columns}, rfc3339(deleted_at), deletion, key
      FROM (SELECT key FROM cursor_keys) AS keys
           LEFT JOIN (SELECT deletion, deleted_at, task AS json
                        FROM trash
                       WHERE user_id = %(user_id)s AND task IS NOT NULL
                         AND deletion >= deletion_days_ago(30)
                         AND (deletion, id) < (%(deletion)s::bigint, %(id)s::bigint)
                    ORDER BY deletion DESC, id DESC
                       LIMIT %(limit)s + 1) AS page ON TRUE
           LEFT JOIN jsonb_populate_record(NULL::tasks, %(defaults)s::jsonb || json)
                ON TRUE
  ORDER BY deletion DESC, id DESC
""".replace("{columns}", COLUMNS)
"""A page of the trash and the key of cursors; for an empty one, NULLs and the key."""

EMPTY = """
    WITH emptied AS (
        UPDATE trash SET task = NULL
         WHERE user_id = %(user_id)s AND task IS NOT NULL
           AND COALESCE((SELECT counter FROM change_counters
                          WHERE user_id = %(user_id)s
                            AND (SELECT take_write_turn(%(user_id)s))
                            FOR UPDATE), 0) >= 0
     RETURNING 1
    )
    SELECT count(*) FROM emptied
"""
"""The ids and numbers stay, for devices that haven't heard of the deletions. The
condition takes a turn and locks the counter first, as all writes do (changes.py)."""

START = cursors.Position((str(MAX_ID),), MAX_ID)
"""Before the first page: deletions have smaller numbers too."""


def trash_page(user_id: str, query: TrashQuery) -> TrashPage:
    """Return the page of the trash that begins after the query's cursor."""
    scope = (user_id, "trash")
    cursor = None
    if query.cursor is not None:
        cursor = cursors.decode(query.cursor, 1)
    position = cursor.position if cursor else START
    values = {
        "user_id": user_id,
        "deletion": position.values[0],
        "id": position.id,
        "limit": query.limit,
        "defaults": COLUMN_DEFAULTS,
    }
    try:
        rows = read(LIST, values, keep_plan=True)
    except psycopg.DataError as error:
        # Of a cursor that isn't signed: the statement also reads the key.
        raise cursors.invalid() from error
    key: bytes = rows[0][-1]
    if cursor and not cursors.is_signed(cursor, scope, key):
        raise cursors.invalid()
    is_empty = rows[0][0] is None
    tasks = [] if is_empty else [to_deleted_task(row) for row in rows[: query.limit]]
    if len(rows) <= query.limit:
        return TrashPage(tasks)
    last = rows[query.limit - 1]
    position = cursors.Position((str(last[-2]),), last[0])
    return TrashPage(tasks, cursors.encode(position, scope, key))


def to_deleted_task(row: tuple[object, ...]) -> DeletedTask:
    """Return a row that begins with COLUMNS and deleted_at as a task."""
    names = (*NAMES, "deleted_at")
    return cast(DeletedTask, dict(zip(names, row, strict=False)))


def empty(user_id: str) -> None:
    """Remove what the trash has of the user's tasks but their ids."""
    query(EMPTY, {"user_id": user_id}, repeatable=True)
