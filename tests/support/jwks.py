"""A JWKS over HTTP that answers as a test wants."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.serving import serving


class Jwks:
    """An HTTP server that answers as it is told, and counts requests."""

    def __init__(self) -> None:
        self.keys: list[object] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: bytes | None = None
        self.paths: list[str] = []
        self.requests: list[dict[str, str]] = []
        self.before_answering: Callable[[], object] = lambda: None
        jwks = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                jwks.paths.append(self.path)
                jwks.requests.append({k.lower(): v for k, v in self.headers.items()})
                jwks.before_answering()
                body = jwks.body
                if body is None:
                    body = json.dumps({"keys": jwks.keys}).encode()
                self.send_response(jwks.status)
                for name, value in jwks.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """One of the tests is that the client hangs up."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.origin}/api/auth/jwks"

    @property
    def fetches(self) -> int:
        return len(self.paths)

    def down(self) -> None:
        """Close the port: nobody listens there any more."""
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def serving(self) -> Iterator["Jwks"]:
        with serving(self._server):
            yield self
