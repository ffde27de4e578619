"""Bring a database up to date: `python -m taskapi.postgres.migrate`, or `make migrate`.

A short module rather than a tool: yoyo's lock is a row that outlives a killed process,
dbmate's driver refuses the channel_binding that Neon's URLs have, and neither locks
and records in the migration's own transaction, which also holds through a pooler.
"""

import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psycopg

from taskapi.errors import SettingsError
from taskapi.postgres import conninfo as database_url
from taskapi.postgres.faults import describe
from taskapi.settings import environment
from taskapi.settings.secret import EXTENSION_TIMEOUT
from taskapi.settings.secret_sources import fetch_secret
from taskapi.settings.secrets_manager import Outage

MIGRATIONS = Path(__file__).parent / "migrations"

LOCK = 0x7461736B  # "task": any number that nothing else in this database locks

LOCK_TIMEOUT = "3s"
"""How long a file waits for a table: whoever comes to the table later waits behind it,
so less than db.PATIENCE, in which a request would give up."""

ATTEMPTS, PAUSE = 10, 5.0
"""How often a file is begun while others hold its table, and the seconds between."""

ALONE = b"-- no transaction"
"""What a file begins with whose statements refuse to run in a transaction, as CREATE
INDEX CONCURRENTLY does. Each ends a line with its semicolon, and the file can be run
again after any of them has failed."""


def migrate(url: str) -> list[str]:
    """Apply what isn't applied yet, in order; return the names of those files.

    Each file runs in a transaction of its own, which also records it. Whoever comes
    second waits for the first. Files that only the database knows are a newer release's
    and stay. Raises psycopg.Error, which names the failed file in a note; only
    faults.describe() may print it. Raises SettingsError for a database that isn't UTF8.
    """
    conninfo = database_url.conninfo(url)
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
    """Apply file unless it is applied; return whether it was new."""
    for _ in range(ATTEMPTS - 1):
        with suppress(psycopg.errors.LockNotAvailable):
            return apply_once(file, connection, conninfo)
        # Those who were held up have their turn.
        time.sleep(PAUSE)
    return apply_once(file, connection, conninfo)


def apply_once(file: Path, connection: psycopg.Connection, conninfo: str) -> bool:
    source = file.read_bytes()
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations ("
            "name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
        )
        new = connection.execute(
            "INSERT INTO schema_migrations (name) VALUES (%s)"
            " ON CONFLICT DO NOTHING RETURNING name",
            (file.name,),
        ).fetchone()
        if not new:
            return False
        if source.startswith(ALONE):
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
    """Return DATABASE_URL; raise SettingsError, which says what AWS says."""
    arn = os.environ.get("SECRET_ARN")
    if os.environ.get("DATABASE_URL"):
        return environment.database_url()
    if not arn:
        raise SettingsError("DATABASE_URL is not set, and SECRET_ARN isn't either")
    if url := operators_secret(arn).get("DATABASE_URL"):
        return url
    raise SettingsError("The secret at SECRET_ARN has no DATABASE_URL")


def operators_secret(arn: str) -> Mapping[str, str]:
    """Return what a secret holds; raise SettingsError, which says what AWS says.

    An operator's terminal may lack what Lambda sets: a region, which the ARN has too,
    and credentials. It takes longer than a request may: boto3 may be imported for the
    first time, and credentials may ask for a code.
    """
    if of_secret := re.match(r"arn:[^:]+:secretsmanager:([^:]+):", arn):
        os.environ["AWS_DEFAULT_REGION"] = of_secret[1]
    try:
        return fetch_secret(arn, EXTENSION_TIMEOUT)
    except Outage as error:
        raise SettingsError(
            f"{error}."
            " `aws sts get-caller-identity` says whether AWS answers, and to whom"
        ) from error


def main() -> None:
    """Migrate the database at DATABASE_URL; exit with one line where that fails."""
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
