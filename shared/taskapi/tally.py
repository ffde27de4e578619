"""What the current request has asked of the database so far."""


class Tally:
    """db counts, http reports."""

    database_seconds = 0.0
    database_retries = 0


tally = Tally()
"""There is one, as an execution environment serves one event at a time."""
