"""Check a token, from its form to its claims."""

import time
from collections.abc import Mapping

from taskapi.auth.claims import claim_errors
from taskapi.auth.signatures import signatures_for
from taskapi.auth.tokens import (
    InvalidToken,
    OutdatedSettings,
    parse_object,
    read_header,
)
from taskapi.settings import secret
from taskapi.settings.better_auth import BetterAuth, Expected, better_auth


def verify(token: str) -> str:
    """Return the `sub` of a valid token; raise InvalidToken for any other.

    Raises ServiceUnavailable if the key can't be fetched, and SettingsError if the
    settings don't say how to check tokens.
    """
    header = read_header(token)
    config = better_auth()
    try:
        payload = signatures_for(config).verified_payload(token, header)
    except OutdatedSettings:
        if not secret.settings_secret.reread():
            raise
        config = better_auth()
        payload = signatures_for(config).verified_payload(token, header)
    claims = parse_object(payload, "payload")
    for error in claim_errors(claims, expected_claims(header, config), time.time()):
        raise InvalidToken(error)
    return str(claims["sub"])


def expected_claims(header: Mapping[str, object], config: BetterAuth) -> Expected:
    """Return what `iss` and `aud` must be in a token with this header."""
    return config.by_secret if header.get("alg") == "HS256" else config.by_jwks
