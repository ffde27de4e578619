"""Run several statements in one round trip and one transaction, by libpq's pipeline.

psycopg's own pipeline isn't used, for two reasons. It sends a Sync, which commits, even
after an exception: then half of the statements would be committed. And it stops sending
while it waits for an answer, if the socket's buffer was full: a server that has nothing
to answer yet waits too.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many, send
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import TupleRow

from taskapi.postgres.connection import Connection
from taskapi.postgres.execute import bind, load_rows
from taskapi.postgres.query import note_whether_writes_are_forbidden, run_with_retries


class Statement(NamedTuple):
    """A statement and its values."""

    sql: str
    params: Mapping[str, object]


Rows = Sequence[TupleRow]


def query_all(
    statements: Sequence[Statement], answered: list[Rows], *, repeatable: bool
) -> None:
    """Run statements in one round trip; either all are committed or none.

    answered: gets the rows of each statement. After an exception that is about a
    statement, its length says about which.
    repeatable: whether running all of them twice has the same effect and results as
    once.

    Raises ServiceUnavailable or TooManyRequests, by the request's deadline.
    """
    run_with_retries(
        lambda connection: run_all(connection, statements, answered),
        repeatable,
        writes=True,
    )


def run_all(
    connection: Connection, statements: Sequence[Statement], answered: list[Rows]
) -> None:
    """Send all statements and one Sync; append the rows of each to answered.

    The server begins a transaction with the first statement and commits it at the Sync.
    After an error it skips the rest and rolls back, as it does if the connection breaks
    before it has the Sync.
    """
    answered.clear()
    pgconn, transformer = connection.pgconn, connection.transformer
    pgconn.enter_pipeline_mode()
    for sql, params in statements:
        text, values = bind(connection, sql, params)
        pgconn.send_query_params(text, values, transformer.types, transformer.formats)
    pgconn.pipeline_sync()
    *results, last = connection.wait(exchange(pgconn))
    if last.status == ExecStatus.PIPELINE_SYNC:
        pgconn.exit_pipeline_mode()
    for result in (*results, last):
        if result.status == ExecStatus.FATAL_ERROR:
            error = error_from_result(result)
            if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
                note_whether_writes_are_forbidden(connection)
            raise error
        if result.status == ExecStatus.TUPLES_OK:
            answered.append(load_rows(connection, result))


def exchange(pgconn: PGconn) -> PQGen[list[PGresult]]:
    """Send what libpq has, and return all results, of which the Sync's is the last.

    If the connection breaks, the last result is an error.
    """
    yield from send(pgconn)
    results: list[PGresult] = []
    while found := (yield from fetch_many(pgconn)):
        results += found
        is_broken = pgconn.status == ConnStatus.BAD
        if found[-1].status == ExecStatus.PIPELINE_SYNC or is_broken:
            break
    ends = {ExecStatus.PIPELINE_SYNC, ExecStatus.FATAL_ERROR}
    if not results or results[-1].status not in ends:
        raise psycopg.OperationalError("the connection was lost")
    return results
