"""The connection that the functions keep between requests in a test's process."""

from taskapi.postgres import connection


def forget_connection() -> None:
    """Close the connection, so that the next request opens a new one."""
    if connection._idle:
        connection._idle.close()
    connection._idle = None


def kept_connection() -> connection.Connection:
    """Return the connection."""
    assert connection._idle
    return connection._idle


def forget_plans() -> None:
    """Have the functions prepare all statements again."""
    kept_connection().plans = set()
