"""DELETE /api/{user_id}: delete everything that is stored for the caller."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.tasks.erase import erase
from taskapi.web.app import create_app
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import response
from taskapi.web.handler import lambda_handler
from taskapi.web.task_responses import no_content

app = create_app(AuthenticatedRoute)


@app.delete(
    "/api/{user_id}",
    status_code=204,
    responses=response(204, "Nothing is stored for the caller."),
)
async def erase_user(caller: Caller) -> Response:
    """Tasks, trash and idempotency keys, in one transaction. The answer is the same if
    nothing was stored.
    """
    erase(caller)
    return no_content()


handler = lambda_handler(app, wait_until_connected)
