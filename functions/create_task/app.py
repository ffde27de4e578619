"""POST /api/{user_id}/tasks: add a task to the caller's list."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.errors import Conflict, IdempotencyKeyReused
from taskapi.tasks.create import create
from taskapi.tasks.fields import BODY_EXAMPLE, NewTask
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors, examples
from taskapi.web.handler import lambda_handler
from taskapi.web.parameters import IdempotencyKey
from taskapi.web.task_responses import CREATED, created_response

app = create_app(AuthenticatedRoute)


@app.post(
    "/api/{user_id}/tasks",
    status_code=201,
    responses=CREATED | errors(Conflict, IdempotencyKeyReused, invalid_body="title"),
    openapi_extra=examples(
        {"title alone": {"title": "Buy groceries"}, "all fields": BODY_EXAMPLE}
    ),
)
async def create_task(
    new: NewTask, caller: Caller, idempotency_key: IdempotencyKey = None
) -> Response:
    """Only `title` is required; unknown fields are ignored.

    With an `Idempotency-Key`, such as a UUID, the request can be sent again safely,
    also after a 503 or if no answer came: it creates one task, and
    `Idempotent-Replayed` says that an earlier request has created it. A 409 means that
    the earlier one is still running: send it again after a second.
    """
    return created_response(*create(caller, new, idempotency_key))


handler = lambda_handler(app, wait_until_connected)
