"""GET /api/{user_id}/tasks: list the caller's tasks, a page at a time."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Request, Response
from taskapi.tasks.list_query import RULES, Listing
from taskapi.tasks.lists import list_page
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.handler import lambda_handler
from taskapi.web.list_response import list_response
from taskapi.web.query import parse_query

app = create_app(AuthenticatedRoute)


@app.get("/api/{user_id}/tasks")
async def list_tasks(request: Request, caller: Caller) -> Response:
    query = parse_query(request, Listing, RULES)
    return list_response(list_page(caller, query), request)


handler = lambda_handler(app, wait_until_connected)
