"""Check signatures: HS256 with the secret, other algorithms with the JWKS."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from taskapi.auth.pyjwt import hmac_sha256
from taskapi.auth.tokens import (
    InvalidToken,
    NotConfigured,
    WrongSignature,
    decode_segment,
)
from taskapi.settings.better_auth import BetterAuth

if TYPE_CHECKING:
    from jwt.algorithms import Algorithm

    from taskapi.auth.key_set import KeySet


class Signatures:
    """Checks signatures with the keys that the settings name, and no others."""

    def __init__(self, config: BetterAuth) -> None:
        self._secret = config.secret
        self._hmac = hmac_sha256() if config.secret else None
        self._keys = key_set_at(config.jwks_url) if config.jwks_url else None

    def prefetch_keys(self) -> None:
        """Fetch the keys of the JWKS, if the settings name one."""
        if self._keys:
            self._keys.prefetch()

    def verified_payload(self, token: str, header: Mapping[str, object]) -> bytes:
        """Return the payload if its signature is right.

        Raises InvalidToken, and ServiceUnavailable if the key can't be fetched.
        """
        if header.get("alg") == "HS256":
            if self._hmac is None:
                raise NotConfigured(
                    "its alg is HS256, and BETTER_AUTH_SECRET isn't set"
                )
            return verify_signature(token, self._hmac, self._secret)
        if self._keys is None:
            raise NotConfigured("its alg isn't HS256, and BETTER_AUTH_URL isn't set")
        key = self._keys.key(header.get("alg"), header.get("kid"))
        try:
            return verify_signature(token, key.Algorithm, key.key)
        except WrongSignature as error:
            # Reading the secret again wouldn't help.
            raise InvalidToken(str(error)) from error


@lru_cache(maxsize=1)
def signatures_for(config: BetterAuth) -> Signatures:
    """Return the Signatures for these settings, the same object while they last."""
    return Signatures(config)


@lru_cache(maxsize=1)
def key_set_at(url: str) -> "KeySet":
    """Return the KeySet of this URL, the same object while the URL stays the same.

    This imports `cryptography` and an HTTP client, which HS256 doesn't need.
    """
    from taskapi.auth.key_set import KeySet

    return KeySet(url)


def verify_signature(token: str, algorithm: "Algorithm", key: object) -> bytes:
    """Return the payload; raise WrongSignature unless key has signed it.

    The algorithm belongs to the key, so a token can't choose another one. PyJWT
    compares in constant time. Its decode() isn't used: it parses the token a second
    time, which takes longer than the rest of the check.
    """
    signed, _, signature = token.rpartition(".")
    if not algorithm.verify(signed.encode(), key, decode_segment(signature)):
        raise WrongSignature
    return decode_segment(signed.partition(".")[2])
