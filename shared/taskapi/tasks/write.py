"""Change and delete one task, if it has the version that the caller expects."""

from collections.abc import Mapping

from taskapi.errors import PreconditionFailed, ValidationFailed
from taskapi.postgres.query import query
from taskapi.tasks import etags
from taskapi.tasks.fields import BODY_FIELDS, COLUMNS, Task, TaskChanges, to_task


def conditional(write: str) -> str:
    """Return the statement that writes to one task if its version is accepted.

    It returns no row if there is no such task, else the task and whether it was
    written: as it is after the write, or as it was when the condition failed.

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


def conditional_update(assignments: str) -> str:
    """Return the conditional statement that makes these assignments to a task.

    GREATEST makes updated_at increase even if a writer that waited began earlier than
    the one it waited for.
    """
    return conditional(
        """
        UPDATE tasks
           SET {assignments},
               updated_at = GREATEST(now(), updated_at + interval '1 microsecond'),
               version = version + 1
""".replace("{assignments}", assignments)
    )


UPDATE = conditional_update(
    ", ".join(
        f"{field.name} = CASE WHEN '{field.name}' = ANY (%(changed)s::text[])"
        f" THEN {field.parameter} ELSE {field.name} END"
        for field in BODY_FIELDS
    )
)

COMPLETE = conditional_update("completed = COALESCE(%(completed)s, NOT completed)")

DELETE = conditional("DELETE FROM tasks")


def update(
    user_id: str, id: int, changes: TaskChanges, if_match: str | None = None
) -> Task:
    """Return the task with changes made; raise NotFound or PreconditionFailed."""
    if not changes:
        *names, last = (field.name for field in BODY_FIELDS)
        listed = ", ".join(names)
        raise ValidationFailed(
            f"At least one of {listed} and {last} must be sent",
            {"field": "body", "constraint": f"{listed} or {last}"},
        )
    values = {field.name: None for field in BODY_FIELDS} | {**changes}
    return write(UPDATE, user_id, id, if_match, values | {"changed": list(changes)})


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
    rows = query(sql, {**values, **identity})
    task = to_task(rows)
    written = rows[0][-1]
    if not written:
        raise PreconditionFailed(etags.mismatch(if_match, id), {"task": task})
    return task
