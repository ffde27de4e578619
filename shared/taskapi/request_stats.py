"""What the current request has spent on the database: seconds and retries."""


class RequestStats:
    """query() adds to it; the handler logs it, and collect_metrics() resets it."""

    database_seconds = 0.0
    database_retries = 0


request_stats = RequestStats()
"""One is enough: an execution environment serves one event at a time."""
