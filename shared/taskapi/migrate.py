"""Bring a database up to date: `python -m taskapi.migrate`, or `make migrate`.

Thirty lines rather than a tool: yoyo's lock is a row that outlives a killed process,
dbmate's driver refuses the channel_binding that Neon's URLs have, and neither locks
and records in the migration's own transaction, which also holds through a pooler.
"""

import sys
from pathlib import Path

import psycopg

from taskapi import database_url, settings
from taskapi.errors import SettingsError

MIGRATIONS = Path(__file__).parent / "migrations"

LOCK = 0x7461736B  # "task": any number that nothing else in this database locks


def migrate(url: str) -> list[str]:
    """Apply what isn't applied yet, in order; return the names of those files.

    Each file runs in a transaction of its own, which also records it. Whoever comes
    second waits for the first. Raises psycopg.Error, the failed file undone.
    """
    applied = []
    with psycopg.connect(database_url.conninfo(url), autocommit=True) as connection:
        for file in sorted(MIGRATIONS.glob("*.sql")):
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
                if new:
                    connection.execute(file.read_bytes())
                    applied.append(file.name)
    return applied


if __name__ == "__main__":
    try:
        names = migrate(settings.database_url())
    except (SettingsError, psycopg.Error) as error:
        sys.exit(f"The migration failed, and nothing of it was kept: {error}")
    print("\n".join(f"applied {name}" for name in names) or "already up to date")
