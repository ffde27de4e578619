"""Change and delete one task, if it has the version that the caller expects."""

from collections.abc import Mapping
from functools import cache

from taskapi.errors import PreconditionFailed, ValidationFailed
from taskapi.postgres.query import query
from taskapi.tasks import etags
from taskapi.tasks.fields import (
    COLUMNS,
    RULES,
    Task,
    TaskChanges,
    stored_columns,
    to_task,
)
from taskapi.tasks.refusals import refusals


def conditional(write: str) -> str:
    """Return the statement that writes to one task if its version is accepted.

    It returns no row if there is no such task, else the task and whether it was
    written: as it is after the write, or as it was when the condition failed.

    next_change() counts the write (tasks/changes.py). It is the most expensive
    condition, so Postgres calls it last, for a task that is there and has the version.

    Two writers with one ETag: the second waits for the first, then Postgres checks the
    version again on the row as the first has left it, and locks that row. The
    statement's snapshot is older and still has the version that both expected, so
    `unwritten` asks for a lock too: a SELECT that locks returns the newest committed
    row. It asks for none if the write succeeded.
    """
    return """
    WITH written AS (
        {write}
         WHERE id = %(id)s AND user_id = %(user_id)s
           AND (%(versions)s::bigint[] IS NULL OR version = ANY (%(versions)s))
           AND next_change(user_id) > 0
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


WRITTEN_AT = "GREATEST(now(), updated_at + interval '1 microsecond')"
"""updated_at after a write: it increases even if a writer that waited began earlier
than the one it waited for."""


def conditional_update(**columns: str) -> str:
    """Return the conditional statement that sets columns of a task to these SQL values.

    completed_at stays if a completed task is completed again.
    """
    columns |= {
        "completed_at": f"CASE WHEN NOT ({columns.get('completed', 'completed')})"
        " THEN NULL WHEN completed THEN COALESCE(completed_at, updated_at)"
        f" ELSE {WRITTEN_AT} END",
        "updated_at": WRITTEN_AT,
        "version": "version + 1",
        "change": "current_setting('tasks.change')::bigint",
    }
    assignments = ", ".join(f"{column} = {sql}" for column, sql in columns.items())
    return conditional("UPDATE tasks SET {}".replace("{}", assignments))


@cache
def update_statement(names: tuple[str, ...]) -> str:
    """Return the statement that sets these fields; the names are those of FIELDS."""
    zone = "%(time_zone)s" if "time_zone" in names else "time_zone"
    return conditional_update(**stored_columns(names, zone))


COMPLETE = conditional_update(completed="COALESCE(%(completed)s, NOT completed)")

DELETE = conditional("DELETE FROM tasks")


def update(
    user_id: str, id: int, changes: TaskChanges, if_match: str | None = None
) -> Task:
    """Return the task with changes made; raise NotFound or PreconditionFailed."""
    if not changes:
        *names, last = RULES
        listed = ", ".join(names)
        raise ValidationFailed(
            f"At least one of {listed} and {last} must be sent",
            {"field": "body", "constraint": f"{listed} or {last}"},
        )
    sql = update_statement(tuple(name for name in RULES if name in changes))
    return write(sql, user_id, id, if_match, changes)


def complete(
    user_id: str, id: int, completed: bool | None, if_match: str | None = None
) -> Task:
    """Return the task with completed set, or toggled if it is None.

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
    values: Mapping[str, object],
) -> Task:
    """Run a conditional statement and return the task.

    Raises NotFound, or PreconditionFailed with the task as it is.
    """
    versions = etags.versions(if_match, id)
    identity = {"id": id, "user_id": user_id, "versions": versions}
    with refusals():
        rows = query(sql, {**values, **identity})
    task = to_task(rows)
    written = rows[0][-1]
    if not written:
        raise PreconditionFailed(etags.mismatch(if_match, id), {"task": task})
    return task
