"""Call the API in a test: handlers get API Gateway's events.

With API_URL, requests go to a deployed API over HTTP instead (ops/rehearsal).
"""

import base64
import os
import re
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Unpack
from urllib.parse import quote, urlencode, urlsplit

import pytest

from local import direct
from local.direct import Answer, UserRequest, user_event
from ops.web import Server

API_URL = os.environ.get("API_URL")


def invoke(function: str, sent: dict[str, Any]) -> Answer:
    """Return the function's response to an event."""
    return ask(API_URL, sent) if API_URL else direct.invoke(function, sent)


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
        self, function: str, id: object = None, **request: Unpack[UserRequest]
    ) -> Answer:
        """Send what `user_event` makes of these arguments."""
        return invoke(function, user_event(self.user_id, function, id, **request))

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
