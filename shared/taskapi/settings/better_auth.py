"""Better Auth's settings: which tokens are accepted, and how they are checked."""

import os
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult

from taskapi.errors import SettingsError
from taskapi.log import logger
from taskapi.settings.environment import read_settings
from taskapi.settings.hs256_secret import hs256_key, whitespace_warning
from taskapi.settings.urls import origin, parse_web_url


class Expected(NamedTuple):
    """What `iss` and `aud` must be; None means that any value is accepted."""

    issuer: str | None
    audience: str | None


class BetterAuth(NamedTuple):
    """Which tokens are accepted: signed by secret, by a key of the JWKS, or both."""

    secret: bytes | None
    jwks_url: str | None
    by_secret: Expected
    by_jwks: Expected

    def __repr__(self) -> str:
        return f"BetterAuth(jwks_url={self.jwks_url!r})"


def better_auth() -> BetterAuth:
    """Return how to check tokens; raise SettingsError if a setting is wrong."""
    return parse_better_auth(
        *read_settings(
            "BETTER_AUTH_SECRET",
            "BETTER_AUTH_URL",
            "BETTER_AUTH_JWKS_URL",
            "BETTER_AUTH_ISSUER",
            "BETTER_AUTH_AUDIENCE",
        )
    )


def has_jwks_variable() -> bool:
    """Return whether a variable names the JWKS; the secret may do so, too."""
    return any(map(os.environ.get, ("BETTER_AUTH_URL", "BETTER_AUTH_JWKS_URL")))


@lru_cache(maxsize=1)
def parse_better_auth(
    secret: str | None,
    url: str | None,
    jwks_url: str | None,
    issuer: str | None,
    audience: str | None,
) -> BetterAuth:
    """Return what the values of these settings mean together.

    For tokens signed by a key of the JWKS, `iss` and `aud` must by default be the
    origin of BETTER_AUTH_URL. For HS256 tokens, they are checked only if
    BETTER_AUTH_ISSUER or BETTER_AUTH_AUDIENCE is set.
    """
    if secret and (warning := whitespace_warning(secret)):
        logger.warning(warning)
    base = parse_web_url("BETTER_AUTH_URL", url)
    keys = parse_web_url("BETTER_AUTH_JWKS_URL", jwks_url)
    if secret is None and base is None and keys is None:
        raise SettingsError(
            "Neither BETTER_AUTH_SECRET nor BETTER_AUTH_URL is set: "
            "one of them is needed to check tokens"
        )
    base_origin = origin(base) if base else None
    return BetterAuth(
        hs256_key(secret),
        keys.geturl() if keys else default_jwks_url(base),
        by_secret=Expected(issuer, audience),
        by_jwks=Expected(issuer or base_origin, audience or base_origin),
    )


def default_jwks_url(base: SplitResult | None) -> str | None:
    """Return where Better Auth at base publishes its keys.

    base may end in /api/auth, as Better Auth's own setting may.
    """
    if base is None:
        return None
    path = base.path.rstrip("/").removesuffix("/api/auth")
    return f"{origin(base)}{path}/api/auth/jwks"
