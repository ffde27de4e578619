"""Send a statement and return its rows; have Postgres keep the plans of some.

To plan a statement of one task takes Postgres four times as long as to run it. So a
statement that is sent often is prepared, in the round trip of its first use on a
connection; later ones send only its name and parameters.

The name is a hash of the statement. A pooler that knows nothing of prepared statements
may lend a connection that has others than this client's: whatever has the name is this
statement, or there is nothing of that name. In that case, and when a migration has
changed the types of what it returns, Postgres refuses the statement before it runs.
Then it is sent again without a name, and so are all others on this connection.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import psycopg
from psycopg import generators
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import PyFormat
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import TupleRow

from taskapi.log import logger
from taskapi.postgres.connection import Connection

MOST_PLANS = 30
"""Statements that one connection prepares; all others are sent without a name.

Each takes 30 to 100 KB of the server's memory.
"""

NO_PLAN = (
    psycopg.errors.InvalidSqlStatementName,
    psycopg.errors.DuplicatePreparedStatement,
    psycopg.errors.FeatureNotSupported,
)
"""What Postgres answers if it doesn't have the statement, has it already, or has it
from before a migration ("cached plan must not change result type")."""


def execute(
    connection: Connection,
    sql: str,
    params: Mapping[str, object],
    keep_plan: bool = False,
) -> Sequence[TupleRow]:
    """Run a statement in one round trip and return its rows.

    keep_plan: whether Postgres may keep its plan. For most users it should then be as
    good as one that is made for their values.
    """
    text, names = to_positional(sql)
    values = connection.transformer.dump_sequence(
        [params[name] for name in names], [PyFormat.AUTO] * len(names)
    )
    types = connection.transformer.types or ()
    name = name_of(text, types) if keep_plan else b""
    try:
        result = connection.wait(exchange(connection, name, text, values))
    except NO_PLAN as error:
        if connection.plans is None or name not in connection.plans:
            raise
        logger.info("a connection without prepared statements", sqlstate=error.sqlstate)
        connection.plans = None
        result = connection.wait(exchange(connection, b"", text, values))
    connection.transformer.set_pgresult(result)
    return connection.transformer.load_rows(0, result.ntuples, tuple)


@lru_cache(maxsize=500)
def to_positional(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """Return the statement with $1 for its first parameter, and the names of all."""
    names: dict[str, int] = {}

    def replace(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        return f"${names.setdefault(found[1], len(names) + 1)}"

    text = re.sub(r"%%|%\((\w+)\)s", replace, sql)
    return text.encode(), tuple(names)


@lru_cache(maxsize=500)
def name_of(text: bytes, types: tuple[int, ...]) -> bytes:
    """Return the name of a prepared statement, which no other statement has."""
    digest = hashlib.blake2b(text + repr(types).encode(), digest_size=16)
    return b"tasks_" + digest.hexdigest().encode()


def exchange(
    connection: Connection,
    name: bytes,
    text: bytes,
    values: Sequence[Buffer | None],
) -> PQGen[PGresult]:
    """Send a statement and return its result.

    name: of the statement, if it is to be prepared.
    """
    pgconn, plans = connection.pgconn, connection.plans
    types, formats = connection.transformer.types, connection.transformer.formats
    if not name or plans is None or (name not in plans and len(plans) >= MOST_PLANS):
        pgconn.send_query_params(text, values, types, formats)
        results = yield from generators.execute(pgconn)
        return last_result(connection, results)
    if name not in plans:
        pgconn.enter_pipeline_mode()
        # The pooler's connection may have it from another client. To close a statement
        # that isn't there is no error.
        pgconn.send_close_prepared(name)
        pgconn.send_prepare(name, text, types)
        pgconn.send_query_prepared(name, values, formats)
        pgconn.pipeline_sync()
        result = last_result(connection, (yield from end_pipeline(pgconn)))
        plans.add(name)
        return result
    pgconn.send_query_prepared(name, values, formats)
    results = yield from generators.execute(pgconn)
    return last_result(connection, results)


def end_pipeline(pgconn: PGconn) -> PQGen[list[PGresult]]:
    """Return the results of all that was sent, and leave pipeline mode."""
    results: list[PGresult] = []
    while not results or results[-1].status != ExecStatus.PIPELINE_SYNC:
        try:
            results += yield from generators.execute(pgconn)
        except psycopg.OperationalError:
            # The server may say what is wrong, and then close the connection.
            if any(result.status == ExecStatus.FATAL_ERROR for result in results):
                return results
            raise
    pgconn.exit_pipeline_mode()
    return results[:-1]


def last_result(connection: Connection, results: Sequence[PGresult]) -> PGresult:
    """Return the last of the results; raise the first error."""
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            encoding = connection.info.encoding
            raise psycopg.errors.error_from_result(result, encoding=encoding)
    return results[-1]
