"""POST /api/{user_id}/tasks: add a task to the caller's list."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.errors import BadRequest, Conflict, IdempotencyKeyReused
from taskapi.tasks import statements as tasks
from taskapi.tasks.statements import NewTask
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors, examples
from taskapi.web.handler import create_app, lambda_handler
from taskapi.web.parameters import IdempotencyKey
from taskapi.web.task_responses import CREATED, created_response

app = create_app(AuthenticatedRoute)


@app.post(
    "/api/{user_id}/tasks",
    status_code=201,
    responses=CREATED
    | errors(BadRequest, Conflict, IdempotencyKeyReused, invalid="title"),
    openapi_extra=examples(
        {
            "title alone": {"title": "Buy groceries"},
            "all fields": {
                "title": "Buy groceries",
                "description": "Oats, milk, two lemons",
                "completed": False,
            },
        }
    ),
)
async def create_task(
    new: NewTask, caller: Caller, idempotency_key: IdempotencyKey = None
) -> Response:
    """Only `title` is required. With an `Idempotency-Key`, the request can be sent
    again safely: it creates one task. Unknown fields are ignored.
    """
    return created_response(*tasks.create(caller, new, idempotency_key))


handler = lambda_handler(app, wait_until_connected)
