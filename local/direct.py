"""Call the functions directly: in this process, with events, without HTTP.

Tests and benchmarks do this. `make run` has an environment for each (pool.py).
"""

import base64
import importlib
import json
import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypedDict, Unpack
from urllib.parse import urlencode

import jwt

from local.template import load_template
from local.tokens import ROOT

SECRET = os.environ.get("API_SECRET", "a secret for the tests, of more than 32 bytes")

ROUTES = {
    function.folder.name: min(route.key for route in function.routes)
    for function in load_template(ROOT / "template.yaml").functions
}
"""A route of each function; of several, the first in alphabetical order."""


@dataclass(frozen=True)
class Answer:
    """The response of a function."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:  # noqa: ANN401
        return json.loads(self.text)


def token(user_id: str, **claims: object) -> str:
    """Return a token like those of Better Auth with a custom jwt.sign."""
    now = int(time.time())
    origin = "http://localhost:3000"
    issued = {"sub": user_id, "iat": now, "exp": now + 900, "iss": origin}
    return jwt.encode(issued | {"aud": origin} | claims, SECRET, "HS256")


def event(
    route: str,
    *,
    path: dict[str, str] | None = None,
    query: Mapping[str, str] | str = "",
    headers: Mapping[str, str] | None = None,
    body: str | bytes | None = None,
) -> dict[str, Any]:
    """Return the payload 2.0 event of a request (AWS's developer guide for HTTP APIs).

    path: the decoded path parameters.
    """
    method, _, template = route.partition(" ")
    raw_path = template.format_map(path or {})
    built: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": raw_path,
        "rawQueryString": query if isinstance(query, str) else urlencode(query),
        "headers": {"host": "api.example.com", **(headers or {})},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.example.com",
            "http": {
                "method": method,
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "tests",
            },
            "requestId": uuid.uuid4().hex,
            "routeKey": route,
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "isBase64Encoded": isinstance(body, bytes),
    }
    if path:
        built["pathParameters"] = path
    if isinstance(body, bytes):
        built["body"] = base64.b64encode(body).decode()
    elif body is not None:
        built["body"] = body
    return built


class UserRequest(TypedDict, total=False):
    """The parts of a user's request besides its path."""

    method: str | None
    """If the function has several."""
    query: Mapping[str, str] | str
    headers: Mapping[str, str] | None
    json_body: object
    body: str | bytes | None


def user_event(
    user_id: str, function: str, id: object = None, **request: Unpack[UserRequest]
) -> dict[str, Any]:
    """Return the event of a user's request, with a valid token.

    id: of the task, if the path has one.
    """
    route = ROUTES[function]
    if method := request.get("method"):
        route = f"{method} {route.partition(' ')[2]}"
    path = {"user_id": user_id}
    if id is not None:
        path["task_id"] = str(id)
    body = request.get("body")
    if (value := request.get("json_body")) is not None:
        body = json.dumps(value)
    headers = {"authorization": f"Bearer {token(user_id)}"}
    if body is not None:
        headers["content-type"] = "application/json"
    headers |= request.get("headers") or {}
    query = request.get("query", "")
    return event(route, path=path, query=query, headers=headers, body=body)


CONTEXT = SimpleNamespace(
    function_name="test",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:test",
    aws_request_id="test",
    get_remaining_time_in_millis=lambda: 300_000,
)


def invoke(function: str, sent: dict[str, Any]) -> Answer:
    """Return the handler's response to an event; both go through JSON, as in Lambda."""
    handler = importlib.import_module(f"functions.{function}.app").handler
    response = json.loads(json.dumps(handler(json.loads(json.dumps(sent)), CONTEXT)))
    return Answer(response["statusCode"], response["headers"], response["body"])
