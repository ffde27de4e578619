"""A GET of one small document, as an HTTP client that names itself, by a deadline."""

import io
import socket
import ssl
import time
import zlib
from contextlib import closing
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

HEADERS = {
    # Rules against bots often refuse the names of libraries, and clients without one.
    "User-Agent": "tasks-api/1.0 (JWKS)",
    "Accept": "application/json, application/jwk-set+json, */*;q=0.1",
    "Accept-Encoding": "identity",
    "Cache-Control": "no-cache",
    "Connection": "close",
}


class FetchError(Exception):
    """There is no document; the message says why, and at which address."""

    def __init__(self, message: str, retry_after: int = 0) -> None:
        """retry_after: the seconds in the server's Retry-After, or 0."""
        super().__init__(message)
        self.retry_after = retry_after


def fetch(url: str, *, timeout: float, max_bytes: int) -> bytes:
    """Return the body of a 200; raise FetchError.

    timeout: seconds for everything except resolving the host's name. With http.client's
    own timeout, which is for each read, a server could go on sending single bytes
    forever.
    """
    parts, address = urlsplit(url), address_of(url)
    try:
        with closing(connect(parts, time.monotonic() + timeout)) as connection:
            path = parts.path or "/"
            target = f"{path}?{parts.query}" if parts.query else path
            connection.request("GET", target, headers=HEADERS)
            with connection.getresponse() as response:
                return body_of(response, max_bytes)
    except TimeoutError as error:
        raise FetchError(f"{address} took over {timeout:g} s") from error
    except FetchError as error:
        raise FetchError(f"{address} {error}", error.retry_after) from error
    except (OSError, HTTPException, ValueError, zlib.error) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FetchError(f"{address} can't be fetched: {reason}") from error


def address_of(url: str) -> str:
    """Return url for a log: without its query, which may hold a key of some kind."""
    return url.partition("?")[0]


def body_of(response: HTTPResponse, max_bytes: int) -> bytes:
    """Return the body, decompressed where a server compresses without being asked."""
    if response.status != 200:
        raise FetchError(refusal(response), retry_after(response))
    body = response.read(max_bytes + 1)
    encoding = response.getheader("Content-Encoding", "identity").strip().lower()
    if len(body) <= max_bytes and response.length:
        raise FetchError("ended the connection before the end of its answer")
    if encoding in ("gzip", "x-gzip", "deflate"):
        body = decompress(body, max_bytes + 1)
    elif encoding not in ("identity", ""):
        raise FetchError(f"compresses with {encoding[:20]!r} without being asked")
    if len(body) > max_bytes:
        raise FetchError(f"has an answer over {max_bytes} bytes")
    return body


def decompress(body: bytes, length: int) -> bytes:
    """Return at most length bytes of what is in body; raise zlib.error."""
    # "deflate" is zlib's format (RFC 9110, section 8.4.1.2), or, from some, raw.
    is_raw = body[:2] != b"\x1f\x8b" and (body[:1] or b"\0")[0] & 0x0F != 8
    window = -zlib.MAX_WBITS if is_raw else 32 + zlib.MAX_WBITS
    return zlib.decompressobj(window).decompress(body, length)


def refusal(response: HTTPResponse) -> str:
    """Return what a status other than 200 says."""
    sentence = f"answers with HTTP status {response.status}"
    if location := response.getheader("Location"):
        target = location.partition("?")[0][:200].encode("ascii", "replace").decode()
        return f"{sentence}, a redirect to {target!r}, which isn't followed"
    if response.status in (401, 403):
        return f"{sentence}: a firewall may refuse clients that aren't browsers"
    return sentence


def retry_after(response: HTTPResponse) -> int:
    """Return the header's seconds; 0 where there is none, or a date."""
    value = response.getheader("Retry-After", "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0


def connect(url: SplitResult, deadline: float) -> HTTPConnection:
    """Return a connection to url's host, over which reads end at the deadline."""
    host = url.hostname or ""
    if url.scheme == "http":
        # Only this machine is fetched from over http (settings.web_url): no proxy.
        connection = HTTPConnection(host, url.port)
        connection.sock = first_to_answer(host, connection.port, deadline)
    else:
        tls = ssl.create_default_context()
        proxy = None if proxy_bypass(host) else getproxies().get("https")
        if proxy:
            connection = through(proxy, url, tls)
            connection.timeout = max(deadline - time.monotonic(), 0.001)
        else:
            connection = HTTPSConnection(host, url.port, context=tls)
            plain = first_to_answer(host, connection.port, deadline)
            connection.sock = secured(plain, host, tls)
    connection.response_class = partial(response_until, deadline)  # type: ignore[assignment]
    return connection


def through(proxy: str, url: SplitResult, tls: ssl.SSLContext) -> HTTPConnection:
    """Return a connection by a proxy's CONNECT."""
    at = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
    connection = HTTPSConnection(at.hostname or "", at.port or 80, context=tls)
    headers = {"User-Agent": HEADERS["User-Agent"]}
    if at.username is not None:
        from base64 import b64encode

        login = f"{unquote(at.username)}:{unquote(at.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
    connection.set_tunnel(url.hostname or "", url.port or 443, headers)
    return connection


def first_to_answer(host: str, port: int, deadline: float) -> socket.socket:
    """Return a TCP connection to the first of host's addresses that takes one.

    The addresses share the time: the first may be an IPv6 address in a network without
    IPv6, and would use up all of it.
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


def secured(plain: socket.socket, host: str, tls: ssl.SSLContext) -> socket.socket:
    """Return the connection with TLS, for which plain's timeout is a deadline."""
    try:
        return tls.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def response_until(
    deadline: float, sock: socket.socket, debuglevel: int = 0, method: str | None = None
) -> HTTPResponse:
    """Return the response that http.client reads from sock, by the deadline."""
    response = HTTPResponse(sock, debuglevel, method)
    response.fp = io.BufferedReader(ReadsUntil(deadline, sock, response.fp.detach()))
    return response


class ReadsUntil(io.RawIOBase):
    """What a socket receives, until a deadline."""

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
