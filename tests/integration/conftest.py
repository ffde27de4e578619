"""A second connection to the tests' database, and an issuer's keys."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.jwks import Jwks
from tests.support.tokens import key


@pytest.fixture
def postgres(database: str) -> Iterator[psycopg.Connection[Any]]:
    """Return a connection that the functions don't use."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def jwks() -> Iterator[Jwks]:
    """Serve one key, of the default algorithm."""
    with Jwks().serving() as server:
        server.keys = [key("EdDSA").jwk()]
        yield server
