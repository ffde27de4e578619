"""GET /api/{user_id}/tasks: list the caller's tasks, a page at a time."""

from taskapi.early import connected
from taskapi import answers, tasks
from taskapi.auth import AuthenticatedRoute, Caller
from taskapi.framework import Request, Response
from taskapi.http import create_app, lambda_handler
from taskapi.params import Cursor, Limit, Search
from taskapi.tasks import Order, Sort, Status

app = create_app(AuthenticatedRoute)


@app.get("/api/{user_id}/tasks")
async def list_tasks(
    request: Request,
    caller: Caller,
    status: Status = "all",
    search: Search | None = None,
    sort: Sort = "created",
    order: Order | None = None,
    limit: Limit = 200,
    cursor: Cursor | None = None,
) -> Response:
    page = tasks.list_page(
        caller,
        status=status,
        search=search,
        sort=sort,
        order=order,
        limit=limit,
        cursor=cursor,
    )
    return answers.many(page, request)


handler = lambda_handler(app, connected)
