"""Find out which fault an error of psycopg is, and what a command may print about it.

If connecting fails, commands print the fault's meaning instead of what libpq or the
server says. That quotes host, port, user and database, which are parts of the password
in a mistyped URL.
"""

import re

import psycopg

from taskapi.postgres.faults import (
    CA_FILE,
    CLIENT_CERTIFICATE,
    FAULTS,
    FORBIDS_WRITES,
    LOST,
    NO_ADDRESS,
    REFUSED,
    TIMED_OUT,
    TLS,
    Fault,
)

TEXTS = {
    # TLS first: these messages also name files, whose names may hold the other texts.
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
    # After those above, because the pooler may quote one of them from the server.
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
    # From the operating system.
    "could not translate host name": NO_ADDRESS,
    "could not parse network address": NO_ADDRESS,
    "Connection refused": REFUSED,
    "No such file or directory": REFUSED,
    # The most general last.
    " does not exist": "3D000",
}
"""Parts of error messages, for errors without a SQLSTATE that says more.

libpq hides the SQLSTATE of a refused connection, and PgBouncer has 08P01 for everything
(its src/objects.c and src/client.c). The first text that is found counts, so special
texts come before general ones.
"""


def diagnose(
    error: psycopg.Error, timed_out: bool, forbids_writes: bool = False
) -> Fault | None:
    """Return which fault error is, None for a bug of ours.

    forbids_writes: whether a setting forbids writes; if not, the server is a standby.
    """
    state = error.sqlstate
    if state is None and not isinstance(error, psycopg.OperationalError):
        return None
    if state is None or state == "08P01":
        # Names in quotes don't count: a database may be called "certificate".
        text = re.sub(r'"[^"]*"', '""', str(error))
        matches = (key for words, key in TEXTS.items() if words in text)
        state = next(matches, None) or state or (TIMED_OUT if timed_out else LOST)
    if state == "25006" and forbids_writes:
        state = FORBIDS_WRITES
    return FAULTS.get(state) or FAULTS.get(state[:2])


def describe(error: psycopg.Error) -> str:
    """Return what a command may print about an error.

    What a server says about a statement names tables, and may be printed. What it says
    about a connection, and all that libpq says, quotes parts of DATABASE_URL.
    """
    if error.diag.message_primary and error.diag.severity_nonlocalized == "ERROR":
        return f"{error.diag.message_primary} (SQLSTATE {error.sqlstate})"
    fault = diagnose(error, timed_out=False)
    return fault.meaning if fault else type(error).__name__
