"""What a token claims: who the user is, for how long, from whom and for whom."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from taskapi.settings.better_auth import Expected

LEEWAY = 10
"""Seconds by which the clocks of Better Auth and this API may differ."""

LAST_TIME = 253_402_300_799
"""The end of the year 9999; no token is meant to be valid for longer."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def claim_errors(
    claims: Mapping[str, object], expected: Expected, now: float
) -> Iterator[str]:
    """Yield a sentence for each check that the claims fail.

    now: seconds since 1970.
    """
    for name in ("exp", "nbf", "iat"):
        if name in claims and not is_time(claims[name]):
            yield f"{name} isn't a time: a number of seconds since 1970"
    exp, nbf, iat = (claims.get(name) for name in ("exp", "nbf", "iat"))
    if "exp" not in claims:
        yield "exp is missing"
    elif is_time(exp) and exp <= now - LEEWAY:
        yield f"it expired {humanize(now - exp)} ago (exp)"
    if is_time(nbf) and nbf > now + LEEWAY:
        yield f"it isn't valid for another {humanize(nbf - now)} (nbf)"
    if is_time(iat) and iat > now + LEEWAY:
        yield f"it was issued {humanize(iat - now)} in the future (iat)"
    if not is_user_id(claims.get("sub")):
        yield "sub isn't text of 1 to 255 characters without control characters"
    iss, aud = claims.get("iss"), claims.get("aud")
    if expected.issuer is not None and iss != expected.issuer:
        yield (
            f"wrong issuer: iss is {abbreviate(iss)}, not {abbreviate(expected.issuer)}"
        )
    if expected.audience is not None and not has_audience(aud, expected.audience):
        yield (
            f"wrong audience: aud is {abbreviate(aud)}, "
            f"not {abbreviate(expected.audience)}"
        )


def is_user_id(value: object) -> bool:
    """Return whether value can be a user's id."""
    if not isinstance(value, str) or not 0 < len(value) <= 255:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # A lone surrogate, which Postgres refuses.
        return False
    return not CONTROL.search(value)


def is_time(value: object) -> TypeGuard[float]:
    """Return whether value is a NumericDate (RFC 7519, section 2) up to LAST_TIME."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value <= LAST_TIME


def has_audience(aud: object, expected: str) -> bool:
    """Return whether `aud` is the expected audience, or a list of texts that has it."""
    if isinstance(aud, list):
        return expected in aud and all(isinstance(one, str) for one in aud)
    return aud == expected


def abbreviate(value: object) -> str:
    """Return a claim as JSON, short enough for a line in a log."""
    if value is None:
        return "missing"
    if not isinstance(value, str | list):
        return "not text"
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def humanize(seconds: float) -> str:
    """Return a duration in the largest unit that it fills, such as "3 minutes"."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds / size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{int(seconds)} seconds"
