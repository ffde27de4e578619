"""HTTP for the checks: return every answer as it came, whatever its status."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult

from taskapi.settings.urls import is_loopback

TIMEOUT = 35.0
"""Seconds; API Gateway answers within 30."""


class Unreachable(Exception):
    """No answer came; the message has the address and the reason."""


@dataclass(frozen=True)
class Answer:
    """The response to a request."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The body's JSON, None if it isn't JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def is_this_machine(host: str) -> bool:
    """Return whether host can only be this machine (RFC 6761, section 6.3)."""
    return is_loopback(host) or host.endswith(".localhost")


class Server:
    """One connection to a server, opened again if it was closed."""

    def __init__(self, url: SplitResult) -> None:
        kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
        self._name = f"{url.scheme}://{url.netloc}"
        self._host = url.netloc.rpartition("@")[2]
        host = url.hostname or ""
        # Resolvers don't have to know these names.
        host = "localhost" if host.endswith(".localhost") else host
        self._connection = kind(host, url.port, timeout=TIMEOUT)

    def send(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: object = None,
        content: bytes | None = None,
    ) -> Answer:
        """Return the answer; raise Unreachable. body is sent as JSON, content as is."""
        headers = {"host": self._host} | headers
        if body is not None:
            content = json.dumps(body).encode()
            headers |= {"content-type": "application/json"}
        try:
            self._connection.request(method, path, content, headers)
            response = self._connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except (OSError, HTTPException) as error:
            self._connection.close()
            reason = " ".join(str(error).split()) or type(error).__name__
            raise Unreachable(f"{self._name} can't be reached: {reason}") from error

    def close(self) -> None:
        self._connection.close()
