"""The answers that hold tasks, with the headers that belong to them."""

from urllib.parse import quote, unquote_plus

from taskapi.etags import matches
from taskapi.framework import Request, Response
from taskapi.http import encoded, json_response
from taskapi.tasks import Page, Task, public

URI = "%!$'()*+,;:@/?=[]"
"""What a query may hold besides letters, digits and "-._~" (RFC 3986), and the brackets
that browsers let stand."""


def one(task: Task) -> Response:
    """Return 200 with the task and its ETag."""
    return json_response(public(task), headers={"etag": task.etag})


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
    return json_response(public(task), 201, headers)


def deleted() -> Response:
    """Return 204."""
    return Response(status_code=204)


def many(page: Page, request: Request) -> Response:
    """Return 200 with the tasks, and the Link to the next page where there is one."""
    headers = {}
    if page.cursor is not None:
        query = following(request.scope["query_string"].decode(), page.cursor)
        headers["link"] = f'<{request.scope["path"]}?{query}>; rel="next"'
    return json_response(list(map(public, page.rows)), headers=headers)


def following(query: str, cursor: str) -> str:
    """Return query with this cursor, and every other parameter as it was sent.

    What may not stand in a URI, and could end the link early, is percent-encoded.
    """
    kept = [
        quote(parameter, safe=URI)
        for parameter in query.split("&")
        if parameter and unquote_plus(parameter.partition("=")[0]) != "cursor"
    ]
    return "&".join([*kept, f"cursor={cursor}"])
