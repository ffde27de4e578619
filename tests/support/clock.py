"""A clock that a test sets."""


class Clock:
    """Return the time that the test has set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now
