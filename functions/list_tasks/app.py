"""GET /api/{user_id}/tasks: list the caller's tasks, a page at a time."""

from taskapi.early import connected
from taskapi import answers, tasks
from taskapi.auth import AuthenticatedRoute, Caller
from taskapi.framework import Request, Response
from taskapi.http import create_app, lambda_handler
from taskapi.listing import listing

app = create_app(AuthenticatedRoute)


@app.get("/api/{user_id}/tasks")
async def list_tasks(request: Request, caller: Caller) -> Response:
    return answers.many(tasks.list_page(caller, listing(request)), request)


handler = lambda_handler(app, connected)
