"""What the environment configures: read in this one place, once, on first use."""

import os
from dataclasses import dataclass, field
from functools import cache

MIN_SECRET_BYTES = 32
"""RFC 7518, section 3.2: a key for HS256 has at least the hash's 256 bits."""


class SettingsError(Exception):
    """A setting is missing or bad; the message names it, never its value."""


@dataclass(frozen=True, slots=True)
class BetterAuth:
    """Which tokens are accepted."""

    secret: str = field(repr=False)


@cache
def database_url() -> str:
    """Return Postgres's URL; raise SettingsError where there is none."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise SettingsError("DATABASE_URL is not set")
    return url


@cache
def better_auth() -> BetterAuth:
    """Return how tokens are checked; raise SettingsError where that isn't clear."""
    secret = os.environ.get("BETTER_AUTH_SECRET")
    if not secret:
        raise SettingsError("BETTER_AUTH_SECRET is not set")
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise SettingsError(
            f"BETTER_AUTH_SECRET is shorter than {MIN_SECRET_BYTES} bytes; "
            "make one with: openssl rand -base64 32"
        )
    return BetterAuth(secret)
