"""DELETE /api/{user_id}/trash: remove the caller's deleted tasks for good."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.tasks.trash import empty
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import response
from taskapi.web.handler import lambda_handler
from taskapi.web.task_responses import no_content

app = create_app(AuthenticatedRoute)


@app.delete(
    "/api/{user_id}/trash",
    status_code=204,
    responses=response(204, "The trash is empty."),
)
async def empty_trash(caller: Caller) -> Response:
    """Nothing of these tasks remains but their ids, for clients that keep a copy."""
    empty(caller)
    return no_content()


handler = lambda_handler(app, wait_until_connected)
