"""Turn HTTP requests into payload 2.0 events, and results of functions into answers.

The format: https://docs.aws.amazon.com/apigateway/latest/developerguide/
http-api-develop-integrations-lambda.html. Details that this page doesn't specify are
taken from events of a live HTTP API (hotsock/voker, vokerhttp/testdata).
"""

import base64
import binascii
import json
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.requests import Request

from local.routes import Match

Headers = Sequence[tuple[str, str]]

ACCOUNT = "123456789012"
API = "local"

# For one connection only; a gateway removes them (RFC 9110, section 7.6.1).
HOP_BY_HOP = {
    "connection",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
# As a live HTTP API does (ministackorg/ministack, pull request 766). All other types
# arrive in base64, also forms and bodies without a type.
TEXT_TYPES = ("application/json", "application/javascript", "application/xml")


class BadPath(Exception):
    """The path has a malformed escape, after decoding it once or twice."""


class MalformedAnswer(Exception):
    """A function returned something that isn't an answer in the payload 2.0 format."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Headers
    body: bytes = b""
    hint: str = ""
    """What `make run` prints about it, for the developer alone."""


def gateway_answer(status: int, message: str) -> Answer:
    """Return an answer that API Gateway gives itself, without a function."""
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return Answer(status, [("content-type", "application/json")], body)


def new_request_id() -> str:
    """Return an id like API Gateway's: 11 bytes in base64, such as ATfSmjLgPHcESJw=."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def decode_path(raw_path: bytes) -> str:
    """Return the path that API Gateway routes by and calls rawPath.

    API Gateway decodes it twice. A question mark in the once decoded path ends it.
    Raise `BadPath` for a malformed escape, which is a 400. Seen on a live HTTP API:
    hotsock/voker, vokerhttp/testdata/ingress-paths.json (`%252F` arrives as `/`,
    `%25done` is refused).
    """
    once = unquote_strictly(raw_path).split(b"?")[0]
    return unquote_strictly(once).decode(errors="replace")


def unquote_strictly(path: bytes) -> bytes:
    if re.search(rb"%(?![0-9A-Fa-f]{2})", path):
        raise BadPath
    return unquote_to_bytes(path)


def http_event(
    request: Request, body: bytes, match: Match, path: str, request_id: str
) -> dict[str, object]:
    now = time.time()
    query = request.scope["query_string"].decode("latin-1")
    headers, cookies = event_headers(request, len(body))
    domain = headers["host"].rsplit(":", 1)[0]
    event: dict[str, object] = {
        "version": "2.0",
        "routeKey": match.route.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API,
            "domainName": domain,
            "domainPrefix": domain.split(".")[0],
            "http": {
                "method": request.method,
                "path": path,
                "protocol": f"HTTP/{request.scope['http_version']}",
                "sourceIp": source_ip(request),
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": match.route.key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if parameters := join_repeated(parse_qsl(query, keep_blank_values=True)):
        event["queryStringParameters"] = parameters
    if match.path_parameters:
        event["pathParameters"] = match.path_parameters
    if body:
        event |= encode_body(body, headers.get("content-type", ""))
    return event


def event_headers(request: Request, length: int) -> tuple[dict[str, str], list[str]]:
    """Return the client's headers with those that the gateway adds, and the cookies."""
    sent = request.headers.items()
    cookies = [
        cookie.strip()
        for name, value in sent
        if name == "cookie"
        for cookie in value.split(";")
    ]
    headers = join_repeated(
        (name, value)
        for name, value in sent
        if name not in HOP_BY_HOP and name != "cookie"
    )
    forwarded = headers.get("x-forwarded-for")
    client = source_ip(request)
    headers |= {
        "content-length": str(length),
        "host": headers.get("host", "127.0.0.1"),
        "x-amzn-trace-id": f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}",
        "x-forwarded-for": f"{forwarded}, {client}" if forwarded else client,
        "x-forwarded-port": str(request.scope["server"][1]),
        "x-forwarded-proto": request.scope["scheme"],
    }
    return headers, cookies


def source_ip(request: Request) -> str:
    return request.client.host if request.client else "127.0.0.1"


def join_repeated(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def encode_body(body: bytes, content_type: str) -> dict[str, object]:
    media_type = content_type.split(";")[0].strip().lower()
    if media_type.startswith("text/") or media_type in TEXT_TYPES:
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def function_answer(result: object) -> Answer:
    """Return the answer that API Gateway makes of a function's result.

    Raise `MalformedAnswer` if it can't make one.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        text = result if isinstance(result, str) else json.dumps(result)
        return Answer(200, [("content-type", "application/json")], text.encode())
    status = parse_status(result["statusCode"])
    headers = answer_headers(result)
    body = answer_body(result)
    if body and not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    return Answer(status, headers, b"" if status in (204, 304) else body)


def parse_status(value: object) -> int:
    if not re.fullmatch(r"[2-5]\d\d", str(value)):
        raise MalformedAnswer(f"statusCode is {value!r}")
    return int(str(value))


def answer_headers(result: Mapping[str, object]) -> list[tuple[str, str]]:
    headers = get_field(result, "headers", {})
    cookies = get_field(result, "cookies", [])
    if not isinstance(headers, dict) or not isinstance(cookies, list):
        raise MalformedAnswer("headers is no object, or cookies no array")
    pairs = [(name.lower(), header_text(value)) for name, value in headers.items()]
    kept = [
        (name, value)
        for name, value in pairs
        if name not in HOP_BY_HOP and name != "content-length"
    ]
    return kept + [("set-cookie", header_text(cookie)) for cookie in cookies]


def get_field(result: Mapping[str, object], name: str, default: object) -> object:
    """Return a field of the result, or default if it is missing or null."""
    value = result.get(name)
    return default if value is None else value


def header_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float) or re.search(r"[\0\r\n]", str(value)):
        raise MalformedAnswer(f"a header can't be {value!r}")
    return str(value)


def answer_body(result: Mapping[str, object]) -> bytes:
    body = get_field(result, "body", "")
    if not isinstance(body, str):
        raise MalformedAnswer("body is no string")
    if not result.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise MalformedAnswer(f"body is no base64: {error}") from error
