"""The deadline of the current request, shared by everything that waits for a network.

An execution environment serves one event at a time, so there is one deadline.
"""

import time

REQUEST_TIMEOUT = 8.0
"""Seconds for the secret, the keys and the database together, in one request.

Well below the functions' Timeout in template.yaml, which is below API Gateway's 30 s:
the function itself gives up first, and says so.
"""

MARGIN = 1.0
"""Seconds of Lambda's remaining time to keep for writing the answer."""

clock = time.monotonic

_deadline: float | None = None


def start(remaining: float) -> None:
    """Begin a request, for which Lambda leaves this many seconds."""
    global _deadline
    _deadline = clock() + min(REQUEST_TIMEOUT, max(remaining - MARGIN, 0.0))


def end() -> None:
    """End the request: what runs outside of one has a budget of its own."""
    global _deadline
    _deadline = None


def deadline() -> float:
    """Return when to give up, on the scale of clock()."""
    return clock() + REQUEST_TIMEOUT if _deadline is None else _deadline


def remaining() -> float:
    """Return the seconds that are left, at least 0."""
    return max(deadline() - clock(), 0.0)
