"""The feed of changes, for clients that keep a copy of a user's tasks.

It has each task once, at its last write, and each deleted task once, at its deletion,
in the order of (number, id). The numbers are those of the user's counter
(tasks/changes.py), which commit in their order: a page that is read at counter C shows
all writes up to C, and nothing that commits later has a number up to C. So a reader who
continues after a position never misses a change. What is written while the pages are
read moves to the end, and is read there.
"""

from collections.abc import Sequence
from typing import Annotated, NotRequired

from psycopg.rows import TupleRow
from typing_extensions import TypedDict

from taskapi.cold_start.framework import BaseModel
from taskapi.postgres.query import read
from taskapi.tasks import change_tokens
from taskapi.tasks.change_tokens import Database, Token
from taskapi.tasks.fields import COLUMNS, NAMES, Rule, Task, to_tasks
from taskapi.tasks.identifiers import MAX_ID
from taskapi.tasks.query_parameters import LIMIT, Limit, Parameter

Since = Annotated[
    str,
    Parameter(
        str,
        {
            "type": "string",
            "description": "The `token` of the last response; without it, all tasks.",
        },
    ),
]


class ChangesQuery(BaseModel):
    """All that a query may hold; other parameters are ignored."""

    since: Since | None = None
    limit: Limit = 200


RULES = {
    "since": Rule(change_tokens.invalid().message, "from a response"),
    "limit": LIMIT,
}


class Change(TypedDict):
    """A task as it is now, or None if it is deleted."""

    id: int
    task: Task | None
    deleted_at: NotRequired[str]


class Changes(TypedDict):
    """One page of changes."""

    changes: list[Change]
    token: str
    more: bool


PAGE = """
    SELECT page.*, own.counter, own.beginning,
           (extract(epoch FROM now()) * 1000000)::bigint, identity, key
      FROM (SELECT key, database_identity(key) AS identity
              FROM cursor_keys LIMIT 1) AS signing
           LEFT JOIN (SELECT counter, beginning
                        FROM change_counters
                       WHERE user_id = %(user_id)s) AS own ON TRUE
           LEFT JOIN (
               (SELECT {columns}, NULL AS deleted_at, change AS number, id AS change_id
                  FROM tasks
                 WHERE user_id = %(user_id)s
                   AND (change, tasks.id) > (%(number)s::bigint, %(id)s::bigint)
              ORDER BY change, tasks.id
                 LIMIT {limit})
                UNION ALL
               (SELECT {nulls}, rfc3339(deleted_at), deletion, id
                  FROM trash
                 WHERE user_id = %(user_id)s
                   AND (deletion, id) > (%(deletion)s::bigint, %(deleted)s::bigint)
              ORDER BY deletion, id
                 LIMIT {limit})
              ORDER BY number, change_id
                 LIMIT {limit}
           ) AS page ON TRUE
"""
"""A page, and what its token depends on, all from one snapshot; for an empty page,
NULLs. The two parts are read from their indexes in the feed's order and merged, so a
page takes as long anywhere."""

HIDDEN_LIMIT = "(SELECT %(limit)s + 1)"
"""If Postgres knew the limit, it would expect that most users have fewer changes, and
read and sort all of a user's."""

CHANGES = (
    PAGE.replace("{columns}", COLUMNS)
    .replace("{nulls}", ", ".join(["NULL"] * len(NAMES)))
    .replace("{limit}", HIDDEN_LIMIT)
)

START = Token(0, 0, MAX_ID, 0)
"""All tasks, also those that were last written before there was a counter and have no
number; no deletions."""


def list_changes(user_id: str, query: ChangesQuery) -> Changes:
    """Return the page of changes after the query's token.

    Raises TokenExpired, or ValidationFailed for what is no token.
    """
    given = None if query.since is None else change_tokens.decode(query.since)
    since = given.token if given else START
    deletion, deleted = max((since.number, since.id), (since.start, MAX_ID))
    values = {
        "user_id": user_id,
        "number": since.number,
        "id": since.id,
        "deletion": deletion,
        "deleted": deleted,
        "limit": query.limit,
    }
    rows = read(CHANGES, values, keep_plan=True)
    counter, beginning, now, identity, key = rows[0][-5:]
    database = Database(counter or 0, beginning or 0, now, identity, key)
    if given:
        change_tokens.check(given, user_id, database)
    else:
        since = since._replace(start=database.counter, issued=now)
    more = len(rows) > query.limit
    changes = to_changes(rows[: query.limit])
    if more:
        number, id = rows[query.limit - 1][-7:-5]
        reached = since._replace(number=number, id=id)
    else:
        reached = Token(database.counter, MAX_ID, database.counter, now)
    token = change_tokens.encode(reached, user_id, database)
    return {"changes": changes, "token": token, "more": more}


def to_changes(rows: Sequence[TupleRow]) -> list[Change]:
    """Return rows of CHANGES as changes; those of an empty page are NULLs."""
    return [
        {"id": id, "task": task}
        if deleted_at is None
        else {"id": id, "task": None, "deleted_at": deleted_at}
        for task, (deleted_at, _, id, *_) in zip(
            to_tasks(rows), (row[len(NAMES) :] for row in rows), strict=True
        )
        if id is not None
    ]
