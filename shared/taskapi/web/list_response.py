"""The response that holds a page of a list, and the link to the next page."""

from urllib.parse import quote, unquote_plus, urlencode

from taskapi.cold_start.framework import Request, Response
from taskapi.tasks.answer_tags import Known, answer_tag, parse_known
from taskapi.tasks.list_query import Listing
from taskapi.tasks.lists import Page
from taskapi.web.documentation import ref, response
from taskapi.web.responses import json_response

URI_CHARACTERS = "%!$'()*+,;:@/?=[]"
"""What a query may hold besides letters, digits and "-._~" (RFC 3986), and the brackets
that browsers don't encode."""

MAX_TARGET = 4096
"""Characters of a Link's path and query with all parameters; longer ones are shortened.

API Gateway takes 10,240 bytes of request line and headers, including the token:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

PAGE_OR_304 = response(
    200, "A page of tasks.", {"type": "array", "items": ref("Task")}, "Link", "ETag"
) | response(304, "The page is as If-None-Match has it.", None, "ETag")


def known_answers(request: Request, if_none_match: str | None) -> Known:
    """Return which answers to this request the caller has."""
    return parse_known(if_none_match, request.scope["query_string"])


def page_or_304(page: Page, request: Request) -> Response:
    """Return 200 with the tasks and, if there are more, the Link to the next page.

    Returns 304 if the caller has the page already.
    """
    tag = answer_tag([page.change], request.scope["query_string"])
    headers = {"etag": tag}
    if page.tasks is None:
        return Response(status_code=304, headers=headers)
    if page.cursor is not None:
        headers["link"] = f'<{next_page(request, page.cursor)}>; rel="next"'
    return json_response(page.tasks, headers=headers)


def next_page(request: Request, cursor: str) -> str:
    """Return the path and query of the next page.

    If that would be too long, the parameters that a list ignores are left out; the
    limits of the others keep it below 8 KB.
    """
    path, query = request.scope["path"], request.scope["query_string"].decode()
    target = f"{path}?{with_cursor(query, cursor)}"
    if len(target) <= MAX_TARGET:
        return target
    parameters = {
        name: value
        for name, value in request.query_params.items()
        if name in Listing.model_fields
    }
    return f"{path}?{urlencode(parameters | {'cursor': cursor})}"


def with_cursor(query: str, cursor: str) -> str:
    """Return query with this cursor, and every other parameter as it was sent.

    Characters that no URI has, such as the ">" that ends a link, are percent-encoded.
    """
    parameters = [
        quote(parameter, safe=URI_CHARACTERS)
        for parameter in query.split("&")
        if parameter and unquote_plus(parameter.partition("=")[0]) != "cursor"
    ]
    return "&".join([*parameters, f"cursor={cursor}"])
