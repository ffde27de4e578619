"""PUT and PATCH /api/{user_id}/tasks/{task_id}: change the fields that are sent."""

from taskapi.early import connected
from taskapi import answers, tasks
from taskapi.auth import AuthenticatedRoute, Caller
from taskapi.framework import Response
from taskapi.http import create_app, lambda_handler
from taskapi.params import IfMatch, TaskId
from taskapi.tasks import TaskChanges

app = create_app(AuthenticatedRoute)


@app.put("/api/{user_id}/tasks/{task_id}")
@app.patch("/api/{user_id}/tasks/{task_id}")
async def update_task(
    changes: TaskChanges, caller: Caller, task_id: TaskId, if_match: IfMatch = None
) -> Response:
    return answers.one(tasks.update(caller, task_id, changes, if_match))


handler = lambda_handler(app, connected)
