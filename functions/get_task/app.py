"""GET /api/{user_id}/tasks/{task_id}: return one of the caller's tasks."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.errors import NotFound
from taskapi.tasks.read import get
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors
from taskapi.web.handler import lambda_handler
from taskapi.web.parameters import IfNoneMatch, TaskId
from taskapi.web.task_responses import TASK_OR_304, task_or_304

app = create_app(AuthenticatedRoute)


@app.get("/api/{user_id}/tasks/{task_id}", responses=TASK_OR_304 | errors(NotFound))
async def get_task(
    caller: Caller, task_id: TaskId, if_none_match: IfNoneMatch = None
) -> Response:
    """With the `ETag` in `If-None-Match`, the answer is a 304 as long as the task stays
    as it is.
    """
    return task_or_304(get(caller, task_id), if_none_match)


handler = lambda_handler(app, wait_until_connected)
