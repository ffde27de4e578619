"""A second connection to the tests' database."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest


@pytest.fixture
def postgres(database: str) -> Iterator[psycopg.Connection[Any]]:
    """Return a connection that the functions don't use."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection
