"""Delete everything that is stored for a user."""

from taskapi.postgres.query import query

ERASE = "SELECT erase_user(%(user_id)s) FROM take_write_turn(%(user_id)s)"
"""A function, so that it is one transaction (migrations/0016_trash.sql)."""


def erase(user_id: str) -> None:
    """Delete all that is stored for the user, also what the trash has."""
    query(ERASE, {"user_id": user_id}, repeatable=True)
