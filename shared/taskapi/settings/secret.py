"""The secret at SECRET_ARN: cached, and read again when it may have changed.

The init phase imports this before Powertools, and asks for the secret. So the logger is
imported where something is logged.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from taskapi import time_budget
from taskapi.errors import Outage, ServiceUnavailable
from taskapi.single_flight import SingleFlight, wait_for

TTL = 300.0
"""Seconds to cache the secret, Secrets Manager's own default."""

COOL_DOWN = 30.0
"""Seconds between two early reads, and after a failed read while values are cached."""

FAILURE_COOL_DOWN = 1.0
"""Seconds after a failed read while nothing is cached: requests fail until then."""

TIMEOUT = 3.0
"""Seconds to wait for a read, all attempts together, if values are cached."""

FIRST_TIMEOUT = 5.0
"""Seconds to wait for a read if nothing is cached yet.

What is left of the request's time is enough to connect.
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
        self._early: Future[Mapping[str, str]] | None = None
        self._flight: SingleFlight[Mapping[str, str]] = SingleFlight()
        self._lock = threading.Lock()

    def prefetch(self) -> Future[Mapping[str, str]] | None:
        """Begin to read; the first call of values() takes the result if it is good.

        If reading fails, that call reads again, so a failure in the init phase isn't a
        failed request. None if SECRET_ARN isn't set.
        """
        if arn := os.environ.get("SECRET_ARN"):
            self._early = self._start(arn, FIRST_TIMEOUT)
        return self._early

    def values(self) -> Mapping[str, str]:
        """Return the secret's values; none if SECRET_ARN isn't set.

        Raises SettingsError if the stack is set up wrongly, and ServiceUnavailable if
        AWS can't be reached.
        """
        arn = os.environ.get("SECRET_ARN")
        if not arn:
            return {}
        with self._lock:
            if self._clock() >= self._due:
                self._read(arn)
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
            self._read(arn)
            return self._values != before

    def _start(self, arn: str, timeout: float) -> Future[Mapping[str, str]]:
        """Start to read in a thread."""
        # Imported here because a function without SECRET_ARN doesn't need it.
        from taskapi.settings import secrets_manager

        return self._flight.start(lambda: secrets_manager.fetch_secret(arn, timeout))

    def _read(self, arn: str) -> None:
        """Read the values, or note why that failed and when to try again."""
        remaining = time_budget.remaining()
        # If values are cached, the request continues and needs time for that.
        timeout = (
            min(FIRST_TIMEOUT, remaining)
            if self._values is None
            else min(TIMEOUT, remaining / 2)
        )
        until = self._clock() + timeout
        reading, self._early = self._early, None
        if reading is None or (wait_for(reading, timeout) and reading.exception()):
            reading = self._start(arn, until - self._clock())
        outcome = wait_for(reading, until - self._clock())
        self._failure = (
            outcome.exception()
            if outcome
            else Outage("SECRET_ARN can't be read: no answer in time")
        )
        if outcome and self._failure is None:
            self._values = outcome.result()
            self._due = self._clock() + TTL
        elif self._values is None:
            self._due = self._clock() + FAILURE_COOL_DOWN
        else:
            from taskapi.log import logger

            self._due = self._clock() + COOL_DOWN
            reason = f"{type(self._failure).__name__}: {self._failure}"
            logger.warning("the secret can't be read again", reason=reason)

    def _error(self) -> BaseException:
        """Return the error to raise if nothing is cached."""
        if isinstance(self._failure, Outage):
            from taskapi.log import logger

            logger.append_keys(reason=str(self._failure))
            seconds = max(math.ceil(self._due - self._clock()), 1)
            unavailable = ServiceUnavailable("The settings can't be read", seconds)
            unavailable.__cause__ = self._failure
            return unavailable
        # A SettingsError, or a bug. Each raise would lengthen its traceback.
        return (self._failure or Outage()).with_traceback(None)


settings_secret = Secret()
