"""Run a statement, and run it again if that is safe and may help."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import psycopg
from psycopg.rows import TupleRow

from taskapi import time_budget
from taskapi.errors import TooManyRequests
from taskapi.log import logger
from taskapi.postgres.connection import (
    ATTEMPT_TIMEOUT,
    CANCEL_TIMEOUT,
    Connection,
    use_connection,
)
from taskapi.postgres.diagnosis import diagnose
from taskapi.postgres.execute import execute
from taskapi.postgres.faults import CANCELLED, FAULTS, Fault, Retry
from taskapi.request_stats import request_stats
from taskapi.settings import secret

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""The longest pause in seconds after the first attempt, which doubles with each
attempt, and its limit. The actual pause is random, between 0 and the longest."""

# Two environments that are restored from one snapshot would draw the same numbers from
# Python's own generator.
rng = random.SystemRandom()

T = TypeVar("T")

FORBIDS_WRITES = """
    SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only')::boolean
"""


def read(
    sql: str, params: Mapping[str, object], *, keep_plan: bool = False
) -> Sequence[TupleRow]:
    """Run one statement that changes nothing, as query() does."""
    return query(sql, params, repeatable=True, writes=False, keep_plan=keep_plan)


def query(
    sql: str,
    params: Mapping[str, object],
    *,
    repeatable: bool = False,
    writes: bool = True,
    keep_plan: bool = False,
) -> Sequence[TupleRow]:
    """Run one statement in one round trip and return its rows.

    repeatable: whether running it twice has the same effect and result as running it
    once. Any other statement is sent again only if it has certainly changed nothing.
    keep_plan: see execute().

    Raises ServiceUnavailable or TooManyRequests, by the request's deadline.
    """
    send = partial(run, sql=sql, params=params, keep_plan=keep_plan)
    return run_with_retries(send, repeatable, writes)


def run_with_retries(
    send: Callable[[Connection], T], repeatable: bool, writes: bool
) -> T:
    """Return what send returns, within the request's deadline.

    send: sends a statement, or several that are committed together.
    """
    started = time_budget.clock()
    try:
        deadline = time_budget.deadline()
        return run_until(deadline, send, repeatable, writes)
    finally:
        request_stats.database_seconds += time_budget.clock() - started


def run_until(
    deadline: float, send: Callable[[Connection], T], repeatable: bool, writes: bool
) -> T:
    """Call send until it succeeds, or until another attempt can't help."""
    attempt, outcome_unknown = 0, False
    ends: dict[Fault, float] = {}
    while True:
        connection = None
        limit = min(deadline, time_budget.clock() + ATTEMPT_TIMEOUT)
        try:
            with use_connection(limit) as connection:
                limit = deadline - CANCEL_TIMEOUT
                if repeatable:
                    limit = min(limit, time_budget.clock() + ATTEMPT_TIMEOUT)
                connection.deadline = limit
                return send(connection)
        except psycopg.Error as error:
            fault = find_fault(error, connection, limit)
            if fault is None:
                raise
            was_sent = connection is not None
            attempt += 1
            outcome_unknown |= writes and was_sent and not fault.rolled_back
            pause = backoff(attempt)
            will_retry = may_retry(fault, was_sent, repeatable)
            if fault.credentials and secret.settings_secret.reread():
                will_retry, pause = True, 0.0
            now = time_budget.clock()
            end = ends.setdefault(fault, now + fault.retry_for)
            last = min(end, deadline - CANCEL_TIMEOUT)
            will_retry = will_retry and now + pause < last
            # A user who sends too much shouldn't fill the log as well.
            if not (will_retry and fault.error is TooManyRequests):
                log_fault(fault, error, attempt, was_sent, will_retry)
            if not will_retry:
                raise fault.to_error(outcome_unknown) from error
        request_stats.database_retries += 1
        time.sleep(pause)


def run(
    connection: Connection,
    sql: str,
    params: Mapping[str, object],
    keep_plan: bool = False,
) -> Sequence[TupleRow]:
    """Return the rows of one statement."""
    try:
        return execute(connection, sql, params, keep_plan)
    except psycopg.errors.ReadOnlySqlTransaction:
        note_whether_writes_are_forbidden(connection)
        raise


def note_whether_writes_are_forbidden(connection: Connection) -> None:
    """Find out, after a write was refused, whether a setting forbids writes."""
    [(connection.forbids_writes,)] = execute(connection, FORBIDS_WRITES, {})


def find_fault(
    error: psycopg.Error, connection: Connection | None, limit: float
) -> Fault | None:
    """Return which fault error is, None for a bug of ours.

    connection: the one that the statement was sent on, if there was one. limit: when
    the attempt had to end.
    """
    timed_out = time_budget.clock() >= limit
    if connection is None:
        return diagnose(error, timed_out)
    if connection.cancelled and isinstance(error, psycopg.errors.QueryCanceled):
        return FAULTS[CANCELLED]
    return diagnose(error, timed_out, connection.forbids_writes)


def may_retry(fault: Fault, was_sent: bool, repeatable: bool) -> bool:
    """Return whether sending the statement again is safe, and may help."""
    if fault.retry is Retry.IF_REPEATABLE:
        return repeatable or not was_sent
    return fault.retry is Retry.ALWAYS


def backoff(attempt: int) -> float:
    """Return the seconds to wait after an attempt, the first being 1."""
    longest = min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_PAUSE)
    return rng.random() * longest


def log_fault(
    fault: Fault, error: psycopg.Error, attempt: int, was_sent: bool, will_retry: bool
) -> None:
    """Log a fault without the message of libpq or the server.

    It may quote a task or a password.
    """
    logger.warning(
        fault.meaning,
        exception=f"{type(error).__module__}.{type(error).__qualname__}",
        sqlstate=error.sqlstate,
        attempt=attempt,
        sent=was_sent,
        again=will_retry,
    )
