"""Where `make smoke` sends a token by plain http: to this machine, and nowhere else."""

import http.server
import threading
from urllib.parse import urlsplit

import pytest

from ops.smoke import CannotCheck, base_url
from ops.web import Server


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000",
        "http://127.0.0.1:8000",
        "http://[::1]:8000",
        "http://0a1b.execute-api.localhost:4566",
        "http://API.LOCALHOST/",
        "https://api.example.com",
    ],
)
def test_accepts_a_url(url: str) -> None:
    assert base_url(url).geturl() == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "http://localhost.example.com",
        "http://notlocalhost",
        "http://api.localhost.example.com",
        "http://192.168.1.2",
    ],
)
def test_refuses_a_url_that_is_not_encrypted(url: str) -> None:
    with pytest.raises(CannotCheck, match="must not travel unencrypted"):
        base_url(url)


def test_names_under_localhost_need_no_resolver() -> None:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["host"])
            self.send_response(204)
            self.end_headers()

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request).start()
        host = f"api.execute-api.localhost:{server.server_port}"
        answer = Server(urlsplit(f"http://{host}")).send("GET", "/", {})

    assert (answer.status, asked) == (204, [host])
