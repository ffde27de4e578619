"""Change and delete one task, if it has the version that the caller expects."""

import json
from collections.abc import Mapping
from functools import cache, partial
from typing import NamedTuple, cast

from taskapi.errors import ValidationFailed
from taskapi.tasks import etags
from taskapi.tasks.bodies import TaskChanges
from taskapi.tasks.fields import (
    COLUMNS,
    RULES,
    Rule,
    Task,
    stored_columns,
)
from taskapi.tasks.operation import Operation, Rows, accepted_task, run


class Statements(NamedTuple):
    """The statements that make a change to one task.

    count_write() counts the write (tasks/changes.py). It is the most expensive
    condition, so Postgres calls it last, for a task that is there and has the version.
    """

    plain: str
    """Writes to the task whatever its version; returns no row if there is no task.

    Until Postgres keeps its plan, it takes a third less time than the other, most of
    which is to plan `unwritten`.
    """
    conditional: str
    """Writes to the task if its version is accepted.

    It returns no row if there is no such task, else the task and whether it was
    written: as it is after the write, or as it was when the condition failed.

    Two writers with one ETag: the second waits for the first, then Postgres checks the
    version again on the row as the first has left it, and locks that row. The
    statement's snapshot is older and still has the version that both expected, so
    `unwritten` asks for a lock too: a SELECT that locks returns the newest committed
    row. It asks for none if the write succeeded. It may wait for the lock, so it takes
    a turn as a write does.
    """


def statements(write: str, returned: str = COLUMNS) -> Statements:
    """Return the statements of an UPDATE or DELETE, which comes without its WHERE.

    returned: what they select, before whether the task was written.
    """
    plain = """
        {write}
         WHERE id = %(id)s AND user_id = %(user_id)s
           AND count_write(user_id) > 0
     RETURNING {columns}, TRUE
"""
    conditional = """
    WITH written AS (
        {write}
         WHERE id = %(id)s AND user_id = %(user_id)s
           AND version = ANY (%(versions)s::bigint[])
           AND count_write(user_id) > 0
     RETURNING tasks.*, TRUE AS written
    ), unwritten AS (
        SELECT tasks.*, FALSE
          FROM tasks
         WHERE id = %(id)s AND user_id = %(user_id)s
           AND NOT EXISTS (SELECT FROM written)
           AND (SELECT take_write_turn(%(user_id)s))
           FOR NO KEY UPDATE
    )
    SELECT {columns}, written
      FROM (TABLE written UNION ALL TABLE unwritten) AS task
"""
    return Statements(
        *(
            sql.replace("{write}", write).replace("{columns}", returned)
            for sql in (plain, conditional)
        )
    )


WRITTEN_AT = "GREATEST(now(), updated_at + interval '1 microsecond')"
"""updated_at after a write: it increases even if a writer that waited began earlier
than the one it waited for."""


def update_statements(**columns: str) -> Statements:
    """Return the statements that set columns of a task to these SQL values."""
    return statements(update_sql(**columns))


def update_sql(**columns: str) -> str:
    """Return the UPDATE that sets columns of a task to these SQL values.

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
    return "UPDATE tasks SET {}".replace("{}", assignments)


@cache
def field_statements(names: tuple[str, ...]) -> Statements:
    """Return the statements that set these fields; the names are those of FIELDS."""
    zone = "%(time_zone)s" if "time_zone" in names else "time_zone"
    return update_statements(**stored_columns(names, zone))


COMPLETE = statements(
    update_sql(completed="COALESCE(%(completed)s, NOT completed)"),
    f"{COLUMNS}, current_setting('tasks.next_task', TRUE)",
)
"""A trigger creates the next task (migrations/0022_due_date_of_recurrence.sql) and says
in a setting what differs in it. Postgres reads the setting when it makes the row that
is returned, which is after the trigger."""

DELETE = statements("DELETE FROM tasks")


*ALL_BUT_LAST, LAST = RULES
NO_CHANGES = Rule(
    f"At least one of {', '.join(ALL_BUT_LAST)} and {LAST} must be sent",
    f"{', '.join(ALL_BUT_LAST)} or {LAST}",
)


def update(
    user_id: str, id: int, changes: TaskChanges, if_match: str | None = None
) -> Task:
    """Return the task with changes made; raise NotFound or PreconditionFailed."""
    if not changes:
        details = {"field": "body", "constraint": NO_CHANGES.constraint}
        raise ValidationFailed(NO_CHANGES.message, details)
    return write(changing(changes), user_id, id, if_match, changes)


def changing(changes: TaskChanges) -> Statements:
    """Return the statements that make these changes."""
    return field_statements(tuple(name for name in RULES if name in changes))


Completed = tuple[Task, Task | None]
"""A task, and the next one if completing it created one."""


def complete(
    user_id: str, id: int, completed: bool | None, if_match: str | None = None
) -> Completed:
    """Set completed, or toggle it if it is None; return the task and the next one.

    Raises NotFound or PreconditionFailed.
    """
    return run(complete_operation(user_id, id, completed, if_match))


def complete_operation(
    user_id: str, id: int, completed: bool | None, if_match: str | None
) -> Operation[Completed]:
    values = {"completed": completed}
    operation = write_operation(COMPLETE, user_id, id, if_match, values)
    to_result = partial(completed_task, id, if_match)
    return Operation(operation.sql, operation.values, to_result)


def completed_task(id: int, if_match: str | None, rows: Rows) -> Completed:
    """Return the task, and the one that the trigger created.

    The new one differs from it in what the setting has. That also has the ETag of the
    task after which it was created: if it is another, an earlier statement of the
    transaction has set it.
    """
    task = accepted_task(id, if_match, rows)
    created = json.loads(str(rows[0][-2] or "{}"))
    if created.pop("after", None) != task["etag"]:
        return task, None
    next_task = task | {
        **created,
        "completed": False,
        "completed_at": None,
        "created_at": task["updated_at"],
        "etag": etags.etag(created["id"], version=1),
    }
    return task, cast(Task, next_task)


def delete(user_id: str, id: int, if_match: str | None = None) -> None:
    """Delete the task; raise NotFound or PreconditionFailed."""
    write(DELETE, user_id, id, if_match, {})


def write(
    change: Statements,
    user_id: str,
    id: int,
    if_match: str | None,
    values: Mapping[str, object],
) -> Task:
    """Make the change and return the task; raise NotFound or PreconditionFailed."""
    return run(write_operation(change, user_id, id, if_match, values))


def write_operation(
    change: Statements,
    user_id: str,
    id: int,
    if_match: str | None,
    values: Mapping[str, object],
) -> Operation[Task]:
    """Return the change, by the plain or the conditional statement."""
    versions = etags.versions(if_match, id)
    sql = change.plain if versions is None else change.conditional
    identity = {"id": id, "user_id": user_id, "versions": versions}
    to_result = partial(accepted_task, id, if_match)
    return Operation(sql, {**values, **identity}, to_result)
