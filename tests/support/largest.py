"""The largest tasks there can be, and what Lambda returns at most."""

import uuid
from typing import Any

import psycopg

from tests.support.api import Client

LAMBDA_LIMIT = 6_291_556
"""Bytes of a response, as Lambda's error message has it."""


def largest_tags(character: str) -> list[str]:
    return [f"{number:02}{character.strip() * 48}" for number in range(20)]


def user_with_largest_tasks(
    postgres: psycopg.Connection[Any], character: str, count: int
) -> Client:
    """Return a user with tasks of this character, whose own id is long too."""
    user = Client("🎉" * 223 + uuid.uuid4().hex)
    user.create("🎉" * 200, description=character * 5000)
    postgres.execute(
        "INSERT INTO tasks (user_id, title, description, tags) SELECT user_id, title,"
        " description, %s FROM tasks, generate_series(1, %s) WHERE user_id = %s",
        (largest_tags(character), count, user.user_id),
    )
    return user
