"""The connection to Postgres: one per execution environment, kept between events."""

import random
import select
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

import psycopg
from psycopg import pq
from psycopg.abc import PQGen
from psycopg.pq import ConnStatus, PollingStatus, TransactionStatus
from psycopg.rows import TupleRow

from taskapi import log, time_budget
from taskapi.errors import ServiceUnavailable, SettingsError
from taskapi.postgres import conninfo as database_url
from taskapi.postgres.faults import (
    CANCELLED,
    FAULTS,
    SEARCH_RUNNING,
    Fault,
    Retry,
    fault_of,
)
from taskapi.request_stats import request_stats
from taskapi.settings import environment, secret

PATIENCE = 5.0
"""Seconds for one connecting, or for one statement that may be sent again.

A sleeping Neon is awake by then, and a second attempt has room in the budget.
"""

IDLE_LIMIT = 240.0
"""Seconds after which an idle connection isn't trusted any more.

Below the 350 s after which AWS's NAT gateways and load balancers forget it, and the
300 s after which Neon suspends.
"""

CANCELLING = 0.75
"""Seconds to cancel a statement that took too long, and to read the server's answer.

The statement itself has that much less time.
"""

FAILURE_LIMIT = 10.0
"""Seconds for which a failure of the init phase counts as the first request's attempt.

Lambda's init phase takes 10 s at most, and an event that has caused it follows at once.
An older failure is from an environment that has waited since, such as one of
provisioned concurrency, and says nothing about now.
"""

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between attempts, at most: doubled each time, then a random part of it."""

T = TypeVar("T")

# Of the system: restored from a snapshot, two environments would draw the same.
lot = random.SystemRandom()


class Connection(psycopg.Connection[TupleRow]):
    """A connection that waits for an answer until its deadline and no longer."""

    deadline = float("inf")
    idle_since = 0.0
    forbids_writes = False
    cancelled = False

    def wait(
        self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None
    ) -> T:
        """Return what gen does; raise a psycopg.Error after the deadline.

        After the deadline it cancels the statement. Otherwise the server would go on
        computing, or make the change as soon as it gets a lock. If the server answers,
        the answer says whether the statement was cancelled or had ended.
        """
        try:
            return super().wait(gen, interval, self.remaining())
        except psycopg.OperationalError:
            active = self.pgconn.transaction_status == TransactionStatus.ACTIVE
            if self.remaining() or not active:
                raise
        self.deadline += CANCELLING
        self.cancelled = True
        # A server may just close the socket of the cancellation; its answer to the
        # statement comes on this connection.
        with suppress(psycopg.OperationalError):
            self.cancel_safe(timeout=CANCELLING)
        return super().wait(gen, interval, self.remaining())

    def remaining(self) -> float:
        return max(self.deadline - time_budget.clock(), 0.0)

    def is_usable(self) -> bool:
        """Return whether the connection seems to work, without a round trip.

        An idle socket becomes readable only when the server closes it.
        """
        young = time_budget.clock() - self.idle_since < IDLE_LIMIT
        return young and not wait_for(select.POLLIN, self.pgconn.socket, 0.0)


_idle: Connection | None = None
_failure: tuple[float, psycopg.Error] | None = None


def connect_early() -> None:
    """Connect, for the next query, which raises the error if this fails."""
    global _idle, _failure
    try:
        limit = time_budget.clock() + PATIENCE
        _idle = connect(min(limit, time_budget.deadline()))
    except psycopg.Error as error:
        _failure = time_budget.clock(), error
    except (SettingsError, ServiceUnavailable):
        pass  # The next query gets it again.


def read(sql: str, params: Mapping[str, object]) -> Sequence[TupleRow]:
    """Run one statement that changes nothing, as query() does."""
    return query(sql, params, repeatable=True, writes=False)


def query(
    sql: str,
    params: Mapping[str, object],
    *,
    repeatable: bool = False,
    writes: bool = True,
) -> Sequence[TupleRow]:
    """Run one statement in one round trip and return its rows.

    repeatable: whether running it twice does and returns what running it once does.
    Any other statement is sent again only if it has certainly changed nothing.

    Raises ServiceUnavailable, by the request's deadline.
    """
    started = time_budget.clock()
    try:
        deadline = time_budget.deadline()
        return attempts(sql.encode(), params, repeatable, writes, deadline)
    finally:
        request_stats.database_seconds += time_budget.clock() - started


def attempts(
    sql: bytes,
    params: Mapping[str, object],
    repeatable: bool,
    writes: bool,
    deadline: float,
) -> Sequence[TupleRow]:
    """Run a statement until it is answered, or until that isn't worth trying."""
    attempt, unknown = 0, False
    while True:
        connection = None
        limit = min(deadline, time_budget.clock() + PATIENCE)
        try:
            with borrowed(limit) as connection:
                limit = deadline - CANCELLING
                if repeatable:
                    limit = min(limit, time_budget.clock() + PATIENCE)
                connection.deadline = limit
                return run(connection, sql, params)
        except psycopg.Error as error:
            fault = fault_in(error, connection, limit)
            if fault is None:
                raise
            sent = connection is not None
            attempt += 1
            unknown |= writes and sent and not fault.rolled_back
            pause = backoff(attempt)
            again = is_worth_repeating(fault, sent, repeatable)
            if fault.credentials and secret.settings_secret.reread():
                again, pause = True, 0.0
            again = again and time_budget.clock() + pause < deadline - CANCELLING
            log_fault(fault, error, attempt=attempt, sent=sent, again=again)
            if not again:
                raise fault.answer(unknown) from error
        request_stats.database_retries += 1
        time.sleep(pause)


FORBIDS_WRITES = b"""
    SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only')::boolean
"""


def run(
    connection: Connection, sql: bytes, params: Mapping[str, object]
) -> Sequence[TupleRow]:
    """Return the rows; after a refused write, find out whether a setting refuses it."""
    try:
        return connection.execute(sql, params).fetchall()
    except psycopg.errors.ReadOnlySqlTransaction:
        [(forbids,)] = connection.execute(FORBIDS_WRITES).fetchall()
        connection.forbids_writes = forbids
        raise


def fault_in(
    error: psycopg.Error, connection: Connection | None, limit: float
) -> Fault | None:
    """Return what error means, on a connection if there was one."""
    timed_out = time_budget.clock() >= limit
    if connection is None:
        return fault_of(error, timed_out)
    if connection.cancelled and isinstance(error, psycopg.errors.QueryCanceled):
        return FAULTS[CANCELLED]
    return fault_of(error, timed_out, connection.forbids_writes)


def is_worth_repeating(fault: Fault, sent: bool, repeatable: bool) -> bool:
    """Tell whether the statement may, and should, be sent after fault."""
    if fault.retry is Retry.IF_REPEATABLE:
        return repeatable or not sent
    return fault.retry is Retry.ALWAYS


def backoff(attempt: int) -> float:
    """Return the seconds to wait after an attempt, the first being 1."""
    longest = min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_PAUSE)
    return lot.random() * longest


@contextmanager
def borrowed(deadline: float) -> Iterator[Connection]:
    """Lend the idle connection, or a new one, which is closed after an exception.

    A search that waits for its turn keeps it: the next attempt needs no new one.

    deadline: for connecting.
    """
    global _idle, _failure
    failure, _failure = _failure, None
    if failure and time_budget.clock() - failure[0] < FAILURE_LIMIT:
        raise failure[1]
    connection, _idle = _idle, None
    if connection and not connection.is_usable():
        connection.close()
        connection = None
    connection = connection or connect(deadline)
    usable = False
    try:
        yield connection
        usable = True
    except psycopg.Error as error:
        usable = error.sqlstate == SEARCH_RUNNING
        raise
    finally:
        # A cancellation that came too late might yet hit the next statement.
        if usable and not connection.cancelled:
            connection.idle_since = time_budget.clock()
            _idle = connection
        else:
            connection.close()


def connect(deadline: float) -> Connection:
    """Open a connection; raise psycopg.OperationalError, by the deadline.

    psycopg.connect() has a timeout in whole seconds, of at least two, for each address
    of the host anew.
    """
    conninfo = database_url.conninfo(environment.database_url())
    pgconn = pq.PGconn.connect_start(conninfo.encode())
    try:
        state = PollingStatus.WRITING
        while state != PollingStatus.OK:
            if state == PollingStatus.FAILED or pgconn.status == ConnStatus.BAD:
                raise psycopg.OperationalError(pgconn.get_error_message())
            reading = state == PollingStatus.READING
            event = select.POLLIN if reading else select.POLLOUT
            if not wait_for(event, pgconn.socket, deadline - time_budget.clock()):
                raise psycopg.errors.ConnectionTimeout("connecting took too long")
            state = PollingStatus(pgconn.connect_poll())
    except BaseException:
        pgconn.finish()
        raise
    pgconn.nonblocking = 1
    connection = Connection(pgconn)
    connection.autocommit = True
    connection.idle_since = time_budget.clock()
    connection.prepare_threshold = None
    return connection


def wait_for(event: int, socket: int, seconds: float) -> bool:
    """Wait until the socket is ready for event, or broken; return whether it is."""
    poll = select.poll()
    poll.register(socket, event)
    return bool(poll.poll(max(seconds, 0.0) * 1000))


def log_fault(
    fault: Fault, error: psycopg.Error, *, attempt: int, sent: bool, again: bool
) -> None:
    """Log a fault, without libpq's and the server's messages.

    Those of statements may quote a task, those of connections a password.
    """
    log.logger.warning(
        fault.meaning,
        exception=f"{type(error).__module__}.{type(error).__qualname__}",
        sqlstate=error.sqlstate,
        attempt=attempt,
        sent=sent,
        again=again,
    )
