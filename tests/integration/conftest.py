"""A second connection to the tests' database."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest


@pytest.fixture
def postgres(database: str) -> Iterator[psycopg.Connection[Any]]:
    """Return another connection than the functions'."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection
