"""The credentials of a container, which Lambda gives to functions with SnapStart."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.serving import serving

PATH = "/2021-06-01/credentials?v=1"


class Container:
    """Serves credentials on this machine, as it is told."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """keys: the credentials as variables."""
        self.given: object = {
            "AccessKeyId": keys["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
            "Token": keys["AWS_SESSION_TOKEN"],
            "Expiration": "2026-11-26T20:00:00Z",
        }
        self.status = 200
        self.authorization: list[str | None] = []
        self.environment: dict[str, str] = {}

    @contextmanager
    def serving(self) -> Iterator["Container"]:
        """Serve the credentials; `environment` has the variables that lead to them."""
        container = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                container.authorization.append(self.headers["authorization"])
                self.send_response(container.status if self.path == PATH else 404)
                self.end_headers()
                self.wfile.write(json.dumps(container.given).encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        url = f"http://127.0.0.1:{server.server_port}{PATH}"
        self.environment = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": url,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "let me in",
        }
        with serving(server):
            yield self
