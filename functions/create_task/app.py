"""POST /api/{user_id}/tasks: add a task to the caller's list."""

from taskapi.early import connected
from taskapi import answers, tasks
from taskapi.auth import AuthenticatedRoute, Caller
from taskapi.framework import Response
from taskapi.http import create_app, lambda_handler
from taskapi.params import IdempotencyKey
from taskapi.tasks import NewTask

app = create_app(AuthenticatedRoute)


@app.post("/api/{user_id}/tasks", status_code=201)
async def create_task(
    new: NewTask, caller: Caller, idempotency_key: IdempotencyKey = None
) -> Response:
    return answers.created(*tasks.create(caller, new, idempotency_key))


handler = lambda_handler(app, connected)
