"""PUT and PATCH /api/{user_id}/tasks/{task_id}: change the fields that are sent."""

from taskapi.cold_start.preconnect import connected
from taskapi.cold_start.framework import Response
from taskapi.tasks import statements as tasks
from taskapi.tasks.statements import TaskChanges
from taskapi.web import task_responses as answers
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.handler import create_app, lambda_handler
from taskapi.web.parameters import IfMatch, TaskId

app = create_app(AuthenticatedRoute)


@app.put("/api/{user_id}/tasks/{task_id}")
@app.patch("/api/{user_id}/tasks/{task_id}")
async def update_task(
    changes: TaskChanges, caller: Caller, task_id: TaskId, if_match: IfMatch = None
) -> Response:
    return answers.one(tasks.update(caller, task_id, changes, if_match))


handler = lambda_handler(app, connected)
