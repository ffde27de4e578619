"""Set the settings that say how tokens are checked."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.direct import SECRET
from taskapi.auth import signatures
from tests.support.tokens import ORIGIN

NAMES = (
    "BETTER_AUTH_SECRET",
    "BETTER_AUTH_URL",
    "BETTER_AUTH_JWKS_URL",
    "BETTER_AUTH_ISSUER",
    "BETTER_AUTH_AUDIENCE",
    "SECRET_ARN",
)


@contextmanager
def configured(**given: str) -> Iterator[None]:
    """Make the functions read these settings of Better Auth, and no others."""
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            patch.setenv(name, "")
        for name, value in given.items():
            patch.setenv(name, value)
        forget()
        try:
            yield
        finally:
            forget()


def forget() -> None:
    """Make the functions read settings and keys again, as a new environment does."""
    signatures.signatures_for.cache_clear()
    signatures.key_set_at.cache_clear()


KINDS = {
    "both": {"secret", "jwks"},
    "HS256 alone": {"secret"},
    "JWKS alone": {"jwks"},
}


def auth_settings(name: str, jwks_url: str) -> dict[str, str]:
    """Return the settings that turn on one way of checking tokens, or both."""
    given = {}
    if "secret" in KINDS[name]:
        given["BETTER_AUTH_SECRET"] = SECRET
    if "jwks" in KINDS[name]:
        given |= {"BETTER_AUTH_URL": ORIGIN, "BETTER_AUTH_JWKS_URL": jwks_url}
    return given
