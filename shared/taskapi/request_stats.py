"""Counts of the current request: the database's time and its retries."""


class RequestStats:
    """The connection adds to it; the handler logs it and resets it."""

    database_seconds = 0.0
    database_retries = 0


request_stats = RequestStats()
"""There is one, as an execution environment serves one event at a time."""
