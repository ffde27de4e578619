"""DELETE /api/{user_id}/tasks/{task_id}: delete one of the caller's tasks."""

from taskapi.cold_start.preconnect import connected
from taskapi.cold_start.framework import Response
from taskapi.tasks import statements as tasks
from taskapi.web import task_responses as answers
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.handler import create_app, lambda_handler
from taskapi.web.parameters import IfMatch, TaskId

app = create_app(AuthenticatedRoute)


@app.delete("/api/{user_id}/tasks/{task_id}", status_code=204)
async def delete_task(
    caller: Caller, task_id: TaskId, if_match: IfMatch = None
) -> Response:
    tasks.delete(caller, task_id, if_match)
    return answers.deleted()


handler = lambda_handler(app, connected)
