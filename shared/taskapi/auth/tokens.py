"""The check of a JWT: whose it is, or why it isn't accepted."""

import base64
import json
import re
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, TypeGuard

from taskapi import secret, strict_json
from taskapi.settings import Expected, better_auth

if TYPE_CHECKING:
    from taskapi.auth.signatures import Signatures
    from taskapi.settings import BetterAuth

LEEWAY = 10
"""Seconds by which the clocks of Better Auth and this API may differ."""

MAX_BYTES = 8 * 1024
"""API Gateway takes 10,240 bytes of request line and headers."""

LAST_TIME = 253_402_300_799
"""The end of the year 9999: what is later isn't a time but a trick."""

COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
"""RFC 7515, section 7.1, base64url without padding; nothing else is a token here."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

REFUSED_HEADERS = ("crit", "b64", "jwk", "jku", "x5u", "x5c")
"""They change what is signed or bring a key of their own (RFC 8725, section 3.10)."""


class InvalidToken(Exception):
    """The token isn't accepted; the message says which check failed, for the log."""


class OutdatedSettings(InvalidToken):
    """The token might be accepted with the settings that the secret has by now."""


class NotConfigured(OutdatedSettings):
    """No setting says how to check a token of this algorithm."""


class WrongSignature(OutdatedSettings):
    """The signature isn't the secret's."""

    def __init__(self) -> None:
        super().__init__("the signature isn't the key's")


def subject(token: str) -> str:
    """Return the `sub` of a valid token; raise InvalidToken for any other.

    Raises ServiceUnavailable where the key can't be had, SettingsError where it isn't
    clear what to check.
    """
    header = header_of(token)
    config = better_auth()
    try:
        payload = signatures(config).payload(token, header)
    except OutdatedSettings:
        if not secret.held.reread():
            raise
        config = better_auth()
        payload = signatures(config).payload(token, header)
    claims = parsed(payload, "payload")
    for failure in failures(claims, expected_of(header, config), time.time()):
        raise InvalidToken(failure)
    return str(claims["sub"])


def header_of(token: str) -> Mapping[str, object]:
    """Return the header; raise InvalidToken for one that can't be a JWT's of ours."""
    if len(token.encode(errors="surrogatepass")) > MAX_BYTES:
        raise InvalidToken(f"it is over {MAX_BYTES} bytes")
    segments = COMPACT.fullmatch(token)
    if segments is None:
        raise InvalidToken("it isn't a JWT: three base64url segments")
    return header_in(segments[1])


@lru_cache(maxsize=16)
def header_in(segment: str) -> Mapping[str, object]:
    """Return the header in a token's first segment, which is the same in many tokens.

    Raises InvalidToken.
    """
    header = parsed(decoded(segment), "header")
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


def decoded(segment: str) -> bytes:
    """Return the bytes of a base64url segment; raise InvalidToken.

    Bits to spare in its last character must be 0: there is one spelling of each token.
    """
    try:
        data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError as error:
        raise InvalidToken("a segment isn't base64url") from error
    if base64.urlsafe_b64encode(data).decode().rstrip("=") != segment:
        raise InvalidToken("a segment isn't base64url")
    return data


def parsed(data: bytes, name: str) -> Mapping[str, object]:
    """Return a JSON object in UTF-8, in which no name stands twice (RFC 8725, 2.6)."""
    try:
        value = strict_json.loads(data, strict_json.UNAMBIGUOUS)
    except ValueError as error:
        raise InvalidToken(f"its {name} isn't JSON of the strict kind") from error
    if not isinstance(value, dict):
        raise InvalidToken(f"its {name} isn't a JSON object")
    return value


def expected_of(header: Mapping[str, object], config: "BetterAuth") -> Expected:
    """Return what the claims of a token with this header are held to."""
    return config.by_secret if header.get("alg") == "HS256" else config.by_jwks


def failures(
    claims: Mapping[str, object], expected: Expected, now: float
) -> Iterator[str]:
    """Yield a sentence for each check that the claims of a genuine token fail."""
    for name in ("exp", "nbf", "iat"):
        if name in claims and not is_time(claims[name]):
            yield f"{name} isn't a time: a number of seconds since 1970"
    exp, nbf, iat = (claims.get(name) for name in ("exp", "nbf", "iat"))
    if "exp" not in claims:
        yield "exp is missing"
    elif is_time(exp) and exp <= now - LEEWAY:
        yield f"it expired {span(now - exp)} ago (exp)"
    if is_time(nbf) and nbf > now + LEEWAY:
        yield f"it isn't valid for another {span(nbf - now)} (nbf)"
    if is_time(iat) and iat > now + LEEWAY:
        yield f"it was issued {span(iat - now)} in the future (iat)"
    if not is_subject(claims.get("sub")):
        yield "sub isn't text of 1 to 255 characters without control characters"
    iss, aud = claims.get("iss"), claims.get("aud")
    if expected.issuer is not None and iss != expected.issuer:
        yield f"wrong issuer: iss is {shown(iss)}, not {shown(expected.issuer)}"
    if expected.audience is not None and not includes(aud, expected.audience):
        yield f"wrong audience: aud is {shown(aud)}, not {shown(expected.audience)}"


def is_subject(value: object) -> bool:
    """Return whether value can be a user's id."""
    if not isinstance(value, str) or not 0 < len(value) <= 255:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # A lone surrogate, which no database would take.
        return False
    return not CONTROL.search(value)


def is_time(value: object) -> TypeGuard[float]:
    """Return whether value is a sane NumericDate (RFC 7519, section 2)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= LAST_TIME


def includes(audience: object, expected: str) -> bool:
    """Return whether `aud` is the expected one, or a list that has it."""
    if isinstance(audience, list):
        return expected in audience and all(isinstance(one, str) for one in audience)
    return audience == expected


def shown(value: object) -> str:
    """Return a claim as JSON, short enough for a line in a log."""
    if value is None:
        return "missing"
    if not isinstance(value, str | list):
        return "not text"
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def span(seconds: float) -> str:
    """Return a time as a person would say it: in the largest unit that it fills."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds / size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{int(seconds)} seconds"


@lru_cache(maxsize=1)
def signatures(config: "BetterAuth") -> "Signatures":
    """Return what checks signatures: imported on first use, as few modules as do."""
    from taskapi.auth.signatures import Signatures

    return Signatures(config)
