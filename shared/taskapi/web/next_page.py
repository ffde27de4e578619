"""The link from a page of a list to the next one."""

from collections.abc import Collection
from urllib.parse import quote, unquote_plus, urlencode

from taskapi.cold_start.framework import BaseModel, Request
from taskapi.web.validation import query_values

URI_CHARACTERS = "%!$'()*+,;:@/?=[]"
"""What a query may hold besides letters, digits and "-._~" (RFC 3986), and the brackets
that browsers don't encode."""

MAX_TARGET = 4096
"""Characters of a Link's path and query with all parameters; longer ones are shortened.

API Gateway takes 10,240 bytes of request line and headers, including the token:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""


def next_page_link(
    request: Request, cursor: str, model: type[BaseModel], lists: Collection[str] = ()
) -> str:
    """Return the Link header that leads to the next page.

    model, lists: as parse_query() takes them.
    """
    return f'<{next_page(request, cursor, model, lists)}>; rel="next"'


def next_page(
    request: Request, cursor: str, model: type[BaseModel], lists: Collection[str]
) -> str:
    """Return the path and query of the next page.

    If that would be too long, the parameters that the model doesn't have are left out;
    the limits of the others keep it below 8 KB, but for tags of hundreds of emoji.
    """
    path, query = request.scope["path"], request.scope["query_string"].decode()
    target = f"{path}?{with_cursor(query, cursor)}"
    if len(target) <= MAX_TARGET:
        return target
    parameters = query_values(request, model, lists)
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
