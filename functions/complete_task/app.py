"""PATCH /api/{user_id}/tasks/{task_id}/complete: toggle or set completed."""

from taskapi.early import connected
from taskapi import answers, tasks
from taskapi.auth import AuthenticatedRoute, Caller
from taskapi.framework import Response
from taskapi.http import create_app, lambda_handler
from taskapi.params import IfMatch, TaskId
from taskapi.tasks import Completion

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
