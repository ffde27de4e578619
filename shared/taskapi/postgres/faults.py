"""What the database may answer instead of rows, and what the API makes of each.

Nothing that libpq or a server says is printed where connecting fails: its text quotes
the host, port, user and database, which in a mistyped URL are parts of the password.
The table's own meanings are printed instead.
"""

import re
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


UNREACHABLE = "The database can't be reached"
BUSY = "The database is busy; please try again"
ENDED = "The database ended the connection; please try again"
POOLER = "The database's pooler reported a failure; please try again"
TOO_SLOW = "The database didn't answer in time"
IN_USE = "Another request is using the same data; please try again"
FAILED = "The database reported a failure of its own"
FULL = "The database can't store anything at the moment"
READ_ONLY = "The database accepts no changes at the moment"
SEARCHING = "Another search of yours is still running; please try again"
SET_UP = "The database isn't set up correctly for this service"
"""What callers read: true of each fault, and nothing about its cause."""


class Fault(NamedTuple):
    """A row of the table.

    meaning: the log line. message: what the caller reads. retry_after: seconds.
    rolled_back: whether a statement that failed so has certainly changed nothing.
    credentials: whether new ones may help.
    """

    meaning: str
    message: str
    retry: Retry
    retry_after: int = 1
    rolled_back: bool = True
    credentials: bool = False
    error: type[ServiceUnavailable] = ServiceUnavailable

    def answer(self, unknown: bool) -> ServiceUnavailable:
        """Return the error to raise; unknown: it isn't clear what a write has done."""
        outcome = "; it isn't known whether a change was made" if unknown else ""
        return self.error(f"{self.message}{outcome}", self.retry_after)


def _lost(meaning: str, message: str = UNREACHABLE) -> Fault:
    return Fault(meaning, message, Retry.IF_REPEATABLE, rolled_back=False)


def _transient(meaning: str, message: str) -> Fault:
    return Fault(meaning, message, Retry.ALWAYS)


def _lasting(meaning: str, message: str = SET_UP) -> Fault:
    """A person has to repair it, so callers are told to wait longer."""
    return Fault(meaning, message, Retry.NEVER, retry_after=30)


def _failed(meaning: str) -> Fault:
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
SEARCH_RUNNING = "T0001"
"""What take_search_turn() raises (migrations/0007_search_turns.sql)."""

_MIGRATE = "apply the migrations (make migrate), or look at the role's search_path"

FAULTS = {
    # Without a SQLSTATE: the client's own findings.
    TIMED_OUT: _lost("the database didn't answer in time", TOO_SLOW),
    CANCELLED: Fault(
        "the statement took too long and was cancelled", TOO_SLOW, Retry.NEVER
    ),
    LOST: _lost("the connection failed"),
    REFUSED: _lost("the connection was refused: no server listens at that host"),
    NO_ADDRESS: _lost("the name of the host in DATABASE_URL has no address"),
    TLS: _lasting("TLS as DATABASE_URL asks for it can't be had from this server"),
    CA_FILE: _lasting(
        "the file of root certificates (sslrootcert in DATABASE_URL) can't be read"
    ),
    CLIENT_CERTIFICATE: _lasting(
        "the client's certificate or key (sslcert, sslkey in DATABASE_URL) can't be "
        "used, or the server wants one"
    ),
    FORBIDS_WRITES: _lasting(
        "default_transaction_read_only is on, for the role or for the database",
        READ_ONLY,
    ),
    # https://www.postgresql.org/docs/current/errcodes-appendix.html: codes, then
    # classes. A FATAL may also arrive when the statement is committed already.
    "08": _lost("the connection failed"),
    "0A000": _lasting("the server or pooler refuses what DATABASE_URL asks for"),
    "0P000": _lasting("a role that a setting names doesn't exist"),
    "22021": _lasting("the database isn't UTF8, and can't hold this text"),
    "22P05": _lasting("the database isn't UTF8, and can't hold this text"),
    "25006": _transient("this server is a read-only standby", READ_ONLY),
    "25P02": _transient("the pooler lent a connection in a failed state", POOLER),
    "25P03": _transient("the server ended an idle transaction", ENDED),
    "25P04": Fault(
        "the transaction was ended by the server's transaction_timeout",
        TOO_SLOW,
        Retry.NEVER,
    ),
    "26000": _transient("the pooler mixed up two connections", POOLER),
    "28": Fault(
        "the server refuses the credentials in DATABASE_URL",
        SET_UP,
        Retry.NEVER,
        retry_after=30,
        credentials=True,
    ),
    "3D000": _lasting("the database or role in DATABASE_URL doesn't exist"),
    "3F000": _lasting(f"a schema is missing; {_MIGRATE}"),
    "40": _transient("the statement met another one and was rolled back", IN_USE),
    "40003": _lost(
        "the server doesn't know whether the statement was completed", FAILED
    ),
    "42501": _lasting("the role in DATABASE_URL lacks privileges"),
    "42703": _lasting(f"a column is missing; {_MIGRATE}"),
    "42704": _lasting(f"an object is missing; {_MIGRATE}"),
    "42809": _lasting(f"an object is of another kind than it should be; {_MIGRATE}"),
    "42883": _lasting(f"a function is missing; {_MIGRATE}"),
    "42P01": _lasting(f"a table is missing; {_MIGRATE}"),
    "42P05": _transient("the pooler mixed up two connections", POOLER),
    "42P10": _lasting(f"a unique index is missing; {_MIGRATE}"),
    "53": Fault("the server is out of resources", BUSY, Retry.NEVER, retry_after=5),
    "53100": _lasting("the server's disk is full", FULL),
    "53300": _transient("the server or pooler has no connection left", BUSY),
    "53400": _lasting("a limit of the server's settings is exceeded", BUSY),
    "54": _lasting("a limit of the server is exceeded", FAILED),
    "55": _lasting("the server can't do this in its present state", FAILED),
    "55006": Fault("an object is in use", IN_USE, Retry.NEVER),
    "55P03": Fault(
        "another statement holds the lock", IN_USE, Retry.NEVER, error=Locked
    ),
    "57": _lost("the server is shutting down"),
    "57014": Fault(
        "the statement was cancelled by a server's timeout", TOO_SLOW, Retry.NEVER
    ),
    "57P03": _transient(
        "the server is starting, stopping or behind a failing pooler", UNREACHABLE
    ),
    "57P05": _transient("the server ended an idle session", ENDED),
    "58": _failed("the server failed"),
    "72": _transient("the statement's snapshot was too old", BUSY),
    "F0": _failed("the server's configuration file is wrong"),
    SEARCH_RUNNING: _transient("another search of this user is running", SEARCHING),
    "XX": _failed("the server failed"),
}
"""By SQLSTATE or its class. What isn't here is a bug of ours, and a 500."""

TEXTS = {
    # TLS first: these messages also have names of files, which may hold other texts.
    "root certificate file": CA_FILE,
    "could not load system root certificate": CA_FILE,
    "certificate revocation list": CA_FILE,
    "private key file": CLIENT_CERTIFICATE,
    "certificate file": CLIENT_CERTIFICATE,
    "client certificate": CLIENT_CERTIFICATE,
    "certificate required": CLIENT_CERTIFICATE,
    "does not match private key": CLIENT_CERTIFICATE,
    "does not match host name": TLS,
    "certificate": TLS,
    "host name must be specified for a verified SSL": TLS,
    "does not support SSL": TLS,
    "SSL is required": TLS,
    "SSL required": TLS,
    "server sent an error response during SSL exchange": TLS,
    "direct SSL connection": TLS,
    "ALPN": TLS,
    "tlsv1 alert": TLS,
    "sslv3 alert": TLS,
    "ssl/tls alert": TLS,
    "unsupported protocol": TLS,
    "no protocols available": TLS,
    "wrong version number": TLS,
    "channel binding": TLS,
    # About the server or the pooler.
    "too many clients": "53300",
    "too many connections": "53300",
    "remaining connection slots": "53300",
    "no more connections allowed": "53300",
    "max_db_connections": "53300",
    "max_user_connections": "53300",
    "client_login_timeout": "53300",
    "query_wait_timeout": "53300",
    "query timeout": "57014",
    "query_timeout": "57014",
    "idle transaction timeout": "25P03",
    "idle_transaction_timeout": "25P03",
    "transaction timeout": "25P04",
    "transaction_timeout": "25P04",
    "client_idle_timeout": "57P05",
    # About the role.
    "authentication failed": "28",
    "authentication method requirement": "28",
    "no authentication": "28",
    "no pg_hba.conf entry": "28",
    "pg_hba.conf rejects": "28",
    "no password supplied": "28",
    "empty password": "28",
    "no such user": "28",
    "is not permitted to log in": "28",
    "must be specified in startup packet": "28",
    "SASL": "28",
    "SCRAM": "28",
    "permission denied": "42501",
    "no such database": "3D000",
    "endpoint could not be found": "3D000",
    "Endpoint ID": "0A000",
    "unsupported startup parameter": "0A000",
    "unrecognized configuration parameter": "0A000",
    "invalid command-line argument": "0A000",
    "invalid value for parameter": "0A000",
    "cannot be changed": "0A000",
    "cannot be set": "0A000",
    # The pooler may quote one of the above as what the server has said.
    "quota": "53400",
    "cannot connect to server": "57P03",
    "server_login_retry": "57P03",
    "server login failed": "57P03",
    "server login has been failing": "57P03",
    "the database system is": "57P03",
    "is shutting down": "57P03",
    "is paused": "57P03",
    "is not currently accepting connections": "55",
    "does not allow connections": "55",
    "is disabled": "55",
    # Of the operating system.
    "could not translate host name": NO_ADDRESS,
    "could not parse network address": NO_ADDRESS,
    "Connection refused": REFUSED,
    "No such file or directory": REFUSED,
    # The most general last.
    " does not exist": "3D000",
}
"""Where no SQLSTATE says it: libpq hides that of a refused connection, and PgBouncer
has 08P01 for everything (its src/objects.c and src/client.c). The first that is found
counts, so a more special text comes before a more general one."""


def fault_of(
    error: psycopg.Error, timed_out: bool, forbids_writes: bool = False
) -> Fault | None:
    """Return the row for error, or None where it is a bug of ours.

    forbids_writes: whether it is a setting that forbids them, and not a standby.
    """
    state = error.sqlstate
    if state is None and not isinstance(error, psycopg.OperationalError):
        return None
    if state is None or state == "08P01":
        # Names in quotes don't count: a database may be called "certificate".
        text = re.sub(r'"[^"]*"', '""', str(error))
        found = (key for words, key in TEXTS.items() if words in text)
        state = next(found, None) or state or (TIMED_OUT if timed_out else LOST)
    if state == "25006" and forbids_writes:
        state = FORBIDS_WRITES
    return FAULTS.get(state) or FAULTS.get(state[:2])


def describe(error: psycopg.Error) -> str:
    """Return what a command may print of an error.

    A server's words about a statement name tables; about a connection they, and all of
    libpq's words, quote what DATABASE_URL holds.
    """
    if error.diag.message_primary and error.diag.severity_nonlocalized == "ERROR":
        return f"{error.diag.message_primary} (SQLSTATE {error.sqlstate})"
    fault = fault_of(error, timed_out=False)
    return fault.meaning if fault else type(error).__name__
