"""The connection to Postgres: one per execution environment, kept between requests."""

import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import psycopg
from psycopg import abc, adapt, pq
from psycopg.abc import PQGen
from psycopg.pq import ConnStatus, PollingStatus, TransactionStatus
from psycopg.rows import TupleRow
from psycopg.types.numeric import Int8Dumper
from psycopg.waiting import Ready

from taskapi import time_budget
from taskapi.errors import ServiceUnavailable, SettingsError
from taskapi.postgres.conninfo import to_conninfo
from taskapi.postgres.faults import LIMITS
from taskapi.settings import environment

ATTEMPT_TIMEOUT = 5.0
"""Seconds to connect, and seconds for one statement that may be sent again.

A sleeping Neon wakes up in less, and the request's budget leaves time for a second
attempt.
"""

CANCEL_TIMEOUT = 0.75
"""Seconds to cancel a statement that took too long, and to read the server's answer.

The statement itself has that much less time.
"""

MAX_IDLE = 240.0
"""Seconds after which an idle connection is replaced before it is used.

AWS's NAT gateways and load balancers forget an idle connection after 350 s, and Neon
suspends an idle database after 300 s.
"""

INIT_FAILURE_TTL = 10.0
"""Seconds for which a failure of the init phase counts as the first request's attempt.

Lambda's init phase takes 10 s at most, and the event that caused it follows at once.
If the failure is older, the environment has waited since (as one of provisioned
concurrency does), and the database may work by now.
"""

T = TypeVar("T")


class Connection(psycopg.Connection[TupleRow]):
    """A connection that stops waiting for an answer at its deadline."""

    deadline = float("inf")
    idle_since = 0.0
    forbids_writes = False
    cancelled = False
    transformer: abc.Transformer
    """Converts parameters and results; reused, because it remembers how."""
    plans: set[bytes] | None
    """The names of prepared statements; None if there can't be any."""

    def wait(
        self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None
    ) -> T:
        """Return gen's result; raise a psycopg.Error after the deadline.

        At the deadline it cancels the statement. Otherwise the server would go on
        computing, or make the change as soon as it gets a lock. If the server answers
        then, its answer says whether it cancelled the statement or had completed it.
        """
        try:
            return super().wait(gen, interval, self.remaining())
        except psycopg.OperationalError:
            active = self.pgconn.transaction_status == TransactionStatus.ACTIVE
            if self.remaining() or not active:
                raise
        self.deadline += CANCEL_TIMEOUT
        self.cancelled = True
        # The request to cancel has a socket of its own, which a server may close
        # without an answer. The answer to the statement comes on this connection.
        with suppress(psycopg.OperationalError):
            self.cancel_safe(timeout=CANCEL_TIMEOUT)
        return super().wait(resume(gen), interval, self.remaining())

    def remaining(self) -> float:
        """Return the seconds until the deadline, at least 0."""
        return max(self.deadline - time_budget.clock(), 0.0)

    def is_usable(self) -> bool:
        """Return whether the connection seems to work, without a round trip.

        An idle socket becomes readable only when the server closes it.
        """
        is_young = time_budget.clock() - self.idle_since < MAX_IDLE
        return is_young and not wait_for(select.POLLIN, self.pgconn.socket, 0.0)


def resume(gen: PQGen[T]) -> PQGen[T]:
    """Return a generator that continues gen, for which wait() has waited before.

    wait() begins with next(), so gen would receive None where it expects what is ready.
    psycopg's send(), which waits while the socket's buffer is full, raises a TypeError.
    """
    try:
        state = gen.send(Ready.NONE)
        while True:
            state = gen.send((yield state))
    except StopIteration as stop:
        result: T = stop.value
        return result


_idle: Connection | None = None
_failure: tuple[float, psycopg.Error] | None = None
"""When connecting in the init phase failed, and the error."""


def connect_early() -> None:
    """Connect for the next query; if that fails, the next query raises the error."""
    global _idle, _failure
    try:
        limit = time_budget.clock() + ATTEMPT_TIMEOUT
        _idle = connect(min(limit, time_budget.deadline()))
    except psycopg.Error as error:
        _failure = time_budget.clock(), error
    except (SettingsError, ServiceUnavailable):
        pass  # The next query raises it again.


@contextmanager
def use_connection(deadline: float) -> Iterator[Connection]:
    """Yield the idle connection, or a new one; close it after an exception.

    A statement that a limit of the user refuses keeps its connection, so that the next
    attempt needs no new one.

    deadline: for connecting.
    """
    global _idle, _failure
    failure, _failure = _failure, None
    if failure and time_budget.clock() - failure[0] < INIT_FAILURE_TTL:
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
        usable = error.sqlstate in LIMITS
        raise
    finally:
        # After a request to cancel, close the connection: the request could arrive late
        # and cancel the next statement.
        if usable and not connection.cancelled:
            connection.idle_since = time_budget.clock()
            _idle = connection
        else:
            connection.close()


def connect(deadline: float) -> Connection:
    """Open a connection; raise psycopg.OperationalError if that fails by the deadline.

    psycopg.connect() counts its timeout in whole seconds, at least two, and starts it
    again for each address of the host.
    """
    conninfo = to_conninfo(environment.database_url())
    pgconn = pq.PGconn.connect_start(conninfo.encode())
    try:
        state = PollingStatus.WRITING
        while state != PollingStatus.OK:
            if state == PollingStatus.FAILED or pgconn.status == ConnStatus.BAD:
                raise psycopg.OperationalError(pgconn.get_error_message())
            is_reading = state == PollingStatus.READING
            event = select.POLLIN if is_reading else select.POLLOUT
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
    # A number's type otherwise depends on its size, and the plan on the type.
    connection.adapters.register_dumper(int, Int8Dumper)
    connection.transformer, connection.plans = adapt.Transformer(connection), set()
    return connection


def wait_for(event: int, socket: int, seconds: float) -> bool:
    """Wait until the socket is ready for event, or broken; return whether it is."""
    poll = select.poll()
    poll.register(socket, event)
    return bool(poll.poll(max(seconds, 0.0) * 1000))
