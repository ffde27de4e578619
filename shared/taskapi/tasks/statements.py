"""The operations on tasks: one SQL statement, one round trip, each."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import TYPE_CHECKING, Annotated, NamedTuple, NotRequired

import psycopg
from psycopg.rows import TupleRow
from typing_extensions import TypedDict

from taskapi.cold_start.framework import StrictBool, StringConstraints
from taskapi.errors import (
    Conflict,
    IdempotencyKeyReused,
    NotFound,
    PreconditionFailed,
    ValidationFailed,
)
from taskapi.postgres import query as db
from taskapi.postgres.faults import Locked
from taskapi.tasks import cursors, etags

if TYPE_CHECKING:
    from taskapi.tasks.list_query import Listing

Title = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f-\x9f]*$",
    ),
]
Description = Annotated[
    str,
    StringConstraints(
        max_length=5000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
    ),
]


class NewTask(TypedDict):
    """The body of a create."""

    title: Title
    description: NotRequired[Description | None]
    completed: NotRequired[StrictBool]


class TaskChanges(TypedDict, total=False):
    """The body of an update: a field that isn't sent isn't here, and stays."""

    title: Title
    description: Description | None
    completed: StrictBool


class Completion(TypedDict, total=False):
    """The body of a complete: without `completed`, it toggles."""

    completed: StrictBool


class Task(NamedTuple):
    """A row as the statements below return it; times are RFC 3339 text."""

    id: int
    title: str
    description: str | None
    completed: bool
    user_id: str
    created_at: str
    updated_at: str
    version: int

    @property
    def etag(self) -> str:
        return etags.etag(self.id, self.version)


def public(row: TupleRow) -> dict[str, object]:
    """Return the contract's Task: a row, with its etag in place of its version.

    Written out, it takes a third of the time that zip() would, in a list of 200.
    """
    id, title, description, completed, user_id, created_at, updated_at, version = row
    return {
        "id": id,
        "title": title,
        "description": description,
        "completed": completed,
        "user_id": user_id,
        "created_at": created_at,
        "updated_at": updated_at,
        "etag": etags.etag(id, version),
    }


class Page(NamedTuple):
    """One page of a list; the cursor is None on the last one."""

    rows: Sequence[TupleRow]
    cursor: str | None


COLUMNS = """id, title, description, completed, user_id,
           rfc3339(created_at), rfc3339(updated_at), version"""
"""What every statement that returns tasks selects: the fields of Task, in order."""

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
"""By the parameter that asks for it by not being None.

The planner is to walk an index and stop at the page's end, whatever it guesses:
COALESCE hides from it how rare a search seems, SELECT that a page may be most of what
there is. It would read and sort all of a user's tasks instead.

In UTF-8, text is found where its bytes are found. Comparing bytes costs a few
nanoseconds at each place, whatever the search; LIKE compares character by character,
and a regular expression builds its automaton anew for each row (docs/lists.md).

A user has one search at a time: a second one fails before it reads a row, and db sends
it again.
"""

SORTS = {
    "created": {"column": "created_at", "type": "timestamptz"},
    "updated": {"column": "updated_at", "type": "timestamptz"},
    "title": {"column": 'title COLLATE "C"', "type": "text"},
}
ORDERS = {
    "asc": {"order": "ASC", "beyond": ">"},
    "desc": {"order": "DESC", "beyond": "<"},
}
CHOICES = [chosen for n in range(4) for chosen in combinations(FILTERS, n)]
LISTS = {
    (sort, order, chosen): LIST.replace(
        "{filters}", "".join(FILTERS[name] for name in chosen)
    ).format(columns=COLUMNS, **SORTS[sort], **ORDERS[order])
    for sort, order, chosen in product(SORTS, ORDERS, CHOICES)
}
"""All 48 lists: input chooses among them and is never a part of one.

A filter that nobody asks for isn't there, since Postgres would read it in each request.
"""


def list_sql(sort: str, order: str, values: Mapping[str, object]) -> str:
    """Return the list with the filters that these values ask for."""
    chosen = tuple(name for name in FILTERS if values[name] is not None)
    return LISTS[sort, order, chosen]


COMPLETED = {"all": None, "pending": False, "completed": True}


WITH_CURSOR_KEY = """
    SELECT page.*, key FROM cursor_keys LEFT JOIN ({list}) AS page ON TRUE
"""
"""A list and the key of its cursors; one row of NULLs and the key for an empty list."""


def list_page(user_id: str, asked: "Listing") -> Page:
    """Return the page that begins after the cursor."""
    sort, limit = asked.sort, asked.limit
    order = asked.order or ("asc" if sort == "title" else "desc")
    scope = (user_id, sort, order)
    cursor = cursors.decode(asked.cursor) if asked.cursor is not None else None
    values = {
        "user_id": user_id,
        "completed": COMPLETED[asked.status],
        "search": asked.search,
        "after": cursor and cursor.position.key,
        "after_id": cursor and cursor.position.id,
        "limit": limit,
    }
    sql = list_sql(sort, order, values)
    key = cursors.known_key()
    # A signature that is wrong may be that of a key which this database has by now.
    rows: Sequence[TupleRow]
    if key and (cursor is None or cursors.is_signed(cursor, scope, key)):
        rows = db.read(sql, values)
    else:
        rows, key = read_with_key(sql, values, cursor)
        if cursor and not cursors.is_signed(cursor, scope, key):
            raise cursors.invalid()
    if len(rows) <= limit:
        return Page(rows, None)
    rows = rows[:limit]
    last = Task._make(rows[-1])
    value = {
        "created": last.created_at,
        "updated": last.updated_at,
        "title": last.title,
    }[sort]
    return Page(rows, cursors.encode(cursors.Position(value, last.id), scope, key))


def read_with_key(
    sql: str, values: Mapping[str, object], cursor: cursors.Cursor | None
) -> tuple[Sequence[TupleRow], bytes]:
    """Return the rows of a list, and the key, which is remembered.

    Raises ValidationFailed where Postgres can't read a cursor that nobody has checked.
    """
    try:
        found = db.read(WITH_CURSOR_KEY.replace("{list}", sql), values)
    except psycopg.DataError as error:
        if cursor is None:
            raise
        raise cursors.invalid() from error
    key: bytes = found[0][-1]
    cursors.remember_key(key)
    return [row[:-1] for row in found if row[0] is not None], key


CREATE = """
    WITH expired AS (
        DELETE FROM idempotency_keys
         WHERE ctid IN (SELECT ctid FROM idempotency_keys
                         WHERE created_at < now() - interval '24 hours'
                           AND (user_id, key) <> (%(user_id)s, %(key)s)
                      ORDER BY created_at LIMIT 2 FOR UPDATE SKIP LOCKED)
    ), claim AS (
        INSERT INTO idempotency_keys (user_id, key, fingerprint, task_id, created_at)
        SELECT %(user_id)s, %(key)s, %(fingerprint)s, nextval('tasks_id_seq'), now()
          FROM set_config('lock_timeout', %(patience)s, TRUE)
   ON CONFLICT (user_id, key) DO UPDATE SET key = excluded.key
     RETURNING task_id, created_at, xmax = 0 AS won,
               fingerprint = %(fingerprint)s AS same_body
    ), created AS (
        INSERT INTO tasks (id, title, description, completed, user_id,
                           created_at, updated_at)
        SELECT task_id, %(title)s, %(description)s, %(completed)s, %(user_id)s,
               created_at, created_at
          FROM claim
         WHERE won
    )
    SELECT task_id, rfc3339(created_at), won, same_body FROM claim
"""
"""The unique key decides which of several equal requests creates the task.

A request that finds the key taken waits until its owner has committed, then touches
the key's row without changing it, which is how ON CONFLICT returns a row that is
newer than the statement's snapshot. xmax is 0 in a row that was inserted, not updated.
set_config ends its waiting, and goes no further than the statement.
"""

KEY_PATIENCE = "3s"
"""How long to wait for another request with the key: less than db waits for an answer,
so that the caller is told what is going on."""


def create(user_id: str, new: NewTask, key: str | None) -> tuple[Task, bool]:
    """Return the task as it was created, and whether an earlier request did it.

    A key is kept at least 24 hours, with a hash of the body and the id and time of the
    task, but not its text: that is in the request which asks again. So a replay is
    answered as the first time was, also after the task was changed or deleted.

    A create without a key gets one for the length of the request, for db to repeat it.

    Raises IdempotencyKeyReused for a key that came with another body, and Conflict for
    one whose first request goes on too long to wait for.
    """
    title, description = new["title"], new.get("description")
    completed = new.get("completed", False)
    body = json.dumps([title, description, completed]).encode()
    values = {
        "user_id": user_id,
        "key": key or f"request {uuid.uuid4()}",
        "patience": KEY_PATIENCE,
        "fingerprint": hashlib.sha256(body).digest(),
        "title": title,
        "description": description,
        "completed": completed,
    }
    try:
        [(id, created_at, won, same_body)] = db.query(CREATE, values, repeatable=True)
    except Locked as error:
        if key is None:
            raise
        raise Conflict from error
    if not same_body:
        raise IdempotencyKeyReused
    task = Task(
        id, title, description, completed, user_id, created_at, created_at, version=1
    )
    return task, key is not None and not won


GET = """
    SELECT {columns}
      FROM tasks
     WHERE id = %(id)s AND user_id = %(user_id)s
""".replace("{columns}", COLUMNS)


def get(user_id: str, id: int) -> Task:
    """Return the task; raise NotFound."""
    rows = db.read(GET, {"id": id, "user_id": user_id})
    if not rows:
        raise NotFound
    return Task._make(rows[0])


def conditional(write: str) -> str:
    """Return the statement that writes to one task if its version is wanted.

    It returns no row where there is no such task, else the task and whether it was
    written: as it is after the write, or as it was when the condition failed.

    Two writers with one ETag: the second waits for the first, then Postgres checks the
    version again on the row as the first has left it, and locks that row. The
    statement's snapshot is older and still has the version that both expected, so
    `unwritten` asks for a lock too: a SELECT that locks returns the newest committed
    row. It asks for none where the write succeeded.
    """
    return """
    WITH written AS (
        {write}
         WHERE id = %(id)s AND user_id = %(user_id)s
           AND (%(versions)s::bigint[] IS NULL OR version = ANY (%(versions)s))
     RETURNING tasks.*, TRUE AS written
    ), unwritten AS (
        SELECT tasks.*, FALSE
          FROM tasks
         WHERE id = %(id)s AND user_id = %(user_id)s
           AND NOT EXISTS (SELECT FROM written)
           FOR NO KEY UPDATE
    )
    SELECT {columns}, written
      FROM (TABLE written UNION ALL TABLE unwritten) AS task
""".replace("{write}", write.strip()).replace("{columns}", COLUMNS)


UPDATE = conditional("""
        UPDATE tasks
           SET title = COALESCE(%(title)s, title),
               description = CASE WHEN %(describes)s THEN %(description)s
                                  ELSE description END,
               completed = COALESCE(%(completed)s, completed),
               updated_at = GREATEST(now(), updated_at + interval '1 microsecond'),
               version = version + 1
""")
"""The greater of the two times keeps updated_at moving when a writer that waited began
earlier than the one it waited for."""

COMPLETE = conditional("""
        UPDATE tasks
           SET completed = COALESCE(%(completed)s, NOT completed),
               updated_at = GREATEST(now(), updated_at + interval '1 microsecond'),
               version = version + 1
""")

DELETE = conditional("DELETE FROM tasks")


def update(
    user_id: str, id: int, changes: TaskChanges, if_match: str | None = None
) -> Task:
    """Return the task with changes made; raise NotFound or PreconditionFailed."""
    if not changes:
        raise ValidationFailed(
            "At least one of title, description and completed must be sent",
            {"field": "body", "constraint": "title, description or completed"},
        )
    return write(
        UPDATE,
        user_id,
        id,
        if_match,
        {
            "title": changes.get("title"),
            "describes": "description" in changes,
            "description": changes.get("description"),
            "completed": changes.get("completed"),
        },
    )


def complete(
    user_id: str, id: int, completed: bool | None, if_match: str | None = None
) -> Task:
    """Return the task with completed set, or toggled where it is None.

    Raises NotFound or PreconditionFailed.
    """
    return write(COMPLETE, user_id, id, if_match, {"completed": completed})


def delete(user_id: str, id: int, if_match: str | None = None) -> None:
    """Delete the task; raise NotFound or PreconditionFailed."""
    write(DELETE, user_id, id, if_match, {})


def write(
    sql: str,
    user_id: str,
    id: int,
    if_match: str | None,
    values: dict[str, object],
) -> Task:
    """Run one of the statements above and tell its outcomes apart."""
    versions = etags.versions(if_match, id)
    identity = {"id": id, "user_id": user_id, "versions": versions}
    rows = db.query(sql, values | identity)
    if not rows:
        raise NotFound
    row, written = rows[0][:-1], rows[0][-1]
    if not written:
        message = etags.mismatch(if_match, id)
        raise PreconditionFailed(message, {"task": public(row)})
    return Task._make(row)
