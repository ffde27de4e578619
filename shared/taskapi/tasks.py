"""The operations on tasks: one SQL statement, one round trip, each."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import TYPE_CHECKING, Annotated, NamedTuple, NotRequired

import psycopg
from typing_extensions import TypedDict

from taskapi import cursors, db, etags
from taskapi.errors import (
    Conflict,
    IdempotencyKeyReused,
    NotFound,
    PreconditionFailed,
    ValidationFailed,
)
from taskapi.faults import Locked
from taskapi.framework import StrictBool, StringConstraints

if TYPE_CHECKING:
    from taskapi.listing import Listing

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


def public(row: Sequence[object]) -> dict[str, object]:
    """Return the seven fields of the contract's Task: all of a row but the last.

    Written out, it takes a third of the time that zip() would, in a list of 200.
    """
    id, title, description, completed, user_id, created_at, updated_at, _ = row
    return {
        "id": id,
        "title": title,
        "description": description,
        "completed": completed,
        "user_id": user_id,
        "created_at": created_at,
        "updated_at": updated_at,
    }


class Page(NamedTuple):
    """One page of a list; the cursor is None on the last one."""

    rows: Sequence[Sequence[object]]
    cursor: str | None


LIST = """
    SELECT id, title, description, completed, user_id,
           rfc3339(created_at), rfc3339(updated_at), version
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
    ).format(**SORTS[sort], **ORDERS[order])
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
    rows: Sequence[Sequence[object]]
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
) -> tuple[Sequence[Sequence[object]], bytes]:
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
    SELECT id, title, description, completed, user_id,
           rfc3339(created_at), rfc3339(updated_at), version
      FROM tasks
     WHERE id = %(id)s AND user_id = %(user_id)s
"""


def get(user_id: str, id: int) -> Task:
    """Return the task; raise NotFound."""
    rows = db.read(GET, {"id": id, "user_id": user_id})
    if not rows:
        raise NotFound
    return Task._make(rows[0])


UPDATE = """
    WITH written AS (
        UPDATE tasks
           SET title = COALESCE(%(title)s, title),
               description = CASE WHEN %(describes)s THEN %(description)s
                                  ELSE description END,
               completed = COALESCE(%(completed)s, completed),
               updated_at = GREATEST(now(), updated_at + interval '1 microsecond'),
               version = version + 1
         WHERE id = %(id)s AND user_id = %(user_id)s
           AND (%(versions)s::bigint[] IS NULL OR version = ANY (%(versions)s))
     RETURNING id, title, description, completed, user_id,
               rfc3339(created_at), rfc3339(updated_at), version
    )
    SELECT written.* FROM tasks LEFT JOIN written USING (id)
     WHERE tasks.id = %(id)s AND tasks.user_id = %(user_id)s
"""
"""No row: no such task. A row of NULLs: the task is there, its version doesn't match.

Two writers with one ETag: the second waits for the first, then Postgres checks the
version again on the row as the first has left it. The greater of the two times keeps
updated_at moving when the second began earlier.
"""

COMPLETE = """
    WITH written AS (
        UPDATE tasks
           SET completed = COALESCE(%(completed)s, NOT completed),
               updated_at = GREATEST(now(), updated_at + interval '1 microsecond'),
               version = version + 1
         WHERE id = %(id)s AND user_id = %(user_id)s
           AND (%(versions)s::bigint[] IS NULL OR version = ANY (%(versions)s))
     RETURNING id, title, description, completed, user_id,
               rfc3339(created_at), rfc3339(updated_at), version
    )
    SELECT written.* FROM tasks LEFT JOIN written USING (id)
     WHERE tasks.id = %(id)s AND tasks.user_id = %(user_id)s
"""

DELETE = """
    WITH written AS (
        DELETE FROM tasks
         WHERE id = %(id)s AND user_id = %(user_id)s
           AND (%(versions)s::bigint[] IS NULL OR version = ANY (%(versions)s))
     RETURNING id, title, description, completed, user_id,
               rfc3339(created_at), rfc3339(updated_at), version
    )
    SELECT written.* FROM tasks LEFT JOIN written USING (id)
     WHERE tasks.id = %(id)s AND tasks.user_id = %(user_id)s
"""


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
    if rows and rows[0][0] is not None:
        return Task._make(rows[0])
    # Without a condition, a row of NULLs was deleted while the statement waited for it.
    if rows and versions is not None:
        raise PreconditionFailed(etags.mismatch(if_match, id))
    raise NotFound
