"""GET /api/{user_id}/tasks: list the caller's tasks, a page at a time."""

from typing import Annotated

from taskapi.early import connected
from taskapi import answers, tasks
from taskapi.auth import AuthenticatedRoute, Caller
from taskapi.framework import Query, Request, Response
from taskapi.http import create_app, lambda_handler
from taskapi.tasks import Listing

app = create_app(AuthenticatedRoute)


@app.get("/api/{user_id}/tasks")
async def list_tasks(
    request: Request, caller: Caller, asked: Annotated[Listing, Query()]
) -> Response:
    return answers.many(tasks.list_page(caller, asked), request)


handler = lambda_handler(app, connected)
