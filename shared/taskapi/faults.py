"""What the database may answer instead of rows, and what the API makes of each."""

from enum import Enum
from typing import NamedTuple

import psycopg

from taskapi.errors import ServiceUnavailable


class Retry(Enum):
    """Whether a statement that was sent, and failed so, is sent again.

    One that never left is sent again in any case but NEVER.
    """

    NEVER = "it would fail again"
    IF_REPEATABLE = "it may have been carried out"
    ALWAYS = "it has changed nothing"


class Locked(ServiceUnavailable):
    """Another statement held, for too long, the lock that this one needs."""


class Fault(NamedTuple):
    """A row of the table.

    meaning: the log line. retry_after: seconds. rolled_back: whether a statement that
    failed so has certainly changed nothing. credentials: whether new ones may help.
    """

    meaning: str
    retry: Retry
    retry_after: int = 1
    rolled_back: bool = True
    credentials: bool = False
    error: type[ServiceUnavailable] = ServiceUnavailable

    def answer(self, unknown: bool) -> ServiceUnavailable:
        """Return the error to raise; unknown: it isn't clear what a write has done."""
        outcome = "; it isn't known whether a change was made" if unknown else ""
        return self.error(f"The database can't be reached{outcome}", self.retry_after)


def _lost(meaning: str) -> Fault:
    return Fault(meaning, Retry.IF_REPEATABLE, rolled_back=False)


def _transient(meaning: str) -> Fault:
    return Fault(meaning, Retry.ALWAYS)


def _lasting(meaning: str) -> Fault:
    """A person has to do something about it, so callers needn't ask every second."""
    return Fault(meaning, Retry.NEVER, retry_after=30)


TIMED_OUT = "timed out"
LOST = "lost"
TLS = "tls"

FAULTS = {
    # Without a SQLSTATE: the client's own findings.
    TIMED_OUT: _lost("the database didn't answer in time"),
    LOST: _lost("the connection failed"),
    TLS: _lasting("TLS as DATABASE_URL asks for it can't be had from this server"),
    # https://www.postgresql.org/docs/current/errcodes-appendix.html: codes, then
    # classes. A FATAL may also arrive when the statement is committed already.
    "08": _lost("the connection failed"),
    "57": _lost("the server is shutting down"),
    "57P03": _transient("the server is starting, stopping or behind a failing pooler"),
    "57014": Fault("the statement was cancelled by a server's timeout", Retry.NEVER),
    "55P03": Fault("another statement holds the lock", Retry.NEVER, error=Locked),
    "40": _transient("the statement met another one and was rolled back"),
    "40003": _lost("the server doesn't know whether the statement was completed"),
    "25006": _transient("this server is a read-only standby"),
    "53": Fault("the server is out of resources", Retry.NEVER, retry_after=5),
    "53100": Fault("the server's disk is full", Retry.NEVER, retry_after=30),
    "53300": _transient("the server or pooler has no connection left"),
    "28": Fault(
        "the server refuses the credentials in DATABASE_URL",
        Retry.NEVER,
        retry_after=30,
        credentials=True,
    ),
    "3D000": _lasting("the database or role in DATABASE_URL doesn't exist"),
    "0A000": _lasting("the server or pooler refuses what DATABASE_URL asks for"),
    "42501": _lasting("the role in DATABASE_URL lacks privileges"),
    "42P01": _lasting("a table is missing; apply the migrations: make migrate"),
    "42703": _lasting("a column is missing; apply the migrations: make migrate"),
    "42883": _lasting("a function is missing; apply the migrations: make migrate"),
    "58": Fault("the server failed", Retry.NEVER, 5, rolled_back=False),
    "XX": Fault("the server failed", Retry.NEVER, 5, rolled_back=False),
}
"""By SQLSTATE or its class. What isn't here is a bug of ours, and a 500."""

TEXTS = {
    "authentication failed": "28",
    "no pg_hba.conf entry": "28",
    "no password supplied": "28",
    "no such user": "28",
    "is not permitted to log in": "28",
    "no such database": "3D000",
    " does not exist": "3D000",
    "unsupported startup parameter": "0A000",
    "too many clients": "53300",
    "too many connections": "53300",
    "remaining connection slots": "53300",
    "no more connections allowed": "53300",
    "query_wait_timeout": "53300",
    "cannot connect to server": "57P03",
    "server_login_retry": "57P03",
    "the database system is": "57P03",
    "certificate verify failed": TLS,
    "does not match host name": TLS,
    "does not support SSL": TLS,
    "root certificate file": TLS,
    "channel binding": TLS,
}
"""Where no SQLSTATE says it: libpq hides that of a refused connection, and PgBouncer
has 08P01 for everything (its src/objects.c and src/client.c)."""


def fault_of(error: psycopg.Error, timed_out: bool) -> Fault | None:
    """Return the row for error, or None where it is a bug of ours."""
    state = error.sqlstate
    if state is None and not isinstance(error, psycopg.OperationalError):
        return None
    if state is None or state == "08P01":
        text = str(error)
        found = (key for words, key in TEXTS.items() if words in text)
        state = next(found, None) or state or (TIMED_OUT if timed_out else LOST)
    return FAULTS.get(state) or FAULTS.get(state[:2])
