"""The secret at SECRET_ARN: cached, and read again when it may have changed."""

import math
import os
import threading
import time
from collections.abc import Callable, Mapping

from taskapi import time_budget
from taskapi.errors import ServiceUnavailable
from taskapi.log import logger
from taskapi.settings import secret_sources
from taskapi.settings.secret_sources import NotReady
from taskapi.settings.secrets_manager import Outage
from taskapi.single_flight import SingleFlight

TTL = 300.0
"""Seconds to cache the secret, Secrets Manager's own default."""

COOL_DOWN = 30.0
"""Seconds between two early reads, and after a failed read while values are cached."""

FAILURE_COOL_DOWN = 1.0
"""Seconds after a failed read while nothing is cached: requests fail until then."""

EXTENSION_TIMEOUT = 1.0
"""Seconds to wait until the extension is ready, which it isn't in the init phase."""

TIMEOUT = 3.0
"""Seconds to wait for a read, all attempts together, if values are cached."""

FIRST_TIMEOUT = 5.0
"""Seconds to wait for a read if nothing is cached yet.

If the extension hangs, boto3 is imported next, which takes up to two seconds of a small
function's CPU. What is left of the request's time is enough to connect.
"""


class Secret:
    """The values in the secret; the last good ones are used while reading fails."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds since any moment."""
        self._clock = clock
        self._values: Mapping[str, str] | None = None
        self._failure: BaseException | None = None
        self._due = float("-inf")
        self._quiet_until = float("-inf")
        self._flight: SingleFlight[Mapping[str, str]] = SingleFlight()
        self._lock = threading.Lock()

    def values(self, extension_timeout: float = EXTENSION_TIMEOUT) -> Mapping[str, str]:
        """Return the secret's values; none if SECRET_ARN isn't set.

        extension_timeout: seconds to wait for the extension before asking Secrets
        Manager; 0 raises NotReady instead. Raises SettingsError if the stack is set up
        wrongly, and ServiceUnavailable if AWS can't be reached.
        """
        arn = os.environ.get("SECRET_ARN")
        if not arn:
            return {}
        with self._lock:
            if self._clock() >= self._due:
                self._read(arn, extension_timeout)
            if self._values is None:
                raise self._error()
            return self._values

    def reread(self) -> bool:
        """Read the secret now, at most once in COOL_DOWN; return whether it changed.

        For callers whose password or key has just been refused.
        """
        arn = os.environ.get("SECRET_ARN")
        with self._lock:
            if not arn or self._clock() < self._quiet_until:
                return False
            self._quiet_until = self._clock() + COOL_DOWN
            before = self._values
            self._read(arn, EXTENSION_TIMEOUT)
            return self._values != before

    def _read(self, arn: str, extension_timeout: float) -> None:
        """Read the values, or note why that failed and when to try again."""
        remaining = time_budget.remaining()
        outcome = self._flight.outcome(
            lambda: secret_sources.fetch_secret(arn, extension_timeout),
            # If values are cached, the request continues and needs time for that.
            min(FIRST_TIMEOUT, remaining)
            if self._values is None
            else min(TIMEOUT, remaining / 2),
        )
        self._failure = (
            outcome.exception()
            if outcome
            else Outage("SECRET_ARN can't be read: no answer in time")
        )
        if outcome and self._failure is None:
            self._values = outcome.result()
            self._due = self._clock() + TTL
        elif isinstance(self._failure, NotReady):
            raise self._failure
        elif self._values is None:
            self._due = self._clock() + FAILURE_COOL_DOWN
        else:
            self._due = self._clock() + COOL_DOWN
            reason = f"{type(self._failure).__name__}: {self._failure}"
            logger.warning("the secret can't be read again", reason=reason)

    def _error(self) -> BaseException:
        """Return the error to raise if nothing is cached."""
        if isinstance(self._failure, Outage):
            logger.append_keys(reason=str(self._failure))
            seconds = max(math.ceil(self._due - self._clock()), 1)
            unavailable = ServiceUnavailable("The settings can't be read", seconds)
            unavailable.__cause__ = self._failure
            return unavailable
        # A SettingsError, or a bug. Each raise would lengthen its traceback.
        return (self._failure or Outage()).with_traceback(None)


settings_secret = Secret()
