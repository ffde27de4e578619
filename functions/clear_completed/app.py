"""DELETE /api/{user_id}/tasks: delete the caller's completed tasks."""

from typing import Annotated

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Request, Response
from taskapi.tasks.clear import LISTS, RULES, ClearQuery, clear
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors, response
from taskapi.web.handler import lambda_handler
from taskapi.web.responses import json_response
from taskapi.web.validation import parse_query

app = create_app(AuthenticatedRoute)

COUNT = {
    "type": "object",
    "required": ["deleted"],
    "additionalProperties": False,
    "properties": {"deleted": {"type": "integer", "minimum": 0}},
}
CLEARED = response(
    200, "How many are in the trash now.", COUNT, examples={"three": {"deleted": 3}}
)


@app.delete(
    "/api/{user_id}/tasks",
    responses=CLEARED | errors(invalid_query=("status", RULES["status"])),
)
async def clear_completed(
    request: Annotated[Request, ClearQuery], caller: Caller
) -> Response:
    """Only with `status=completed`, so that nobody deletes all tasks by mistake. The
    tasks are in the trash.
    """
    parse_query(request, ClearQuery, RULES, LISTS)
    return json_response({"deleted": clear(caller)})


handler = lambda_handler(app, wait_until_connected)
