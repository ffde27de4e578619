"""The events that invoke a function: which are the API's, and what they hold.

An HTTP API sends payload format 2.0; anybody else may invoke a function with any JSON.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import quote

if TYPE_CHECKING:
    from mangum.types import Scope

HEADERS_READ = frozenset(
    {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match"}
)
"""What functions are given of a request's headers; browsers and proxies add twenty.

FastAPI reads all of them again for each header that an operation takes: with twenty,
a fifth of a request.
"""

HEADERS_OF_FASTAPI = HEADERS_READ - {"content-type"}
"""FastAPI isn't given the Content-Type: body.check_declared() checks it."""

T = TypeVar("T")


class GatewayRequest(NamedTuple):
    """A request to this API."""

    route: str
    request_id: str
    correlation_id: str
    scope: "Scope"
    body: bytes


class ForeignEvent(Exception):
    """Not an event of this API's gateway; the message says where it differs."""


def read_event(event: object, routes: Collection[str]) -> GatewayRequest:
    """Return the request in an event; raise ForeignEvent where there is none.

    routes: the route keys that the function serves.

    The path comes from where API Gateway has put it, and is percent-encoded until it
    is used: Mangum would decode it once more, and misread a "%" or "/" in a user id.
    """
    if not isinstance(event, dict):
        raise ForeignEvent(f"the event is {type_name(event)}, not an object")
    route = field(event, str, "routeKey")
    if route not in routes:
        raise ForeignEvent("routeKey is another route")
    if field(event, str, "version", default="2.0") != "2.0":
        raise ForeignEvent("version is not 2.0")
    if "routeArn" in event:
        raise ForeignEvent("it is for a Lambda authorizer of the route")
    method, _, path = route.partition(" ")
    if field(event, str, "requestContext", "http", "method") != method:
        raise ForeignEvent("requestContext.http.method is not the route's")
    request_id = field(event, str, "requestContext", "requestId")
    if not re.fullmatch(r"[\x20-\x7e]{1,256}", request_id):
        raise ForeignEvent("requestContext.requestId is not an id")
    query = field(event, str, "rawQueryString", default="")
    sent = field(event, dict, "headers", default={})
    if not all(isinstance(value, str) for value in sent.values()):
        raise ForeignEvent("headers has a value that is not text")
    # Two names that differ in case alone stay two headers, as API Gateway joins them.
    lowered = [(name.lower(), value) for name, value in sent.items()]
    headers = dict(lowered)
    return GatewayRequest(
        route,
        request_id,
        correlation_id(headers) or request_id,
        {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": path.format_map(PathParameters(event)),
            "root_path": "",
            "query_string": query.encode(errors="replace"),
            "headers": [
                (name.encode(), value.encode(errors="replace"))
                for name, value in lowered
                if name in HEADERS_OF_FASTAPI
            ],
            "client": None,
            "server": None,
            "state": {
                "content_type": headers.get("content-type", ""),
                "content_encoding": headers.get("content-encoding", ""),
            },
        },
        body_of(event),
    )


class PathParameters(dict[str, str]):
    """What stands in an event's path, percent-encoded."""

    def __init__(self, event: Mapping[str, object]) -> None:
        self._event = event

    def __missing__(self, name: str) -> str:
        value = field(self._event, str, "pathParameters", name)
        if not value:
            raise ForeignEvent(f"pathParameters.{name} is empty")
        return encoded(value)


def body_of(event: Mapping[str, object]) -> bytes:
    """Return the body as it was sent."""
    # Emulators send null where API Gateway sends no body.
    if event.get("body") is None:
        return b""
    body = field(event, str, "body")
    if not field(event, bool, "isBase64Encoded", default=False):
        return body.encode(errors="surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:
        raise ForeignEvent("body is not base64") from error


def field(
    event: Mapping[str, object], kind: type[T], *path: str, default: T | None = None
) -> T:
    """Return the field at path, which is of this kind; raise ForeignEvent.

    default: for a field that is missing.
    """
    value: object = event
    for name in path:
        if not isinstance(value, dict) or name not in value:
            if default is not None:
                return default
            raise ForeignEvent(f"{'.'.join(path)} is missing")
        value = value[name]
    if not isinstance(value, kind):
        raise ForeignEvent(f"{'.'.join(path)} is {type_name(value)}")
    return value


def type_name(value: object) -> str:
    """Return what JSON calls the type of value."""
    names = {dict: "an object", list: "an array", str: "text", bool: "a boolean"}
    names |= {int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value), "no JSON")


def correlation_id(headers: Mapping[str, str]) -> str | None:
    """Return the X-Correlation-Id of a caller that follows its calls."""
    sent = headers.get("x-correlation-id", "")
    return sent if re.fullmatch(r"[\w.:/+=-]{1,128}", sent, re.ASCII) else None


def encoded(value: str) -> str:
    """Return value percent-encoded, fit for one path segment."""
    return quote(value, safe="", errors="replace")
