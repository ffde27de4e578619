"""The response that holds a page of a list, and the link to the next page."""

from urllib.parse import quote, unquote_plus, urlencode

from taskapi.cold_start.framework import Request, Response
from taskapi.tasks.list_query import LISTS, Listing
from taskapi.tasks.lists import Page
from taskapi.web.answer_tags import NOT_MODIFIED, answer_or_304
from taskapi.web.documentation import ref, response
from taskapi.web.validation import query_values

URI_CHARACTERS = "%!$'()*+,;:@/?=[]"
"""What a query may hold besides letters, digits and "-._~" (RFC 3986), and the brackets
that browsers don't encode."""

MAX_TARGET = 4096
"""Characters of a Link's path and query with all parameters; longer ones are shortened.

API Gateway takes 10,240 bytes of request line and headers, including the token:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

PAGE_OR_304 = (
    response(
        200, "A page of tasks.", {"type": "array", "items": ref("Task")}, "Link", "ETag"
    )
    | NOT_MODIFIED
)


def page_or_304(page: Page, request: Request) -> Response:
    """Return 200 with the tasks and, if there are more, the Link to the next page.

    Returns 304 if the caller has the page already.
    """
    answer = answer_or_304(request, [page.change], page.tasks)
    if page.cursor is not None:
        answer.headers["link"] = f'<{next_page(request, page.cursor)}>; rel="next"'
    return answer


def next_page(request: Request, cursor: str) -> str:
    """Return the path and query of the next page.

    If that would be too long, the parameters that a list ignores are left out; the
    limits of the others keep it below 8 KB, but for tags of hundreds of emoji.
    """
    path, query = request.scope["path"], request.scope["query_string"].decode()
    target = f"{path}?{with_cursor(query, cursor)}"
    if len(target) <= MAX_TARGET:
        return target
    parameters = query_values(request, Listing, LISTS)
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
