"""PATCH /api/{user_id}/tasks/{task_id}/complete: toggle or set completed."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.errors import NotFound, PreconditionFailed
from taskapi.tasks.bodies import Completion
from taskapi.tasks.write import complete
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors, examples
from taskapi.web.handler import lambda_handler
from taskapi.web.parameters import IfMatch, TaskId
from taskapi.web.task_responses import COMPLETED, completed_response

app = create_app(AuthenticatedRoute)


@app.patch(
    "/api/{user_id}/tasks/{task_id}/complete",
    responses=COMPLETED
    | errors(NotFound, PreconditionFailed, invalid_body="completed"),
    openapi_extra=examples({"toggle": {}, "set": {"completed": True}}),
)
async def complete_task(
    caller: Caller,
    task_id: TaskId,
    completion: Completion | None = None,
    if_match: IfMatch = None,
) -> Response:
    """Without a body, or with `{}`, it toggles `completed`; with `completed`, it sets
    it. If the task has a `recurrence`, completing it creates the `next_task`, to which
    the rule moves.
    """
    completed = completion.get("completed") if completion else None
    task, next_task = complete(caller, task_id, completed, if_match)
    return completed_response(task, next_task)


handler = lambda_handler(app, wait_until_connected)
