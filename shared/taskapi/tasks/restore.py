"""Take a task out of the trash."""

from functools import partial

from taskapi.tasks import etags
from taskapi.tasks.fields import COLUMN_DEFAULTS, COLUMNS, Task
from taskapi.tasks.operation import Operation, accepted_task, run

RESTORE = """
    SELECT {columns}, is_accepted
      FROM take_write_turn(%(user_id)s) AS has_turn,
           restore_task(%(user_id)s, CASE WHEN has_turn THEN %(id)s::bigint END,
                        %(versions)s::bigint[]),
           jsonb_populate_record(NULL::tasks, %(defaults)s::jsonb || found_task)
""".replace("{columns}", COLUMNS)
"""A function (migrations/0016_trash.sql), because a statement sees no row that another
one inserts while it waits: of two requests that restore a task, the second has to find
the task that the first has restored. It may wait, so the statement takes a turn first,
as all writes do."""


def restore(user_id: str, id: int, if_match: str | None = None) -> Task:
    """Return the task, which is out of the trash; raise NotFound or PreconditionFailed.

    A task that isn't in the trash stays as it is.
    """
    return run(restore_operation(user_id, id, if_match))


def restore_operation(user_id: str, id: int, if_match: str | None) -> Operation[Task]:
    """Return the restore, which can be repeated unless it has a condition."""
    versions = etags.versions(if_match, id)
    values = {
        "user_id": user_id,
        "id": id,
        "versions": versions,
        "defaults": COLUMN_DEFAULTS,
    }
    to_result = partial(accepted_task, id, if_match)
    return Operation(RESTORE, values, to_result, repeatable=versions is None)
