"""GET /api/{user_id}/tasks: list the caller's tasks, a page at a time."""

from typing import Annotated

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Request, Response
from taskapi.tasks.list_query import LISTS, RULES, Listing
from taskapi.tasks.lists import list_page
from taskapi.web.answer_tags import known_answers
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors
from taskapi.web.handler import lambda_handler
from taskapi.web.list_response import PAGE_OR_304, page_or_304
from taskapi.web.parameters import IfNoneMatch
from taskapi.web.validation import parse_query

app = create_app(AuthenticatedRoute)


@app.get(
    "/api/{user_id}/tasks",
    responses=PAGE_OR_304 | errors(invalid_query=("limit", RULES["limit"])),
)
async def list_tasks(
    request: Annotated[Request, Listing],
    caller: Caller,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A page of tasks, newest first unless `sort` and `order` say otherwise. Where
    there is more, `Link` has the next page: send a request to it as it is. `priority`
    and `tags` may be repeated; of any other parameter that is sent twice, the last
    counts. Unknown ones are ignored.

    The `ETag` changes with every write of this user. With it in `If-None-Match`, the
    answer is a 304 until then.
    """
    query = parse_query(request, Listing, RULES, LISTS)
    known = known_answers(request, if_none_match)
    return page_or_304(list_page(caller, query, known), request)


handler = lambda_handler(app, wait_until_connected)
