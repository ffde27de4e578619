"""GET /api/{user_id}/tasks/summary: count the caller's tasks."""

from typing import Annotated

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Request, Response
from taskapi.tasks.summary import RULES, SummaryQuery, summarize
from taskapi.web.answer_tags import NOT_MODIFIED, answer_or_304, known_answers
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors, ref, response
from taskapi.web.handler import lambda_handler
from taskapi.web.parameters import IfNoneMatch
from taskapi.web.validation import parse_query

app = create_app(AuthenticatedRoute)


@app.get(
    "/api/{user_id}/tasks/summary",
    responses=response(200, "The counts.", ref("Summary"), "ETag")
    | NOT_MODIFIED
    | errors(invalid_query=("time_zone", RULES["time_zone"])),
)
async def summarize_tasks(
    request: Annotated[Request, SummaryQuery],
    caller: Caller,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """How many tasks are pending, completed, overdue and due today, and how many
    pending ones have each priority and tag. `time_zone` says when today is. A task that
    was due at a time earlier today is both overdue and due today.

    With the `ETag` in `If-None-Match`, the answer is a 304 until a count changes.
    """
    query = parse_query(request, SummaryQuery, RULES)
    known = known_answers(request, if_none_match)
    change, until, summary = summarize(caller, query, known)
    return answer_or_304(request, [change, until], summary)


handler = lambda_handler(app, wait_until_connected)
