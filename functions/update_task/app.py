"""PUT and PATCH /api/{user_id}/tasks/{task_id}: change the fields that are sent."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.tasks.fields import TaskChanges
from taskapi.tasks.write import update
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.handler import lambda_handler
from taskapi.web.parameters import IfMatch, TaskId
from taskapi.web.task_responses import task_response

app = create_app(AuthenticatedRoute)


@app.put("/api/{user_id}/tasks/{task_id}")
@app.patch("/api/{user_id}/tasks/{task_id}")
async def update_task(
    changes: TaskChanges, caller: Caller, task_id: TaskId, if_match: IfMatch = None
) -> Response:
    return task_response(update(caller, task_id, changes, if_match))


handler = lambda_handler(app, wait_until_connected)
