"""A GET of one small document, within a time limit."""

import time
import zlib
from contextlib import closing
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

from taskapi.deadline_connection import USER_AGENT, connect

HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "application/json, application/jwk-set+json, */*;q=0.1",
    "Accept-Encoding": "identity",
    "Cache-Control": "no-cache",
    "Connection": "close",
}


class FetchError(Exception):
    """The document can't be fetched; the message has the address and the reason."""

    def __init__(self, message: str, retry_after: int = 0) -> None:
        """retry_after: the seconds in the server's Retry-After, or 0."""
        super().__init__(message)
        self.retry_after = retry_after


def fetch(url: str, *, timeout: float, max_bytes: int) -> bytes:
    """Return the body of a 200; raise FetchError.

    timeout: seconds for everything except resolving the host's name. http.client's own
    timeout is for each read, so a server that sends a byte now and then never exceeds
    it.
    """
    parts, address = urlsplit(url), address_of(url)
    try:
        with closing(connect(parts, time.monotonic() + timeout)) as connection:
            path = parts.path or "/"
            target = f"{path}?{parts.query}" if parts.query else path
            connection.request("GET", target, headers=HEADERS)
            with connection.getresponse() as response:
                return read_body(response, max_bytes)
    except TimeoutError as error:
        raise FetchError(f"{address} took over {timeout:g} s") from error
    except FetchError as error:
        raise FetchError(f"{address} {error}", error.retry_after) from error
    except (OSError, HTTPException, ValueError, zlib.error) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FetchError(f"{address} can't be fetched: {reason}") from error


def address_of(url: str) -> str:
    """Return url for a log: without its query, which may hold a credential."""
    return url.partition("?")[0]


def read_body(response: HTTPResponse, max_bytes: int) -> bytes:
    """Return the body, decompressed if the server ignores our Accept-Encoding."""
    if response.status != 200:
        raise FetchError(explain_status(response), retry_after(response))
    body = response.read(max_bytes + 1)
    encoding = response.getheader("Content-Encoding", "identity").strip().lower()
    if len(body) <= max_bytes and response.length:
        raise FetchError("ended the connection before the end of its answer")
    if encoding in ("gzip", "x-gzip", "deflate"):
        body = decompress(body, max_bytes + 1)
    elif encoding not in ("identity", ""):
        raise FetchError(f"compresses with {encoding[:20]!r}, which wasn't requested")
    if len(body) > max_bytes:
        raise FetchError(f"has an answer over {max_bytes} bytes")
    return body


def decompress(body: bytes, length: int) -> bytes:
    """Return the first length bytes of the decompressed body; raise zlib.error."""
    # "deflate" is zlib's format (RFC 9110, section 8.4.1.2); some servers send it raw.
    is_raw = body[:2] != b"\x1f\x8b" and (body[:1] or b"\0")[0] & 0x0F != 8
    window = -zlib.MAX_WBITS if is_raw else 32 + zlib.MAX_WBITS
    return zlib.decompressobj(window).decompress(body, length)


def explain_status(response: HTTPResponse) -> str:
    """Return what a status other than 200 means, as the end of a sentence."""
    sentence = f"answers with HTTP status {response.status}"
    if location := response.getheader("Location"):
        target = location.partition("?")[0][:200].encode("ascii", "replace").decode()
        return f"{sentence}, a redirect to {target!r}, which isn't followed"
    if response.status in (401, 403):
        return f"{sentence}: a firewall may refuse clients that aren't browsers"
    return sentence


def retry_after(response: HTTPResponse) -> int:
    """Return the seconds in Retry-After; 0 if it is missing or a date."""
    value = response.getheader("Retry-After", "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0
