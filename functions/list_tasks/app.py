"""GET /api/{user_id}/tasks: list the caller's tasks, a page at a time."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Request, Response
from taskapi.tasks import statements as tasks
from taskapi.tasks.list_query import listing
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.handler import create_app, lambda_handler
from taskapi.web.task_responses import list_response

app = create_app(AuthenticatedRoute)


@app.get("/api/{user_id}/tasks")
async def list_tasks(request: Request, caller: Caller) -> Response:
    return list_response(tasks.list_page(caller, listing(request)), request)


handler = lambda_handler(app, wait_until_connected)
