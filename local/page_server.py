"""Serve the to-do page of `make run`, a frontend with an origin of its own.

Only for development: config.json gives anyone on this machine a development token.
"""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from local.page_headers import HEADERS, page_headers
from local.tokens import development_token

FOLDER = Path(__file__).parent / "page"
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}

HOST = "127.0.0.1"
NO_HEADERS: Mapping[str, str] = {}


class PortTaken(Exception):
    """Another program listens on the port."""


class PageServer(ThreadingHTTPServer):
    """Serve the page at `origin`; port 0 means any free port. Raise `PortTaken`.

    The origin's host is localhost, as with most development servers.
    """

    daemon_threads = True

    def __init__(self, port: int) -> None:
        # A development server may use the port on ::1, localhost's other address.
        if port and is_listening(port):
            raise PortTaken
        try:
            super().__init__((HOST, port), PageHandler)
        except OSError as error:
            raise PortTaken from error
        self.origin = f"http://localhost:{self.server_port}"
        self.api = ""
        self._secret = ""

    @contextmanager
    def serving(self, api: str, secret: str) -> Iterator[None]:
        """Serve the page in a thread, with the API's URL and tokens from `secret`."""
        self.api, self._secret = api, secret
        thread = threading.Thread(target=self.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()
            self.server_close()

    def config(self, user: str) -> dict[str, str]:
        """Return the page's config.json for a user."""
        token = development_token(user, self._secret)
        return {"api": self.api, "user": user, "token": token}

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore browsers that close the connection early."""


class PageHandler(BaseHTTPRequestHandler):
    server: PageServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if f"http://{self.headers['host']}" != self.server.origin:
            # Another site whose name resolves to this machine (DNS rebinding) must
            # not get a token.
            home = f"{self.server.origin}/"
            self._send(HTTPStatus.FOUND, "text/plain", headers={"Location": home})
        elif url.path == "/config.json" and not self._is_for_the_page():
            self._send(HTTPStatus.FORBIDDEN, "text/plain")
        elif url.path == "/config.json":
            user = parse_qs(url.query).get("user", ["demo"])[0]
            body = json.dumps(self.server.config(user)).encode()
            self._send(HTTPStatus.OK, "application/json", body)
        elif url.path == "/":
            page = (FOLDER / "index.html").read_text(encoding="utf-8")
            headers = page_headers(page, self.server.api)
            media_type = "text/html; charset=utf-8"
            self._send(HTTPStatus.OK, media_type, page.encode(), headers)
        elif file := find_file(url.path):
            media_type = f"{MEDIA_TYPES[file.suffix]}; charset=utf-8"
            self._send(HTTPStatus.OK, media_type, file.read_bytes())
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain")

    def _is_for_the_page(self) -> bool:
        """Return whether the page or a program sends this, and not another page.

        Browsers say so in Sec-Fetch-Site; programs don't send that header.
        """
        site = self.headers.get("sec-fetch-site", "same-origin")
        return site in ("same-origin", "none")

    def _send(
        self,
        status: HTTPStatus,
        media_type: str,
        body: bytes = b"",
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in {**HEADERS, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: the terminal shows the API's requests."""


def find_file(path: str) -> Path | None:
    """Return the page's script or stylesheet with this path."""
    files = (each for each in FOLDER.iterdir() if each.suffix in MEDIA_TYPES)
    return next((each for each in files if path == f"/{each.name}"), None)


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), timeout=1).close()
    except OSError:
        return False
    return True
