"""POST /api/{user_id}/tasks: add a task to the caller's list."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.tasks.create import create
from taskapi.tasks.fields import NewTask
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.handler import lambda_handler
from taskapi.web.parameters import IdempotencyKey
from taskapi.web.task_responses import created_response

app = create_app(AuthenticatedRoute)


@app.post("/api/{user_id}/tasks", status_code=201)
async def create_task(
    new: NewTask, caller: Caller, idempotency_key: IdempotencyKey = None
) -> Response:
    return created_response(*create(caller, new, idempotency_key))


handler = lambda_handler(app, wait_until_connected)
