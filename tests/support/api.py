"""Call the API in a test: handlers get API Gateway's events.

With API_URL, requests go to a deployed API over HTTP instead (ops/rehearsal).
"""

import base64
import importlib
import json
import os
import re
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import jwt
import pytest

from local.template import load_template
from ops.web import Server

API_URL = os.environ.get("API_URL")
SECRET = os.environ.get("API_SECRET", "a secret for the tests, of more than 32 bytes")

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
ROUTES = {
    function.folder.name: min(route.key for route in function.routes)
    for function in load_template(TEMPLATE).functions
}
"""A route of each function; of several, the first in alphabetical order."""


@dataclass(frozen=True)
class Answer:
    """The response of a function."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
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
    query: dict[str, str] | str = "",
    headers: dict[str, str] | None = None,
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


CONTEXT = SimpleNamespace(
    function_name="test",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:test",
    aws_request_id="test",
    get_remaining_time_in_millis=lambda: 300_000,
)


def invoke(function: str, sent: dict[str, Any]) -> Answer:
    """Return the handler's response to an event; both go through JSON, as in Lambda."""
    if API_URL:
        return ask(API_URL, sent)
    handler = importlib.import_module(f"functions.{function}.app").handler
    response = json.loads(json.dumps(handler(json.loads(json.dumps(sent)), CONTEXT)))
    return Answer(response["statusCode"], response["headers"], response["body"])


def ask(url: str, sent: dict[str, Any]) -> Answer:
    """Send an event as an HTTP request; skip the test if HTTP can't carry it."""
    text = "".join((sent["rawQueryString"], *sent["headers"].values()))
    path = sent.get("pathParameters", {})
    if not re.fullmatch(r"[ -~]*", text) or re.search("[/%?]", "".join(path.values())):
        pytest.skip("not as HTTP")
    query = f"?{sent['rawQueryString']}" if sent["rawQueryString"] else ""
    headers = {name: each for name, each in sent["headers"].items() if name != "host"}
    body = sent.get("body", "")
    content = base64.b64decode(body) if sent["isBase64Encoded"] else body.encode()
    with closing(Server(urlsplit(url))) as server:
        answer = server.send(
            sent["requestContext"]["http"]["method"],
            quote(sent["rawPath"], safe="/") + query,
            headers,
            content=content or None,
        )
    received = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status, received, answer.body.decode())


@dataclass(frozen=True)
class Client:
    """One user's requests, with a valid token."""

    user_id: str

    def send(
        self,
        function: str,
        id: object = None,
        *,
        json_body: object = None,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | str = "",
        body: str | bytes | None = None,
    ) -> Answer:
        route = ROUTES[function]
        if method:
            route = f"{method} {route.partition(' ')[2]}"
        path = {"user_id": self.user_id}
        if id is not None:
            path["task_id"] = str(id)
        sent = {"authorization": f"Bearer {token(self.user_id)}"}
        if json_body is not None:
            body = json.dumps(json_body)
        if body is not None:
            sent["content-type"] = "application/json"
        sent |= headers or {}
        return invoke(
            function, event(route, path=path, query=query, headers=sent, body=body)
        )

    def pages(self, **query: object) -> list[dict[str, Any]]:
        """Return all tasks of a list, by following its links to the end."""
        listed: list[dict[str, Any]] = []
        following = urlencode(query)
        while True:
            answer = self.send("list_tasks", query=following)
            assert answer.status == 200, answer.text
            listed += answer.json
            if "link" not in answer.headers:
                return listed
            link = re.fullmatch(r'<[^?]*[?](.*)>; rel="next"', answer.headers["link"])
            assert link
            following = link[1]

    def create(self, title: str = "Buy groceries", **fields: Any) -> dict[str, Any]:
        """Create a task and return it."""
        answer = self.send("create_task", json_body={"title": title, **fields})
        assert answer.status == 201, answer.text
        created: dict[str, Any] = answer.json
        return created
