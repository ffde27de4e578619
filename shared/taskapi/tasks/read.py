"""Read one task."""

from taskapi.errors import NotFound
from taskapi.postgres.query import read
from taskapi.tasks.fields import COLUMNS, Task, to_tasks

GET = """
    SELECT {columns}
      FROM tasks
     WHERE id = %(id)s AND user_id = %(user_id)s
""".replace("{columns}", COLUMNS)


def get(user_id: str, id: int) -> Task:
    """Return the task; raise NotFound."""
    rows = read(GET, {"id": id, "user_id": user_id})
    if not rows:
        raise NotFound
    [task] = to_tasks(rows)
    return task
