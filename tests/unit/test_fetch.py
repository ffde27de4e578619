"""What real hosts do to a plain GET, and what is made of it."""

import gzip
import io
import json
import socket
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskapi import tcp
from taskapi.auth.fetch import FetchError, fetch
from taskapi.tcp import Address, connect_socket
from tests.support.jwks import Jwks

DOCUMENT = b'{"keys": []}'
RAW_DEFLATE = zlib.compressobj(wbits=-zlib.MAX_WBITS)
RAW = RAW_DEFLATE.compress(DOCUMENT) + RAW_DEFLATE.flush()
THREADS = ThreadPoolExecutor()


@pytest.fixture
def server() -> Iterator[Jwks]:
    with Jwks().serving() as server:
        server.body = DOCUMENT
        yield server


def got(url: str, max_bytes: int = 1000) -> bytes:
    return fetch(url, timeout=60, max_bytes=max_bytes)


def failure(url: str) -> str:
    with pytest.raises(FetchError) as raised:
        got(url)
    return str(raised.value)


def test_sends_its_name_and_what_it_accepts(server: Jwks) -> None:
    got(f"{server.url}?version=2")

    [sent] = server.requests
    assert server.paths == ["/api/auth/jwks?version=2"]
    assert sent["user-agent"].startswith("tasks-api/")
    assert "python" not in str(sent).lower()
    assert "application/json" in sent["accept"]
    assert sent["accept-encoding"] == "identity"
    assert sent["host"] == server.origin.removeprefix("http://")


ENCODED = {
    "gzip": gzip.compress(DOCUMENT),
    "x-gzip": gzip.compress(DOCUMENT),
    "GZIP": gzip.compress(DOCUMENT),
    "deflate": zlib.compress(DOCUMENT),
    " deflate": RAW,
    "identity": DOCUMENT,
    "": DOCUMENT,
}


@pytest.mark.parametrize("encoding", ENCODED)
def test_takes_what_is_compressed_without_being_asked(
    server: Jwks, encoding: str
) -> None:
    server.body, server.headers = ENCODED[encoding], {"content-encoding": encoding}

    assert got(server.url) == DOCUMENT


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", DOCUMENT),
        ("gzip, gzip", DOCUMENT),
        ("gzip", DOCUMENT),
        ("deflate", b"\xff\xff"),
        ("gzip", gzip.compress(b" " * 10_000_000)),
    ],
    ids=["br", "twice", "not compressed", "not deflate", "a bomb"],
)
def test_refuses_what_can_not_be_decompressed(
    server: Jwks, encoding: str, body: bytes
) -> None:
    server.body, server.headers = body, {"content-encoding": encoding}

    assert server.url in failure(server.url)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/html; charset=latin-1"},
        {"content-type": "application/jwk-set+json"},
        {f"x-{number}": "x" * 600 for number in range(60)},
        {"set-cookie": "x" * 8000},
    ],
    ids=["html", "jwk-set", "many headers", "a large header"],
)
def test_takes_whatever_headers_there_are(
    server: Jwks, headers: dict[str, str]
) -> None:
    server.headers = headers

    assert got(server.url) == DOCUMENT


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWERS = {
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + DOCUMENT,
    "chunked": CHUNKED
    + b"4\r\n"
    + DOCUMENT[:4]
    + b"\r\n8\r\n"
    + DOCUMENT[4:]
    + b"\r\n0\r\n\r\n",
    "kept open": b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n"
    b"Connection: keep-alive\r\n\r\n" + DOCUMENT,
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + DOCUMENT,
    "no reason": b"HTTP/1.1 200\r\n\r\n" + DOCUMENT,
}
BROKEN = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + DOCUMENT,
    "cut off in a chunk": CHUNKED + b"99\r\n{",
    "a bad chunk": CHUNKED + b"xyz\r\n{",
    "a line without end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
    "200 headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
}


def served(answer: bytes) -> str:
    """Return the URL where one client gets these bytes."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]

    def serve() -> None:
        with listener, listener.accept()[0] as client:
            client.recv(10_000)
            client.sendall(answer)

    THREADS.submit(serve)
    return f"http://127.0.0.1:{port}/jwks"


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_understands_each_form_of_http(answer: bytes) -> None:
    assert got(served(answer)) == DOCUMENT


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_is_one_line_that_names_the_address(answer: bytes) -> None:
    url = served(answer)

    said = failure(url)

    assert url in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (301, {"location": "https://www.example.com/jwks?k=hush"}, "www.example.com"),
        (308, {"location": "/api/auth/jwks/"}, "redirect to '/api/auth/jwks/'"),
        (302, {}, "status 302"),
        (204, {}, "status 204"),
        (304, {}, "status 304"),
        (403, {}, "a firewall may refuse"),
        (429, {"retry-after": "7"}, "status 429"),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, "status 503"),
    ],
)
def test_says_what_a_host_answered_instead(
    server: Jwks, status: int, headers: dict[str, str], words: str
) -> None:
    server.status, server.headers = status, headers

    said = failure(f"{server.url}?token=hush")

    assert words in said
    assert server.url in said
    assert "hush" not in said
    assert len(server.paths) == 1


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    server: Jwks, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.origin.rpartition(":")[2])
    with socket.socket() as silent:
        # It listens to nobody: the kernel drops what comes when the queue is full.
        silent.bind(("127.0.0.2", port))
        silent.listen(0)
        fillers = [socket.socket() for _ in range(2)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.2", port))
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
            for host in ("127.0.0.2", "127.0.0.1")
        ]
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *rest, **more: (
                found if host == b"localhost" else real(host, *rest, **more)
            ),
        )

        given = {}

        def connect(
            connection: socket.socket, address: Address, timeout: float
        ) -> None:
            given[address[0]] = timeout
            silent = address[0] == "127.0.0.2"
            connect_socket(connection, address, 0.1 if silent else timeout)

        monkeypatch.setattr(tcp, "connect_socket", connect)

        body = fetch(f"http://localhost:{port}/jwks", timeout=60, max_bytes=1000)

        for filler in fillers:
            filler.close()
    assert body == DOCUMENT
    assert given["127.0.0.2"] <= 30 < given["127.0.0.1"]


def test_goes_through_the_proxy_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = io.BytesIO()
    listener = socket.create_server(("127.0.0.1", 0))

    def proxy() -> None:
        with listener, listener.accept()[0] as client:
            seen.write(client.recv(10_000))
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    serving = THREADS.submit(proxy)
    port = listener.getsockname()[1]
    monkeypatch.setenv("https_proxy", f"http://user:p%40ss@127.0.0.1:{port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    said = failure("https://auth.example.com/api/auth/jwks")

    serving.result(60)
    request = seen.getvalue().decode()
    assert request.startswith("CONNECT auth.example.com:443 ")
    assert "Proxy-Authorization: Basic dXNlcjpwQHNz" in request
    assert "407" in said


def test_returns_a_document_with_a_byte_order_mark(server: Jwks) -> None:
    server.body = b"\xef\xbb\xbf" + DOCUMENT

    assert json.loads(got(server.url)) == {"keys": []}
