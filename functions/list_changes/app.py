"""GET /api/{user_id}/tasks/changes: list what has changed, for clients with a copy."""

from typing import Annotated

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Request, Response
from taskapi.errors import TokenExpired
from taskapi.tasks import change_feed
from taskapi.tasks.change_feed import RULES, ChangesQuery
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors, ref, response
from taskapi.web.handler import lambda_handler
from taskapi.web.responses import json_response
from taskapi.web.validation import parse_query

app = create_app(AuthenticatedRoute)


@app.get(
    "/api/{user_id}/tasks/changes",
    responses=response(200, "A page of changes.", ref("Changes"))
    | errors(TokenExpired, invalid_query=("since", RULES["since"])),
)
async def list_changes(
    request: Annotated[Request, ChangesQuery], caller: Caller
) -> Response:
    """Without `since`, all tasks, a page at a time. While `more` is true, ask again at
    once with the `token`; then keep the token, and ask with it later for what has
    changed. A client that applies all changes in order has exactly what a list returns.

    A task that was written several times appears once, as it is now. Deletions are
    reported for 30 days; the answer to an older token, or to one of another user or
    database, is a 410: start again without `since`.
    """
    query = parse_query(request, ChangesQuery, RULES)
    return json_response(change_feed.list_changes(caller, query))


handler = lambda_handler(app, wait_until_connected)
