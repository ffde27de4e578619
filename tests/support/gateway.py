"""The gateway of `make run` in this process, and a plain HTTP client."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from local.gateway import INTEGRATION_TIMEOUT, Gateway, server_config


@dataclass(frozen=True)
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str | None:
        values = [value for header, value in self.headers if header == name]
        return ", ".join(values) if values else None

    @property
    def json(self) -> dict[str, object]:
        content: dict[str, object] = json.loads(self.body)
        return content


@dataclass(frozen=True)
class Client:
    """Sends paths and headers exactly as they are given."""

    port: int

    def __call__(
        self,
        method: str,
        path: str,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            chunked = any(name == "Transfer-Encoding" for name, _ in headers)
            if body and not chunked:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            names = [(name.lower(), value) for name, value in response.getheaders()]
            return Reply(response.status, names, response.read())
        finally:
            connection.close()


@contextmanager
def serving(
    project: Path, integration_timeout: float = INTEGRATION_TIMEOUT
) -> Iterator[Client]:
    """Serve `project` on a free port, as `make run` does."""
    server = uvicorn.Server(server_config(Gateway(project, integration_timeout)))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield Client(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()


Project = Callable[..., Path]


TEMPLATE = """
Resources:
  It:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/it
      Handler: app.handler
      Timeout: {timeout}
      Events:
        Api: {{Type: HttpApi, Properties: {{Path: {path}, Method: ANY}}}}
"""
