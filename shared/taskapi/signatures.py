"""A token's signature: HS256 by secret and the rest by JWKS, two closed worlds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import jwt

from taskapi.settings import BetterAuth
from taskapi.tokens import InvalidToken, WrongSignature

if TYPE_CHECKING:
    from taskapi.jwks import KeySet

jws = jwt.PyJWS()


class Signatures:
    """Checks signatures with the keys that the settings name, and no others."""

    def __init__(self, config: BetterAuth) -> None:
        self._secret = config.secret
        self._keys = key_set(config.jwks_url) if config.jwks_url else None

    def prepare(self) -> None:
        """Fetch the keys, if there are any to fetch."""
        if self._keys:
            self._keys.prepare()

    def payload(self, token: str, header: Mapping[str, object]) -> bytes:
        """Return what a genuine token says; raise InvalidToken, ServiceUnavailable."""
        if header.get("alg") == "HS256":
            return verified(token, self._of_secret(), "HS256")
        key = self._of_jwks(header)
        return verified(token, key, key.algorithm_name)

    def _of_secret(self) -> bytes:
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


def verified(token: str, key: bytes | jwt.PyJWK, algorithm: str) -> bytes:
    """Return the payload; raise InvalidToken unless key has signed it.

    PyJWT compares in constant time, and nothing else here compares secrets. The
    algorithm is the key's, never what the token says.
    """
    try:
        payload: bytes = jws.decode_complete(token, key, [algorithm])["payload"]
        return payload
    except jwt.InvalidSignatureError as error:
        raise WrongSignature from error
    except jwt.PyJWTError as error:
        raise InvalidToken(f"PyJWT: {type(error).__name__}") from error
