"""GET /api/{user_id}/tasks: list the caller's tasks, a page at a time."""

from taskapi.cold_start.preconnect import wait_until_connected
from taskapi.cold_start.framework import Response
from taskapi.tasks import statements as tasks
from taskapi.tasks.list_query import ListRequest, listing
from taskapi.web.authenticated import AuthenticatedRoute, Caller
from taskapi.web.documentation import errors
from taskapi.web.handler import create_app, lambda_handler
from taskapi.web.task_responses import PAGE, list_response

app = create_app(AuthenticatedRoute)


@app.get("/api/{user_id}/tasks", responses=PAGE | errors(invalid="limit"))
async def list_tasks(request: ListRequest, caller: Caller) -> Response:
    """A page of tasks, newest first unless `sort` and `order` say otherwise. Where
    there is more, `Link` has the next page. Of a parameter that is sent twice, the last
    counts; unknown ones are ignored.
    """
    return list_response(tasks.list_page(caller, listing(request)), request)


handler = lambda_handler(app, wait_until_connected)
