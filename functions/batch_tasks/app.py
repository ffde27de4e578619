"""POST /api/{user_id}/tasks/batch: make up to 100 changes together."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.tasks.batch import Batch, run_batch
from taskapi.web.app import create_app
from taskapi.web.authenticated import Caller
from taskapi.web.batch import BODIES, RESPONSES, BatchRoute
from taskapi.web.handler import lambda_handler
from taskapi.web.responses import json_response

app = create_app(BatchRoute)


@app.post(
    "/api/{user_id}/tasks/batch",
    responses=RESPONSES,
    openapi_extra=BODIES,
)
async def batch_tasks(batch: Batch, caller: Caller) -> Response:
    """The operations are carried out in order and committed together, in one round trip
    to the database. Each result has the status and the error that the operation's own
    route would give; a 404 or 412 of one doesn't stop the others. If the batch itself
    fails (a 409, 422 or 503), nothing is changed, unless a 503 says that this isn't
    known. A batch whose creates have keys and whose other operations have `if_match`
    can be sent again safely.
    """
    return json_response({"results": run_batch(caller, batch["operations"])})


handler = lambda_handler(app, wait_until_connected)
