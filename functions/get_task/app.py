"""GET /api/{user_id}/tasks/{task_id}: return one of the caller's tasks."""

from taskapi.early import connected
from taskapi import answers, tasks
from taskapi.auth import AuthenticatedRoute, Caller
from taskapi.framework import Response
from taskapi.http import create_app, lambda_handler
from taskapi.params import IfNoneMatch, TaskId

app = create_app(AuthenticatedRoute)


@app.get("/api/{user_id}/tasks/{task_id}")
async def get_task(
    caller: Caller, task_id: TaskId, if_none_match: IfNoneMatch = None
) -> Response:
    return answers.one_unless(tasks.get(caller, task_id), if_none_match)


handler = lambda_handler(app, connected)
