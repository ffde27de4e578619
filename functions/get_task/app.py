"""GET /api/{user_id}/tasks/{task_id}: return one of the caller's tasks."""

from taskapi.cold_start.preconnect import connected
from taskapi.cold_start.framework import Response
from taskapi.tasks import statements as tasks
from taskapi.web import task_responses as answers
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.handler import create_app, lambda_handler
from taskapi.web.parameters import IfNoneMatch, TaskId

app = create_app(AuthenticatedRoute)


@app.get("/api/{user_id}/tasks/{task_id}")
async def get_task(
    caller: Caller, task_id: TaskId, if_none_match: IfNoneMatch = None
) -> Response:
    return answers.one_unless(tasks.get(caller, task_id), if_none_match)


handler = lambda_handler(app, connected)
