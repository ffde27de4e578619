"""Call a service that may not answer: one call at a time, with a time limit."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs calls in a thread of their own, never two at once.

    A thread can't be stopped, and not every call has a timeout: resolving a host's name
    has none. So the thread may continue after the caller has stopped waiting; the next
    caller then waits for the same thread instead of starting another.
    """

    def __init__(self) -> None:
        self._running: Future[T] | None = None
        self._lock = threading.Lock()

    def start(self, call: Callable[[], T]) -> Future[T]:
        """Start the call unless one is running; return the one that runs."""
        with self._lock:
            if self._running is None or self._running.done():
                thread = ThreadPoolExecutor(max_workers=1)
                self._running = thread.submit(call)
                thread.shutdown(wait=False)
            return self._running

    def outcome(self, call: Callable[[], T], timeout: float) -> Future[T] | None:
        """Return the call's result or exception; None after timeout seconds."""
        return wait_for(self.start(call), timeout)


def wait_for(running: Future[T], timeout: float) -> Future[T] | None:
    """Return the future when it is done; None after timeout seconds."""
    return running if wait([running], timeout).done else None
