"""The events that invoke a function: which ones are requests, and what is in them.

An HTTP API sends payload format 2.0. Anybody else who may invoke a function can send
any JSON.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from taskapi.strict_json import type_name

if TYPE_CHECKING:
    from mangum.types import Scope

T = TypeVar("T")


@dataclass(frozen=True)
class GatewayRequest:
    """A request to this API."""

    route: str
    request_id: str
    correlation_id: str
    scope: "Scope"
    body: bytes


class ForeignEvent(Exception):
    """The event isn't from this API's gateway; the message says where it differs."""


def read_event(
    event: object, routes: Collection[str], header_names: Collection[str]
) -> GatewayRequest:
    """Return the request in an event; raise ForeignEvent if there is none.

    routes: the route keys that the function serves.
    header_names: the headers that its operations take, in lower case. The app gets no
        others but Authorization: browsers and proxies send twenty.

    The path is built from the event's path parameters and stays percent-encoded. Mangum
    would decode the event's own path again and misread a "%" or "/" in a user id.
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
    is_text = request_id.isascii() and request_id.isprintable()
    if not is_text or not 1 <= len(request_id) <= 256:
        raise ForeignEvent("requestContext.requestId is not an id")
    query = field(event, str, "rawQueryString", default="")
    wanted = pick_headers(field(event, dict, "headers", default={}), header_names)
    # API Gateway joins headers of the same name, unless the names differ in case.
    headers = dict(wanted)
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
                for name, value in wanted
                if name in header_names or name == "authorization"
            ],
            "client": None,
            "server": None,
            "state": {
                "content_type": headers.get("content-type", ""),
                "content_encoding": headers.get("content-encoding", ""),
            },
        },
        event_body(event),
    )


READ_HERE = ("content-type", "content-encoding", "x-correlation-id")
"""Headers that read_event() reads for the app."""


def pick_headers(
    received: Mapping[str, object], names: Collection[str]
) -> list[tuple[str, str]]:
    """Return the headers that are read here or are in names, with lower-case names.

    Raises ForeignEvent if the value of any header isn't text.
    """
    picked = []
    for name, value in received.items():
        if not isinstance(value, str):
            raise ForeignEvent("headers has a value that is not text")
        lower = name.lower()
        if lower in names or lower == "authorization" or lower in READ_HERE:
            picked.append((lower, value))
    return picked


class PathParameters(dict[str, str]):
    """An event's path parameters, percent-encoded."""

    def __init__(self, event: Mapping[str, object]) -> None:
        self._event = event

    def __missing__(self, name: str) -> str:
        value = field(self._event, str, "pathParameters", name)
        if not value:
            raise ForeignEvent(f"pathParameters.{name} is empty")
        return percent_encode(value)


def event_body(event: Mapping[str, object]) -> bytes:
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
    """Return the field at path; raise ForeignEvent if it isn't of this kind.

    default: returned if the field is missing.
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


def correlation_id(headers: Mapping[str, str]) -> str | None:
    """Return the X-Correlation-Id that the caller sent, if it is a plain id."""
    value = headers.get("x-correlation-id")
    is_plain = value and re.fullmatch(r"[\w.:/+=-]{1,128}", value, re.ASCII)
    return value if is_plain else None


def percent_encode(value: str) -> str:
    """Return value percent-encoded, as one segment of a path."""
    return quote(value, safe="", errors="replace")
