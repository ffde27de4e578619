"""PATCH /api/{user_id}/tasks/{task_id}/complete: toggle or set completed."""

from taskapi.cold_start.preconnect import connected
from taskapi.cold_start.framework import Response
from taskapi.tasks import statements as tasks
from taskapi.tasks.statements import Completion
from taskapi.web import task_responses as answers
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.handler import create_app, lambda_handler
from taskapi.web.parameters import IfMatch, TaskId

app = create_app(AuthenticatedRoute)


@app.patch("/api/{user_id}/tasks/{task_id}/complete")
async def complete_task(
    caller: Caller,
    task_id: TaskId,
    completion: Completion | None = None,
    if_match: IfMatch = None,
) -> Response:
    completed = completion.get("completed") if completion else None
    return answers.one(tasks.complete(caller, task_id, completed, if_match))


handler = lambda_handler(app, connected)
