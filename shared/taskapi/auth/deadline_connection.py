"""An HTTP connection with one deadline for connecting, TLS and all reads together."""

import io
import socket
import ssl
import time
from base64 import b64encode
from functools import partial
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

USER_AGENT = "tasks-api/1.0 (JWKS)"
"""Firewalls often refuse clients that send a library's name, or none."""


def connect(url: SplitResult, deadline: float) -> HTTPConnection:
    """Return a connection to url's host, on which reads fail after the deadline."""
    host = url.hostname or ""
    if url.scheme == "http":
        # parse_web_url() allows http only for this machine, which needs no proxy.
        connection = HTTPConnection(host, url.port)
        connection.sock = connect_tcp(host, connection.port, deadline)
    else:
        tls = ssl.create_default_context()
        proxy = None if proxy_bypass(host) else getproxies().get("https")
        if proxy:
            connection = connect_by_proxy(proxy, url, tls)
            connection.timeout = max(deadline - time.monotonic(), 0.001)
        else:
            connection = HTTPSConnection(host, url.port, context=tls)
            plain = connect_tcp(host, connection.port, deadline)
            connection.sock = wrap_tls(plain, host, tls)
    connection.response_class = partial(response_with_deadline, deadline)  # type: ignore[assignment]
    return connection


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


def connect_tcp(host: str, port: int, deadline: float) -> socket.socket:
    """Return a TCP connection to the first of host's addresses that accepts one.

    Each address gets its share of the time: the first may be an IPv6 address in a
    network without IPv6, which would use up all of it.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = TimeoutError()
    for index, (*_, address) in enumerate(addresses):
        share = (deadline - time.monotonic()) / (len(addresses) - index)
        try:
            target = (str(address[0]), port)
            return socket.create_connection(target, max(share, 0.001))
        except OSError as error:
            failure = error
    raise failure


def wrap_tls(plain: socket.socket, host: str, tls: ssl.SSLContext) -> socket.socket:
    """Return plain with TLS; plain's timeout limits the handshake."""
    try:
        return tls.wrap_socket(plain, server_hostname=host)
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
