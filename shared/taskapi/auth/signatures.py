"""A token's signature: HS256 by secret and the rest by JWKS, two closed worlds."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from taskapi.auth.tokens import InvalidToken, NotConfigured, WrongSignature, decoded
from taskapi.cold_start.pyjwt import hmac_sha256
from taskapi.settings import BetterAuth

if TYPE_CHECKING:
    from jwt.algorithms import Algorithm

    from taskapi.auth.jwks import KeySet


class Signatures:
    """Checks signatures with the keys that the settings name, and no others."""

    def __init__(self, config: BetterAuth) -> None:
        self._secret = config.secret
        self._hmac = hmac_sha256() if config.secret else None
        self._keys = key_set(config.jwks_url) if config.jwks_url else None

    def prepare(self) -> None:
        """Fetch the keys, if there are any to fetch."""
        if self._keys:
            self._keys.prepare()

    def payload(self, token: str, header: Mapping[str, object]) -> bytes:
        """Return what a genuine token says; raise InvalidToken, ServiceUnavailable."""
        if header.get("alg") == "HS256":
            if self._hmac is None:
                raise NotConfigured(
                    "its alg is HS256, and BETTER_AUTH_SECRET isn't set"
                )
            return verified(token, self._hmac, self._secret)
        if self._keys is None:
            raise NotConfigured("its alg isn't HS256, and BETTER_AUTH_URL isn't set")
        key = self._keys.key(header.get("alg"), header.get("kid"))
        try:
            return verified(token, key.Algorithm, key.key)
        except WrongSignature as error:
            raise InvalidToken(str(error)) from error


@lru_cache(maxsize=1)
def key_set(url: str) -> "KeySet":
    """Return the keys at url, the same object until there is another url.

    Fetching imports modules that HS256 has no need of.
    """
    from taskapi.auth.jwks import KeySet

    return KeySet(url)


def verified(token: str, algorithm: "Algorithm", key: object) -> bytes:
    """Return the payload; raise WrongSignature unless key has signed it.

    The algorithm is the key's, which was chosen by what the token says; what else the
    token says is checked already. PyJWT compares in constant time, and nothing else
    here compares secrets. (Its decode() reads the token once more, which takes longer
    than all the rest of the check.)
    """
    signed, _, signature = token.rpartition(".")
    if not algorithm.verify(signed.encode(), key, decoded(signature)):
        raise WrongSignature
    return decoded(signed.partition(".")[2])
