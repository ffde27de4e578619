"""The issuer's keys, fetched when a request first needs them, then cached.

PyJWT parses the keys, but its PyJWKClient can't fetch them as needed here:

- it reads an answer of any size, and its timeout is for each read, not for all of them;
- its cool-down begins with the first fetch, so a key rotated just after a cold start is
  refused for 30 s; and a failed fetch begins no cool-down, so while the issuer is down
  each unknown kid makes another request to it;
- its keys expire, and then every token is refused while the issuer is down;
- it holds its lock while it fetches, so requests with a known key wait too;
- it accepts keys over plain http from any host, keys of any type, and private keys.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping

import jwt

from taskapi import time_budget
from taskapi.auth import jwks
from taskapi.auth.fetch import address_of
from taskapi.auth.jwks import ALGORITHMS, Keys, Unavailable
from taskapi.auth.tokens import InvalidToken
from taskapi.errors import ServiceUnavailable
from taskapi.log import logger
from taskapi.settings.environment import jwks_cool_down
from taskapi.single_flight import SingleFlight

COOL_DOWN = 30.0
"""Seconds between two fetches for unknown kids."""

FAILURE_COOL_DOWN = 5.0
"""Seconds between two fetches while no key is known: every answer is a 503 until then.

Longer than jwks.TIMEOUT, so that most requests don't wait for a fetch.
"""


class KeySet:
    """The keys at a URL; the last good ones are used while fetching fails."""

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

        Raises InvalidToken if the issuer has no such key, ServiceUnavailable if no key
        could be fetched yet.
        """
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise InvalidToken(f"its alg is none of HS256, {', '.join(ALGORITHMS)}")
        if not isinstance(kid, str):
            raise InvalidToken("its header has no kid")
        keys = self._find(kid)
        if keys is None:
            raise InvalidToken("its kid isn't in the JWKS")
        if algorithm not in keys:
            raise InvalidToken("the key of its kid is for another alg")
        return keys[algorithm]

    def prefetch(self) -> None:
        """Fetch the keys ahead of time; the first request reports a failure."""
        with self._lock:
            if not self._fetches:
                self._fetch()

    def _find(self, kid: str) -> Mapping[str, jwt.PyJWK] | None:
        """Return the keys of kid, after a fetch if it is unknown."""
        fetches = self._fetches
        if kid in self._keys:
            return self._keys[kid]
        with self._lock:
            # If another request has fetched while this one waited, use that result.
            if fetches == self._fetches and self._clock() >= self._quiet_until:
                self._fetch()
        if self._reason:
            logger.append_keys(jwks=self._reason)
        if not self._keys:
            seconds = math.ceil(self._quiet_until - self._clock())
            raise ServiceUnavailable(
                "The keys that check tokens can't be fetched", max(seconds, 1)
            )
        return self._keys.get(kid)

    def _fetch(self) -> None:
        """Fetch the keys within the request's time, and note a failure."""
        cool_down = jwks_cool_down(COOL_DOWN)
        if self._keys:
            self._quiet_until = self._clock() + cool_down
        outcome = self._flight.outcome(
            lambda: jwks.fetch_keys(self._url),
            min(jwks.TIMEOUT, time_budget.remaining()),
        )
        try:
            if outcome is None:
                raise Unavailable(
                    f"the JWKS at {address_of(self._url)} didn't arrive in time"
                )
            self._keys, self._reason = outcome.result(), ""
        except Unavailable as error:
            self._reason = str(error)
            pause = cool_down if self._keys else min(FAILURE_COOL_DOWN, cool_down)
            requested = min(float(error.retry_after), COOL_DOWN)
            self._quiet_until = self._clock() + max(pause, requested)
        finally:
            self._fetches += 1
