"""Delete all completed tasks of a user."""

from typing import Annotated

from taskapi.cold_start.framework import BaseModel
from taskapi.postgres.query import query
from taskapi.tasks.fields import Rule
from taskapi.tasks.query_parameters import one_of

CLEAR = """
    WITH cleared AS (
        DELETE FROM tasks
         WHERE user_id = %(user_id)s AND completed
           AND (SELECT take_write_turn(%(user_id)s))
           AND (SELECT count_write(%(user_id)s)
                 WHERE EXISTS (SELECT FROM tasks
                                WHERE user_id = %(user_id)s AND completed)) > 0
     RETURNING 1
    )
    SELECT count(*) FROM cleared
"""
"""Postgres evaluates the last two conditions once, before it locks a task (changes.py).
To find out that nothing is completed may take long after many tasks were deleted, so
the turn comes first."""


class ClearQuery(BaseModel):
    """What a query must hold; other parameters are ignored."""

    status: Annotated[
        str, one_of(("completed",), "Nothing else is accepted.", "completed")
    ]


RULES = {
    "status": Rule(
        "Status must be completed, once: DELETE …/tasks?status=completed deletes the "
        "completed tasks, and nothing deletes all",
        "completed",
    )
}
LISTS = ("status",)
"""Read as a list, so that a second value is an error. Which of them counts would be a
guess, and tasks are deleted."""


def clear(user_id: str) -> int:
    """Delete the user's completed tasks and return their number."""
    [(deleted,)] = query(CLEAR, {"user_id": user_id})
    return int(deleted)
