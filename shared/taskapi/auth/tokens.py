"""The form of a JWT: three base64url segments, two of them JSON objects."""

import base64
import re
from collections.abc import Mapping
from functools import lru_cache

from taskapi import strict_json

MAX_BYTES = 8 * 1024
"""API Gateway takes 10,240 bytes of request line and headers."""

COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
"""The compact serialization (RFC 7515, section 7.1), in base64url without padding."""

REFUSED_HEADERS = ("crit", "b64", "jwk", "jku", "x5u", "x5c")
"""They change what is signed or bring a key of their own (RFC 8725, section 3.10)."""


class InvalidToken(Exception):
    """The token isn't accepted; the message says which check failed, for the log."""


class OutdatedSettings(InvalidToken):
    """The token might be accepted if the secret were read again."""


class NotConfigured(OutdatedSettings):
    """No setting says how to check a token of this algorithm."""


class WrongSignature(OutdatedSettings):
    """The signature doesn't match the key."""

    def __init__(self) -> None:
        super().__init__("the signature doesn't match the key")


def read_header(token: str) -> Mapping[str, object]:
    """Return a token's header; raise InvalidToken for one that this API refuses."""
    if len(token.encode(errors="surrogatepass")) > MAX_BYTES:
        raise InvalidToken(f"it is over {MAX_BYTES} bytes")
    segments = COMPACT.fullmatch(token)
    if segments is None:
        raise InvalidToken("it isn't a JWT: three base64url segments")
    return parse_header(segments[1])


@lru_cache(maxsize=16)
def parse_header(segment: str) -> Mapping[str, object]:
    """Return the header in a token's first segment, which is the same in many tokens.

    Raises InvalidToken.
    """
    header = parse_object(decode_segment(segment), "header")
    for name in REFUSED_HEADERS:
        if name in header:
            raise InvalidToken(f"its header has {name}")
    if not isinstance(header.get("kid", ""), str):
        raise InvalidToken("its kid isn't text")
    kind = header.get("typ", "JWT")
    # Better Auth signs other things with the same keys, such as its session cookie
    # (better-auth.session-cache+jwt): RFC 8725, section 3.11.
    if not isinstance(kind, str) or kind.lower() != "jwt":
        raise InvalidToken("its typ isn't JWT")
    return header


def decode_segment(segment: str) -> bytes:
    """Return the bytes of a base64url segment; raise InvalidToken.

    Unused bits in its last character must be 0, so that no other text is the same
    token.
    """
    try:
        data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError as error:
        raise InvalidToken("a segment isn't base64url") from error
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != segment:
        raise InvalidToken("a segment isn't base64url")
    return data


def parse_object(data: bytes, name: str) -> Mapping[str, object]:
    """Return the JSON object in data; raise InvalidToken.

    It must be UTF-8, and have no member twice (RFC 8725, section 2.6). name: "header"
    or "payload", for the message.
    """
    try:
        value = strict_json.loads(data, strict_json.WITHOUT_DUPLICATES)
    except ValueError as error:
        raise InvalidToken(f"its {name} isn't strict JSON") from error
    if not isinstance(value, dict):
        raise InvalidToken(f"its {name} isn't a JSON object")
    return value
