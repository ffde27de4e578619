"""DELETE /api/{user_id}/tasks/{task_id}: delete one of the caller's tasks."""

from taskapi.early import connected
from taskapi import answers, tasks
from taskapi.auth import AuthenticatedRoute, Caller
from taskapi.framework import Response
from taskapi.http import create_app, lambda_handler
from taskapi.params import IfMatch, TaskId

app = create_app(AuthenticatedRoute)


@app.delete("/api/{user_id}/tasks/{task_id}", status_code=204)
async def delete_task(
    caller: Caller, task_id: TaskId, if_match: IfMatch = None
) -> Response:
    tasks.delete(caller, task_id, if_match)
    return answers.deleted()


handler = lambda_handler(app, connected)
