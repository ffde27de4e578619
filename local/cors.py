"""CORS as API Gateway does it for an HTTP API.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from starlette.requests import Request

from local.events import Headers
from local.origins import PAGE_OF_THIS_MACHINE
from local.template import Cors


def is_preflight(request: Request) -> bool:
    names = ("origin", "access-control-request-method")
    return request.method == "OPTIONS" and all(n in request.headers for n in names)


def preflight_headers(cors: Cors, origin: str) -> Headers:
    """Return the headers of API Gateway's answer to a preflight, whatever its path."""
    allowed = origin_headers(cors, origin)
    if not allowed:
        return []
    max_age = "" if cors.max_age is None else str(cors.max_age)
    configured = (
        ("access-control-allow-methods", ",".join(cors.allow_methods)),
        ("access-control-allow-headers", ",".join(cors.allow_headers)),
        ("access-control-max-age", max_age),
    )
    return [*allowed, *((name, value) for name, value in configured if value)]


def response_headers(cors: Cors, origin: str) -> Headers:
    """Return the headers that API Gateway adds to any other answer."""
    allowed = origin_headers(cors, origin)
    if not allowed or not cors.expose_headers:
        return allowed
    exposed = ",".join(cors.expose_headers)
    return [*allowed, ("access-control-expose-headers", exposed)]


def without_cors(headers: Headers) -> Headers:
    """Return the headers without a function's CORS headers.

    API Gateway ignores these if CORS is configured for the API.
    """
    return [pair for pair in headers if not pair[0].startswith("access-control-")]


def allows(cors: Cors, origin: str) -> bool:
    """Return whether a page of this origin may read answers."""
    if cors.allow_this_machine and PAGE_OF_THIS_MACHINE.fullmatch(origin):
        return True
    scheme = origin.split("://")[0]
    return bool({"*", origin, f"{scheme}://*"} & set(cors.allow_origins))


def origin_headers(cors: Cors, origin: str) -> Headers:
    if "*" in cors.allow_origins and not cors.allow_credentials:
        return [("access-control-allow-origin", "*")]
    if not allows(cors, origin):
        return []
    headers = [("access-control-allow-origin", origin), ("vary", "origin")]
    if cors.allow_credentials:
        headers.append(("access-control-allow-credentials", "true"))
    return headers
