"""The issuer's public keys (RFC 7517): fetched on first need, then kept.

PyJWT parses the keys. Its PyJWKClient can't be what fetches them:

- it reads an answer of any size, and its timeout is for each read, not for all;
- its cool-down begins with the first fetch, so that a key rotated just after a cold
  start is refused for 30 s, and doesn't begin with a fetch that fails, so that unknown
  kids make one request each to an issuer that is down;
- its keys expire, and then nothing is served while the issuer is down;
- it holds its lock while it fetches, also against those who ask for a known key;
- it takes keys from plain http anywhere, keys of any type, and private ones.
"""

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import jwt

from taskapi import settings, time_budget
from taskapi.auth.fetch import FetchError, address_of, fetch
from taskapi.auth.tokens import InvalidToken
from taskapi.errors import ServiceUnavailable
from taskapi.log import logger
from taskapi.single_flight import SingleFlight

ALGORITHMS = {
    "EdDSA": ("OKP", "Ed25519"),
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES512": ("EC", "P-521"),
}
"""What Better Auth can sign with: the type and curve of each algorithm's keys.

RFC 7518, section 3.1, and RFC 8037, section 3.1.
"""

PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e")
"""A private key that an issuer publishes by mistake is never so much as parsed."""

COOL_DOWN = 30.0
"""Seconds between two fetches for kids that aren't known."""

FAILURE_COOL_DOWN = 5.0
"""Seconds between two fetches while no key is known: until then all answers are 503s.

More than TIMEOUT: most requests are answered at once, whatever tokens they have.
"""

TIMEOUT = 3.0
"""Seconds for one fetch."""

MAX_BYTES = 64 * 1024

Keys = Mapping[str, Mapping[str, jwt.PyJWK]]
"""By `kid`, then by the algorithms that the key is for."""


class Unavailable(Exception):
    """The JWKS can't be fetched or holds no key; the message says why."""

    def __init__(self, message: str, retry_after: int = 0) -> None:
        """retry_after: the seconds in the server's Retry-After, or 0."""
        super().__init__(message)
        self.retry_after = retry_after


class KeySet:
    """The keys at a URL, the last good ones as long as no better come."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds since any moment."""
        self._url = url
        self._clock = clock
        self._keys: Keys = {}
        self._reason = ""
        self._fetches = 0
        self._quiet_until = float("-inf")
        self._flight: SingleFlight[Keys] = SingleFlight()
        self._lock = threading.Lock()

    def key(self, algorithm: object, kid: object) -> jwt.PyJWK:
        """Return the key for a token with this `alg` and `kid`.

        Raises InvalidToken where the issuer has no such key, ServiceUnavailable where
        it can't be asked and never could.
        """
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise InvalidToken(f"its alg is none of HS256, {', '.join(ALGORITHMS)}")
        if not isinstance(kid, str):
            raise InvalidToken("its header has no kid")
        keys = self._find(kid)
        if keys is None:
            raise InvalidToken("its kid isn't in the JWKS")
        if algorithm not in keys:
            raise InvalidToken("its alg isn't what the key of its kid is for")
        return keys[algorithm]

    def prepare(self) -> None:
        """Fetch the keys; whoever needs them and finds none says what is wrong."""
        with self._lock:
            if not self._fetches:
                self._fetch()

    def _find(self, kid: str) -> Mapping[str, jwt.PyJWK] | None:
        """Look for kid, at the issuer if need be, but not within the cool-down."""
        fetches = self._fetches
        if kid in self._keys:
            return self._keys[kid]
        with self._lock:
            # Whoever has waited takes what the one before them has fetched.
            if fetches == self._fetches and self._clock() >= self._quiet_until:
                self._fetch()
        if self._reason:
            logger.append_keys(jwks=self._reason)
        if not self._keys:
            pause = math.ceil(self._quiet_until - self._clock())
            raise ServiceUnavailable(
                "The keys that check tokens can't be fetched", max(pause, 1)
            )
        return self._keys.get(kid)

    def _fetch(self) -> None:
        """Fetch the keys, for as long as the request may wait, and note a failure."""
        cool_down = settings.jwks_cool_down(COOL_DOWN)
        if self._keys:
            self._quiet_until = self._clock() + cool_down
        outcome = self._flight.outcome(
            lambda: keys_at(self._url), min(TIMEOUT, time_budget.remaining())
        )
        try:
            if outcome is None:
                raise Unavailable(
                    f"the JWKS at {address_of(self._url)} isn't there in time"
                )
            self._keys, self._reason = outcome.result(), ""
        except Unavailable as error:
            self._reason = str(error)
            asked = min(float(error.retry_after), COOL_DOWN)
            pause = cool_down if self._keys else min(FAILURE_COOL_DOWN, cool_down)
            self._quiet_until = self._clock() + max(pause, asked)
        finally:
            self._fetches += 1


def keys_at(url: str) -> Keys:
    """Return the keys at url; raise Unavailable, which names the address."""
    body = fetched(url)
    try:
        return parsed(body)
    except Unavailable as error:
        raise Unavailable(f"the JWKS at {address_of(url)} {error}") from error


def parsed(body: bytes) -> Keys:
    """Return the keys that can check tokens; raise Unavailable where there is none."""
    try:
        # int() refuses 4,300 digits, and no number matters here.
        document = json.loads(body, parse_int=float)
    except (ValueError, RecursionError) as error:
        raise Unavailable("isn't JSON") from error
    listed = document.get("keys") if isinstance(document, dict) else None
    keys: dict[str, dict[str, jwt.PyJWK]] = {}
    for jwk in listed if isinstance(listed, list) else []:
        for kid, key in usable(jwk):
            keys.setdefault(kid, {}).setdefault(key.algorithm_name, key)
    if not keys:
        raise Unavailable("holds no key that can check a token")
    return keys


def usable(jwk: object) -> Iterator[tuple[str, jwt.PyJWK]]:
    """Yield a key's kid with the key, once for each algorithm that it is for.

    That is its `alg` where it has one, else all that its type and curve allow.
    """
    if not isinstance(jwk, dict) or not isinstance(kid := jwk.get("kid"), str):
        return
    operations = jwk.get("key_ops", ["verify"])
    verifies = isinstance(operations, list) and "verify" in operations
    if jwk.get("use", "sig") != "sig" or not verifies:
        return
    public = {name: jwk[name] for name in PUBLIC_MEMBERS if name in jwk}
    for algorithm, kind in ALGORITHMS.items():
        if (jwk.get("kty"), jwk.get("crv") if kind[1] else None) != kind:
            continue
        if jwk.get("alg", algorithm) != algorithm:
            continue
        try:
            key = jwt.PyJWK(public, algorithm)
        except jwt.PyJWTError:
            continue
        if key.Algorithm.check_key_length(key.key) is None:
            yield kid, key


def fetched(url: str) -> bytes:
    """Return what is at url; raise Unavailable, in TIMEOUT seconds at the latest."""
    try:
        return fetch(url, timeout=TIMEOUT, max_bytes=MAX_BYTES)
    except FetchError as error:
        raise Unavailable(f"the JWKS at {error}", error.retry_after) from error
