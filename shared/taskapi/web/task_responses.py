"""The responses that hold tasks, and what openapi.json says of each."""

from urllib.parse import quote, unquote_plus, urlencode

from taskapi.cold_start.framework import Request, Response
from taskapi.tasks.etags import matches
from taskapi.tasks.statements import Page, Task, public
from taskapi.web.documentation import ref, response
from taskapi.web.event import encoded
from taskapi.web.handler import json_response

URI = "%!$'()*+,;:@/?=[]"
"""What a query may hold besides letters, digits and "-._~" (RFC 3986), and the brackets
that browsers don't encode."""

LONGEST_TARGET = 4096
"""Characters of a Link's path and query with all parameters; more are shortened.

API Gateway takes 10,240 bytes of request line and headers, a token among them:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

TASK = response(200, "The task.", ref("Task"), "ETag")


def task_response(task: Task) -> Response:
    """Return 200 with the task and its ETag."""
    return json_response(public(task), headers={"etag": task.etag})


TASK_OR_304 = TASK | response(304, "The task is as If-None-Match has it.", None, "ETag")


def task_or_304(task: Task, if_none_match: str | None) -> Response:
    """Return 304 where the caller has this version already, else as task_response()."""
    if matches(if_none_match, task.etag):
        return Response(status_code=304, headers={"etag": task.etag})
    return task_response(task)


CREATED = response(
    201, "The task.", ref("Task"), "ETag", "Location", "Idempotent-Replayed"
)


def created_response(task: Task, replayed: bool) -> Response:
    """Return 201 with the task, where it is, and whether this is a replay."""
    headers = {
        "location": f"/api/{encoded(task.user_id)}/tasks/{task.id}",
        "etag": task.etag,
    }
    if replayed:
        headers["idempotent-replayed"] = "true"
    return json_response(public(task), 201, headers)


DELETED = response(204, "The task is gone.")


def no_content() -> Response:
    """Return 204."""
    return Response(status_code=204)


PAGE = response(
    200, "A page of tasks.", {"type": "array", "items": ref("Task")}, "Link"
)


def list_response(page: Page, request: Request) -> Response:
    """Return 200 with the tasks, and the Link to the next page where there is one."""
    headers = {}
    if page.cursor is not None:
        headers["link"] = f'<{next_page(request, page.cursor)}>; rel="next"'
    return json_response(list(map(public, page.rows)), headers=headers)


def next_page(request: Request, cursor: str) -> str:
    """Return the path and query of the next page.

    Where that would be too long, the parameters that a list ignores are left out; the
    others have limits of their own, which keep it below 8 KB.
    """
    path, query = request.scope["path"], request.scope["query_string"].decode()
    target = f"{path}?{following(query, cursor)}"
    if len(target) <= LONGEST_TARGET:
        return target
    from taskapi.tasks.list_query import Listing

    known = request.query_params.items()
    kept = {name: value for name, value in known if name in Listing.model_fields}
    return f"{path}?{urlencode(kept | {'cursor': cursor})}"


def following(query: str, cursor: str) -> str:
    """Return query with this cursor, and every other parameter as it was sent.

    Characters that no URI has, such as the ">" that ends a link, are percent-encoded.
    """
    kept = [
        quote(parameter, safe=URI)
        for parameter in query.split("&")
        if parameter and unquote_plus(parameter.partition("=")[0]) != "cursor"
    ]
    return "&".join([*kept, f"cursor={cursor}"])
