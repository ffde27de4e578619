"""PUT and PATCH /api/{user_id}/tasks/{task_id}: change the fields that are sent."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.errors import NotFound, PreconditionFailed
from taskapi.tasks.bodies import TaskChanges
from taskapi.tasks.write import update
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors, examples
from taskapi.web.handler import lambda_handler
from taskapi.web.parameters import IfMatch, TaskId
from taskapi.web.task_responses import TASK, task_response

app = create_app(AuthenticatedRoute)

RESPONSES = TASK | errors(NotFound, PreconditionFailed, invalid_body="title")
BODIES = examples(
    {
        "another title": {"title": "Buy oats"},
        "another day": {"due_date": "2026-03-10"},
        "no description": {"description": None},
    }
)


@app.api_route(
    "/api/{user_id}/tasks/{task_id}",
    methods=["PUT", "PATCH"],
    responses=RESPONSES,
    openapi_extra=BODIES,
)
async def update_task(
    changes: TaskChanges, caller: Caller, task_id: TaskId, if_match: IfMatch = None
) -> Response:
    """Changes the fields that are sent, and leaves the others; `PUT` and `PATCH` do the
    same. `null` clears `description`, `due_date`, `time_zone` and `recurrence`; so does
    an empty text for the last three.

    With a task's `etag` in `If-Match`, nothing is overwritten that somebody else has
    written since: the answer is a 412 then, with the task as it is in `details.task`.
    """
    return task_response(update(caller, task_id, changes, if_match))


handler = lambda_handler(app, wait_until_connected)
