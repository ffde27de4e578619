"""The deadline of the current request, shared by everything that waits for the network.

An execution environment serves one event at a time, so one deadline is enough.
"""

import time

REQUEST_TIMEOUT = 8.0
"""Seconds for the secret, the keys and the database together, in one request.

Well below the functions' Timeout in template.yaml, which is below API Gateway's 30 s:
so the function gives up first, and answers with the reason.
"""

MARGIN = 1.0
"""Seconds of Lambda's remaining time to keep for writing the answer."""

clock = time.monotonic

_deadline: float | None = None


def start(remaining: float) -> None:
    """Begin a request; remaining: seconds until Lambda ends the function."""
    global _deadline
    _deadline = clock() + min(REQUEST_TIMEOUT, max(remaining - MARGIN, 0.0))


def end() -> None:
    """End the request; outside one, each wait has REQUEST_TIMEOUT."""
    global _deadline
    _deadline = None


def deadline() -> float:
    """Return the value of clock() at which to give up."""
    return clock() + REQUEST_TIMEOUT if _deadline is None else _deadline


def remaining() -> float:
    """Return the seconds until the deadline, at least 0."""
    return max(deadline() - clock(), 0.0)
