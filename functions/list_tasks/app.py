"""GET /api/{user_id}/tasks: list the caller's tasks, a page at a time."""

from typing import Annotated

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Request, Response
from taskapi.tasks.list_query import RULES, Listing
from taskapi.tasks.lists import list_page
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors
from taskapi.web.handler import lambda_handler
from taskapi.web.list_response import PAGE, list_response
from taskapi.web.validation import parse_query

app = create_app(AuthenticatedRoute)


@app.get(
    "/api/{user_id}/tasks",
    responses=PAGE | errors(invalid_query=("limit", RULES["limit"])),
)
async def list_tasks(request: Annotated[Request, Listing], caller: Caller) -> Response:
    """A page of tasks, newest first unless `sort` and `order` say otherwise. Where
    there is more, `Link` has the next page. Of a parameter that is sent twice, the last
    counts; unknown ones are ignored.
    """
    query = parse_query(request, Listing, RULES)
    return list_response(list_page(caller, query), request)


handler = lambda_handler(app, wait_until_connected)
