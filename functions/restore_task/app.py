"""POST /api/{user_id}/tasks/{task_id}/restore: take a task out of the trash."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.errors import NotFound, PreconditionFailed
from taskapi.tasks.restore import restore
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors
from taskapi.web.handler import lambda_handler
from taskapi.web.parameters import IfMatch, TaskId
from taskapi.web.task_responses import TASK, task_response

app = create_app(AuthenticatedRoute)


@app.post(
    "/api/{user_id}/tasks/{task_id}/restore",
    responses=TASK | errors(NotFound, PreconditionFailed),
)
async def restore_task(
    caller: Caller, task_id: TaskId, if_match: IfMatch = None
) -> Response:
    """The task keeps its `id` and gets a new `ETag`. A task that isn't in the trash
    stays as it is.
    """
    return task_response(restore(caller, task_id, if_match))


handler = lambda_handler(app, wait_until_connected)
