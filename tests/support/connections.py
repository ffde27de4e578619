"""The connection that the functions keep between requests in a test's process."""

from taskapi.postgres import connection


def forget_connection() -> None:
    """Close the connection, so that the next request opens a new one."""
    if connection._idle:
        connection._idle.close()
    connection._idle = None
