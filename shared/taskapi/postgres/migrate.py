"""Bring a database up to date: `python -m taskapi.postgres.migrate`, or `make migrate`.

This module locks, and records a migration, in the migration's own transaction, which
also works through a pooler. The usual tools don't: yoyo's lock is a row that stays when
its process is killed, and dbmate's driver refuses the channel_binding that Neon's URLs
have.
"""

import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psycopg

from taskapi.errors import Outage, SettingsError
from taskapi.postgres.conninfo import to_conninfo
from taskapi.postgres.diagnosis import describe
from taskapi.settings import environment
from taskapi.settings.secrets_manager import fetch_secret

MIGRATIONS = Path(__file__).parent / "migrations"

LOCK = 0x7461736B  # "task"; nothing else in this database locks that number
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(%s)"

LOCK_TIMEOUT = "3s"
"""How long a file waits for its table.

All later queries wait behind it, so this is less than the ATTEMPT_TIMEOUT of
a request.
"""

SECRET_TIMEOUT = 10.0
"""Seconds to read the secret, with an access key."""

ATTEMPTS, PAUSE = 10, 5.0
"""How often to try a file while others use its table, and the seconds between."""

LOCK_PAUSE = 0.1
"""The seconds between two attempts to get the lock."""

NO_TRANSACTION = b"-- no transaction"
"""The first line of a file whose statements can't run in a transaction, such as CREATE
INDEX CONCURRENTLY. Its statements end with a semicolon at the end of a line, and it
can be run again after any of them has failed."""


def migrate(url: str) -> list[str]:
    """Apply the files that aren't applied yet, in order; return their names.

    Each file runs in a transaction of its own, which also records it. If two processes
    migrate at once, the second waits for the first. Files that are recorded but aren't
    here belong to a newer release, and are left alone.

    Raises psycopg.Error, with the failed file's name in a note; only describe() may
    print it. Raises SettingsError if the database isn't UTF8.
    """
    conninfo = to_conninfo(url)
    applied = []
    with psycopg.connect(conninfo, autocommit=True) as connection:
        check_encoding(connection)
        for file in sorted(MIGRATIONS.glob("*.sql")):
            try:
                if apply(file, connection, conninfo):
                    applied.append(file.name)
            except psycopg.Error as error:
                error.add_note(file.name)
                raise
    return applied


def check_encoding(connection: psycopg.Connection) -> None:
    """Raise SettingsError unless the database can hold any text."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise SettingsError(
            f"The database in DATABASE_URL has the encoding {encoding}, which can't "
            "hold every text; make one with CREATE DATABASE ... TEMPLATE template0 "
            "ENCODING 'UTF8'"
        )


def apply(file: Path, connection: psycopg.Connection, conninfo: str) -> bool:
    """Apply file unless it is applied; return whether it was new.

    If the file can't lock its table in time, it releases its lock so that the queries
    queued behind it can run, then retries.
    """
    for _ in range(ATTEMPTS - 1):
        with suppress(psycopg.errors.LockNotAvailable):
            return apply_once(file, connection, conninfo)
        time.sleep(PAUSE)
    return apply_once(file, connection, conninfo)


def apply_once(file: Path, connection: psycopg.Connection, conninfo: str) -> bool:
    """Try once to apply file; raise LockNotAvailable if its table is in use.

    Another process may be migrating. Wait for it outside of a transaction: CREATE INDEX
    CONCURRENTLY in that process waits for the end of each transaction that has read
    something, even if that was only the lock.
    """
    while True:
        with connection.transaction():
            if connection.execute(TRY_LOCK, (LOCK,)).fetchone() == (True,):
                return apply_locked(file, connection, conninfo)
        time.sleep(LOCK_PAUSE)


def apply_locked(file: Path, connection: psycopg.Connection, conninfo: str) -> bool:
    """Apply file in the transaction that has the lock, unless it is applied.

    A file that runs without a transaction has a connection of its own, while this one
    holds the lock and the record.
    """
    source = file.read_bytes()
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations ("
        "name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
    )
    is_new = connection.execute(
        "INSERT INTO schema_migrations (name) VALUES (%s)"
        " ON CONFLICT DO NOTHING RETURNING name",
        (file.name,),
    ).fetchone()
    if not is_new:
        return False
    if source.startswith(NO_TRANSACTION):
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        with psycopg.connect(conninfo, autocommit=True) as other:
            for statement in source.split(b";\n"):
                other.execute(statement)
    else:
        connection.execute(
            "SELECT set_config('lock_timeout', %s, TRUE)", (LOCK_TIMEOUT,)
        )
        connection.execute(source)
    return True


def configured_url() -> str:
    """Return the URL in the environment or the secret; raise SettingsError."""
    arn = os.environ.get("SECRET_ARN")
    if os.environ.get("DATABASE_URL"):
        return environment.database_url()
    if not arn:
        raise SettingsError("DATABASE_URL is not set, and SECRET_ARN isn't either")
    if url := operators_secret(arn).get("DATABASE_URL"):
        return url
    raise SettingsError("The secret at SECRET_ARN has no DATABASE_URL")


def operators_secret(arn: str) -> Mapping[str, str]:
    """Return the values of a secret; raise SettingsError, which has AWS's reason.

    Reading may take longer than in a request: a profile's credentials may need a code
    that the operator types.
    """
    try:
        return fetch_secret(arn, SECRET_TIMEOUT)
    except Outage as error:
        raise SettingsError(
            f"{error}."
            " `aws sts get-caller-identity` shows whether AWS answers, and as whom"
        ) from error


def main() -> None:
    """Migrate the database at DATABASE_URL; exit with one line if that fails."""
    try:
        names = migrate(configured_url())
    except SettingsError as error:
        sys.exit(f"The migration can't begin: {error}")
    except psycopg.Error as error:
        [place] = getattr(error, "__notes__", ["connecting"])
        privileges = isinstance(error, psycopg.errors.InsufficientPrivilege)
        sys.exit(
            f"The migration failed ({place}); nothing after it was begun: "
            f"{describe(error)}"
            + (". Is this the migrations' secret or URL?" if privileges else "")
        )
    print("\n".join(f"applied {name}" for name in names) or "already up to date")


if __name__ == "__main__":
    main()
