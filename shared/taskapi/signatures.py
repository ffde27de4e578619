"""A token's signature: HS256 by secret and the rest by JWKS, two closed worlds."""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

import jwt

from taskapi.settings import BetterAuth
from taskapi.tokens import InvalidToken, WrongSignature, decoded

if TYPE_CHECKING:
    from taskapi.jwks import KeySet


class Signatures:
    """Checks signatures with the keys that the settings name, and no others."""

    def __init__(self, config: BetterAuth) -> None:
        self._secret = symmetric(config.secret) if config.secret else None
        self._keys = key_set(config.jwks_url) if config.jwks_url else None

    def prepare(self) -> None:
        """Fetch the keys, if there are any to fetch."""
        if self._keys:
            self._keys.prepare()

    def payload(self, token: str, header: Mapping[str, object]) -> bytes:
        """Return what a genuine token says; raise InvalidToken, ServiceUnavailable."""
        hs256 = header.get("alg") == "HS256"
        return verified(token, self._of_secret() if hs256 else self._of_jwks(header))

    def _of_secret(self) -> jwt.PyJWK:
        if self._secret is None:
            raise InvalidToken("its alg is HS256, and BETTER_AUTH_SECRET isn't set")
        return self._secret

    def _of_jwks(self, header: Mapping[str, object]) -> jwt.PyJWK:
        if self._keys is None:
            raise InvalidToken("its alg isn't HS256, and BETTER_AUTH_URL isn't set")
        return self._keys.key(header.get("alg"), header.get("kid"))


def key_set(url: str) -> "KeySet":
    """Return the keys at url; fetching imports modules that HS256 has no need of."""
    from taskapi.jwks import KeySet

    return KeySet(url)


def symmetric(secret: bytes) -> jwt.PyJWK:
    """Return secret as a key, which PyJWT needn't look at anew for each token."""
    text = base64.urlsafe_b64encode(secret).decode()
    return jwt.PyJWK({"kty": "oct", "k": text}, "HS256")


def verified(token: str, key: jwt.PyJWK) -> bytes:
    """Return the payload; raise InvalidToken unless key has signed it.

    The algorithm is the key's, which was chosen by what the token says; what else the
    token says is checked already. PyJWT compares in constant time, and nothing else
    here compares secrets. (Its decode() reads the token once more, which takes longer
    than all the rest of the check.)
    """
    signed, _, signature = token.rpartition(".")
    if not key.Algorithm.verify(signed.encode(), key.key, decoded(signature)):
        raise WrongSignature
    return decoded(signed.partition(".")[2])
