"""DELETE /api/{user_id}/tasks/{task_id}: delete one of the caller's tasks."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.errors import NotFound, PreconditionFailed
from taskapi.tasks.write import delete
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors
from taskapi.web.handler import lambda_handler
from taskapi.web.parameters import IfMatch, TaskId
from taskapi.web.task_responses import DELETED, no_content

app = create_app(AuthenticatedRoute)


@app.delete(
    "/api/{user_id}/tasks/{task_id}",
    status_code=204,
    responses=DELETED | errors(NotFound, PreconditionFailed),
)
async def delete_task(
    caller: Caller, task_id: TaskId, if_match: IfMatch = None
) -> Response:
    """The task goes into the trash, from which it can be restored for 30 days. With
    `If-Match`, it is deleted only if it still has this `ETag`.
    """
    delete(caller, task_id, if_match)
    return no_content()


handler = lambda_handler(app, wait_until_connected)
