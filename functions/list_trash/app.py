"""GET /api/{user_id}/trash: list the caller's deleted tasks, a page at a time."""

from typing import Annotated

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Request, Response
from taskapi.tasks.trash import RULES, TrashQuery, trash_page
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors, ref, response
from taskapi.web.handler import lambda_handler
from taskapi.web.next_page import next_page_link
from taskapi.web.responses import json_response
from taskapi.web.validation import parse_query

app = create_app(AuthenticatedRoute)

PAGE = response(
    200, "A page of tasks.", {"type": "array", "items": ref("DeletedTask")}, "Link"
)


@app.get(
    "/api/{user_id}/trash",
    responses=PAGE | errors(invalid_query=("limit", RULES["limit"])),
)
async def list_trash(
    request: Annotated[Request, TrashQuery], caller: Caller
) -> Response:
    """A page of the tasks that were deleted in the last 30 days, the latest deletion
    first. Where there is more, `Link` has the next page.
    """
    page = trash_page(caller, parse_query(request, TrashQuery, RULES))
    headers = {}
    if page.cursor is not None:
        headers["link"] = next_page_link(request, page.cursor, TrashQuery)
    return json_response(page.tasks, headers=headers)


handler = lambda_handler(app, wait_until_connected)
