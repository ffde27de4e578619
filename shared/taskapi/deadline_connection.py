"""An HTTP connection with one deadline for connecting, TLS and all reads together."""

import io
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from email.message import Message
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from taskapi.tcp import connect_tcp, may_have_proxy, to_ascii
from taskapi.tls import Trust, all_cas_tls, few_cas_tls

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

USER_AGENT = "tasks-api/1.0 (JWKS)"
"""Firewalls often refuse clients that send a library's name, or none."""

DEFAULT_TRUST = Trust()


class Answer(NamedTuple):
    """What a server answered, whatever its status."""

    status: int
    headers: Message
    body: bytes


def exchange(
    url: SplitResult,
    method: str,
    headers: Mapping[str, str],
    deadline: float,
    max_bytes: int,
    body: bytes | None = None,
    trust: Trust = DEFAULT_TRUST,
) -> Answer:
    """Send one request and return the answer.

    deadline: on time.monotonic(). Raises OSError, ValueError or HTTPException.
    """
    with closing(connect(url, deadline, trust)) as connection:
        connection.request(method, target_of(url), body, dict(headers))
        with connection.getresponse() as response:
            received = response.read(max_bytes + 1)
            if len(received) > max_bytes or response.length:
                raise ValueError("the answer is too long, or cut off")
            return Answer(response.status, response.headers, received)


def target_of(url: SplitResult) -> str:
    """Return what a request line names: the path, and the query if there is one."""
    path = url.path or "/"
    return f"{path}?{url.query}" if url.query else path


def connect(
    url: SplitResult, deadline: float, trust: Trust = DEFAULT_TRUST
) -> HTTPConnection:
    """Return a connection to url's host, on which reads fail after the deadline."""
    host = url.hostname or ""
    if url.scheme == "http":
        # Only for this machine or an emulator of AWS, which need no proxy.
        connection = HTTPConnection(host, url.port)
        connection.sock = connect_tcp(host, connection.port, deadline)
    elif proxy := proxy_for(host):
        connection = connect_by_proxy(proxy, url, all_cas_tls(trust))
        connection.timeout = max(deadline - time.monotonic(), 0.001)
    else:
        tls = few_cas_tls(trust)
        connection = HTTPSConnection(host, url.port, context=tls)
        try:
            connection.sock = connect_tls(host, connection.port, deadline, tls)
        except ssl.SSLCertVerificationError:
            tls = all_cas_tls(trust)
            connection.sock = connect_tls(host, connection.port, deadline, tls)
    connection.response_class = partial(response_with_deadline, deadline)  # type: ignore[assignment]
    return connection


def proxy_for(host: str) -> str | None:
    """Return the URL of the proxy for https, if there is one."""
    if not may_have_proxy():
        return None
    from urllib.request import getproxies, proxy_bypass

    return None if proxy_bypass(host) else getproxies().get("https")


def connect_by_proxy(
    proxy: str, url: SplitResult, tls: ssl.SSLContext
) -> HTTPConnection:
    """Return a connection through a proxy, by its CONNECT method."""
    at = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
    connection = HTTPSConnection(at.hostname or "", at.port or 80, context=tls)
    headers = {"User-Agent": USER_AGENT}
    if at.username is not None:
        login = f"{unquote(at.username)}:{unquote(at.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
    connection.set_tunnel(url.hostname or "", url.port or 443, headers)
    return connection


def connect_tls(
    host: str, port: int, deadline: float, tls: ssl.SSLContext
) -> socket.socket:
    """Return a connection with TLS; raise SSLCertVerificationError, or OSError."""
    plain = connect_tcp(host, port, deadline)
    try:
        plain.settimeout(max(deadline - time.monotonic(), 0.001))
        return tls.wrap_socket(plain, server_hostname=to_ascii(host))
    except BaseException:
        plain.close()
        raise


def response_with_deadline(
    deadline: float, sock: socket.socket, debuglevel: int = 0, method: str | None = None
) -> HTTPResponse:
    """Return http.client's response, whose reads from sock fail after the deadline."""
    response = HTTPResponse(sock, debuglevel, method)
    response.fp = io.BufferedReader(
        DeadlineReader(deadline, sock, response.fp.detach())
    )
    return response


class DeadlineReader(io.RawIOBase):
    """Reads from a socket until a deadline, then raises TimeoutError."""

    def __init__(self, deadline: float, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._deadline, self._sock, self._raw = deadline, sock, raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer", /) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
