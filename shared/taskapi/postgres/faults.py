"""The ways in which the database can fail, and how the API reports each."""

from enum import Enum
from typing import NamedTuple

from taskapi.errors import ServiceUnavailable, TooManyRequests


class Retry(Enum):
    """Whether to resend a statement that failed this way.

    A statement that was never sent is sent again unless this is NEVER.
    """

    NEVER = "it would fail again"
    IF_REPEATABLE = "it may have been carried out"
    ALWAYS = "it has changed nothing"


class Locked(ServiceUnavailable):
    """Another statement held the lock for too long."""


UNREACHABLE = "The database can't be reached"
BUSY = "The database is busy; please try again"
ENDED = "The database ended the connection; please try again"
POOLER = "The database's pooler reported a failure; please try again"
TOO_SLOW = "The database didn't answer in time"
IN_USE = "Another request is using the same data; please try again"
FAILED = "The database reported a failure of its own"
FULL = "The database can't store anything at the moment"
READ_ONLY = "The database accepts no changes at the moment"
READING = (
    "You are sending too many searches, summaries and long lists at once; "
    "send the next one when the one before has been answered"
)
WRITING = (
    "You are sending too many changes at once, and this one was not made; "
    "send it again, and send several as one batch"
)
DAILY_LIMIT = (
    "You have made too many changes in a short time, and this one was not made; "
    "send it again later"
)
LIMITED = "You are sending too many requests; please try again later"
SET_UP = "The database isn't set up correctly for this service"
"""What callers read; it never says the cause."""


class Fault(NamedTuple):
    """One way in which the database can fail: a value of FAULTS.

    meaning: the log message. message: what the caller reads. retry_after: seconds.
    rolled_back: whether a statement that failed this way has certainly changed nothing.
    credentials: whether new credentials may help. error: what to raise. retry_for:
    seconds after the first such failure in which the statement is sent again.
    """

    meaning: str
    message: str
    retry: Retry
    retry_after: int = 1
    rolled_back: bool = True
    credentials: bool = False
    error: type[ServiceUnavailable | TooManyRequests] = ServiceUnavailable
    retry_for: float = float("inf")

    def to_error(self, outcome_unknown: bool) -> ServiceUnavailable | TooManyRequests:
        """Return the error to raise.

        outcome_unknown: whether a write was sent that may or may not have been made. A
        429 would say that it wasn't, but the limit has refused only the last attempt.
        """
        if not outcome_unknown:
            return self.error(self.message, self.retry_after)
        is_limit = self.error is TooManyRequests
        error, message = (
            (ServiceUnavailable, LIMITED) if is_limit else (self.error, self.message)
        )
        outcome = "it isn't known whether a change was made"
        return error(f"{message}; {outcome}", self.retry_after)


TURN_TIMEOUT = 3.0
"""Seconds to wait for a turn. Waiting occupies an execution environment and no
connection to Postgres. Users who send a lot at once shouldn't occupy all environments
either."""


def no_turn(meaning: str, message: str) -> Fault:
    """Return a fault that ends when another request of the user ends."""
    return Fault(
        meaning,
        message,
        Retry.ALWAYS,
        error=TooManyRequests,
        retry_for=TURN_TIMEOUT,
    )


def connection_lost(meaning: str, message: str = UNREACHABLE) -> Fault:
    """Return a fault after which it isn't known whether the statement ran."""
    return Fault(meaning, message, Retry.IF_REPEATABLE, rolled_back=False)


def transient(meaning: str, message: str) -> Fault:
    """Return a fault that may be over at the next attempt."""
    return Fault(meaning, message, Retry.ALWAYS)


def permanent(meaning: str, message: str = SET_UP) -> Fault:
    """Return a fault that a person has to repair; callers are told to wait longer."""
    return Fault(meaning, message, Retry.NEVER, retry_after=30)


def server_failure(meaning: str) -> Fault:
    """Return a fault of the server's own, which may have made the change."""
    return Fault(meaning, FAILED, Retry.NEVER, retry_after=5, rolled_back=False)


TIMED_OUT = "timed out"
CANCELLED = "cancelled"
LOST = "lost"
REFUSED = "refused"
NO_ADDRESS = "no address"
TLS = "tls"
CA_FILE = "ca file"
CLIENT_CERTIFICATE = "client certificate"
FORBIDS_WRITES = "forbids writes"
NO_READ_TURN, NO_WRITE_TURN, TOO_MANY_WRITES = "T0001", "T0003", "T0004"
LIMITS = (NO_READ_TURN, NO_WRITE_TURN, TOO_MANY_WRITES)
"""What take_search_turn(), take_write_turn() and count_write() raise
(migrations/0021_limits.sql)."""

MIGRATE = "apply the migrations (make migrate), or look at the role's search_path"

FAULTS = {
    # Without a SQLSTATE: what the client finds out by itself.
    TIMED_OUT: connection_lost("the database didn't answer in time", TOO_SLOW),
    CANCELLED: Fault(
        "the statement took too long and was cancelled", TOO_SLOW, Retry.NEVER
    ),
    LOST: connection_lost("the connection failed"),
    REFUSED: connection_lost(
        "the connection was refused: no server listens at that host"
    ),
    NO_ADDRESS: connection_lost("the name of the host in DATABASE_URL has no address"),
    TLS: permanent("this server doesn't offer TLS as DATABASE_URL requires it"),
    CA_FILE: permanent(
        "the file of root certificates (sslrootcert in DATABASE_URL) can't be read"
    ),
    CLIENT_CERTIFICATE: permanent(
        "the client's certificate or key (sslcert, sslkey in DATABASE_URL) can't be "
        "used, or the server wants one"
    ),
    FORBIDS_WRITES: permanent(
        "default_transaction_read_only is on, for the role or for the database",
        READ_ONLY,
    ),
    # https://www.postgresql.org/docs/current/errcodes-appendix.html: codes, and classes
    # for all other codes that begin like this. A FATAL error may arrive after a commit.
    "08": connection_lost("the connection failed"),
    "0A000": permanent("the server or pooler refuses what DATABASE_URL asks for"),
    "0P000": permanent("a role that a setting names doesn't exist"),
    "22021": permanent("the database isn't UTF8, and can't hold this text"),
    "22P05": permanent("the database isn't UTF8, and can't hold this text"),
    "25006": transient("this server is a read-only standby", READ_ONLY),
    "25P02": transient("the pooler lent a connection in a failed state", POOLER),
    "25P03": transient("the server ended an idle transaction", ENDED),
    "25P04": Fault(
        "the transaction was ended by the server's transaction_timeout",
        TOO_SLOW,
        Retry.NEVER,
    ),
    "26000": transient("the pooler mixed up two connections", POOLER),
    "28": Fault(
        "the server refuses the credentials in DATABASE_URL",
        SET_UP,
        Retry.NEVER,
        retry_after=30,
        credentials=True,
    ),
    "3D000": permanent("the database or role in DATABASE_URL doesn't exist"),
    "3F000": permanent(f"a schema is missing; {MIGRATE}"),
    "40": transient("the statement met another one and was rolled back", IN_USE),
    "40003": connection_lost(
        "the server doesn't know whether the statement was completed", FAILED
    ),
    "42501": permanent("the role in DATABASE_URL lacks privileges"),
    "42703": permanent(f"a column is missing; {MIGRATE}"),
    "42704": permanent(f"an object is missing; {MIGRATE}"),
    "42809": permanent(f"an object is of another kind than it should be; {MIGRATE}"),
    "42883": permanent(f"a function is missing; {MIGRATE}"),
    "42P01": permanent(f"a table is missing; {MIGRATE}"),
    "42P05": transient("the pooler mixed up two connections", POOLER),
    "42P10": permanent(f"a unique index is missing; {MIGRATE}"),
    "53": Fault("the server is out of resources", BUSY, Retry.NEVER, retry_after=5),
    "53100": permanent("the server's disk is full", FULL),
    "53300": transient("the server or pooler has no connection left", BUSY),
    "53400": permanent("a limit of the server's settings is exceeded", BUSY),
    "54": permanent("a limit of the server is exceeded", FAILED),
    "55": permanent("the server can't do this in its present state", FAILED),
    "55006": Fault("an object is in use", IN_USE, Retry.NEVER),
    "55P03": Fault(
        "another statement holds the lock", IN_USE, Retry.NEVER, error=Locked
    ),
    "57": connection_lost("the server is shutting down"),
    "57014": Fault(
        "the statement was cancelled by a server's timeout", TOO_SLOW, Retry.NEVER
    ),
    "57P03": transient(
        "the server is starting, stopping or behind a failing pooler", UNREACHABLE
    ),
    "57P05": transient("the server ended an idle session", ENDED),
    "58": server_failure("the server failed"),
    "72": transient("the statement's snapshot was too old", BUSY),
    "F0": server_failure("the server's configuration file is wrong"),
    NO_READ_TURN: no_turn("another long read of this user is running", READING),
    NO_WRITE_TURN: no_turn("too many writes of this user are waiting", WRITING),
    TOO_MANY_WRITES: Fault(
        "too many writes of this user in a day",
        DAILY_LIMIT,
        Retry.NEVER,
        retry_after=60,  # Then there may be 138 more writes: a batch.
        error=TooManyRequests,
    ),
    "XX": server_failure("the server failed"),
}
"""By SQLSTATE, or its first two characters. Any other error is a bug of ours: a 500."""
