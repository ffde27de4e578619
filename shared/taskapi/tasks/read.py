"""Read one task."""

from taskapi.postgres.query import read
from taskapi.tasks.fields import COLUMNS, Task, to_task

GET = """
    SELECT {columns}
      FROM tasks
     WHERE id = %(id)s AND user_id = %(user_id)s
""".replace("{columns}", COLUMNS)


def get(user_id: str, id: int) -> Task:
    """Return the task; raise NotFound."""
    return to_task(read(GET, {"id": id, "user_id": user_id}, keep_plan=True))
