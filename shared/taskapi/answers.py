"""The answers that hold tasks, with the headers that belong to them."""

from urllib.parse import parse_qsl, urlencode

from fastapi import Request, Response

from taskapi.etags import matches
from taskapi.http import encoded, json_response
from taskapi.tasks import Page, Task


def one(task: Task) -> Response:
    """Return 200 with the task and its ETag."""
    return json_response(task.public(), headers={"etag": task.etag})


def one_unless(task: Task, if_none_match: str | None) -> Response:
    """Return 304 where the caller has this version already, else as one()."""
    if matches(if_none_match, task.etag):
        return Response(status_code=304, headers={"etag": task.etag})
    return one(task)


def created(task: Task, replayed: bool) -> Response:
    """Return 201 with the task, where it is, and whether this is a replay."""
    headers = {
        "location": f"/api/{encoded(task.user_id)}/tasks/{task.id}",
        "etag": task.etag,
    }
    if replayed:
        headers["idempotent-replayed"] = "true"
    return json_response(task.public(), 201, headers)


def deleted() -> Response:
    """Return 204."""
    return Response(status_code=204)


def many(page: Page, request: Request) -> Response:
    """Return 200 with the tasks, and the Link to the next page where there is one."""
    headers = {}
    if page.cursor is not None:
        query = parse_qsl(request.scope["query_string"].decode(), True)
        kept = [(name, value) for name, value in query if name != "cursor"]
        next_page = urlencode([*kept, ("cursor", page.cursor)])
        headers["link"] = f'<{request.scope["path"]}?{next_page}>; rel="next"'
    return json_response([task.public() for task in page.tasks], headers=headers)
