"""The connection to Postgres: one per execution environment, kept between events."""

from collections.abc import Mapping, Sequence

import psycopg
from psycopg.rows import TupleRow

from taskapi.errors import ServiceUnavailable
from taskapi.settings import database_url

_connection: psycopg.Connection[TupleRow] | None = None


def query(sql: str, params: Mapping[str, object]) -> Sequence[TupleRow]:
    """Run one statement in one round trip and return its rows.

    Raises ServiceUnavailable where the database can't be reached.
    """
    global _connection
    try:
        if _connection is None or _connection.closed:
            _connection = psycopg.connect(
                database_url(), autocommit=True, prepare_threshold=None
            )
        return _connection.execute(sql.encode(), params).fetchall()
    except psycopg.OperationalError as error:
        _connection = None
        raise ServiceUnavailable("The database can't be reached") from error
