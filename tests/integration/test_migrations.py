"""Migrations of an empty database and of the legacy app's, twice and two at once."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from taskapi.errors import SettingsError
from taskapi.postgres import migrate
from taskapi.postgres.connection import ATTEMPT_TIMEOUT
from taskapi.postgres.migrate import MIGRATIONS

NAMES = sorted(file.name for file in MIGRATIONS.glob("*.sql"))

LEGACY_SCHEMA = """
CREATE TABLE tasks (
    id SERIAL PRIMARY KEY, title VARCHAR(200) NOT NULL, description TEXT,
    completed BOOLEAN DEFAULT FALSE, user_id VARCHAR(255) NOT NULL,
    created_at TIMESTAMP DEFAULT NOW(), updated_at TIMESTAMP DEFAULT NOW());
CREATE INDEX idx_tasks_user_id ON tasks(user_id);
CREATE INDEX idx_tasks_completed ON tasks(completed);
INSERT INTO tasks (id, title, description, completed, user_id, created_at, updated_at)
VALUES (7, 'old', 'kept', TRUE, 'alice', '2024-02-29 23:59:59.5', '2025-01-01 00:00'),
       (9, ' odd ', NULL, NULL, 'bob', NULL, NULL);
"""

SCHEMA = """
SELECT table_name, column_name, data_type, character_maximum_length, is_nullable,
       column_default
  FROM information_schema.columns WHERE table_schema = 'public'
 UNION ALL
SELECT tablename, indexname, indexdef, NULL, NULL, NULL
  FROM pg_indexes WHERE schemaname = 'public'
 ORDER BY 1, 2
"""


def run(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        connection.execute("SET TimeZone = 'America/New_York'")
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def legacy_database(new_database: str) -> str:
    run(new_database, LEGACY_SCHEMA)
    return new_database


def test_applies_each_file_once(new_database: str) -> None:
    assert migrate.migrate(new_database) == NAMES
    assert migrate.migrate(new_database) == []


def test_two_at_once_apply_each_file_once(new_database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(migrate.migrate, [new_database] * 4))

    assert sorted(name for names in applied for name in names) == NAMES


Files = Callable[..., None]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Files:
    """Return a function that puts other SQL files in the place of the migrations."""
    monkeypatch.setattr(migrate, "MIGRATIONS", tmp_path)

    def write(*sources: str) -> None:
        for number, source in enumerate(sources, 1):
            (tmp_path / f"{number}.sql").write_text(source)

    return write


def test_a_failed_file_leaves_nothing(new_database: str, files: Files) -> None:
    files("CREATE TABLE one (); SELECT 1/0;", "CREATE TABLE two ();")

    with pytest.raises(psycopg.errors.DivisionByZero) as raised:
        migrate.migrate(new_database)

    assert raised.value.__notes__ == ["1.sql"]
    assert run(new_database, "SELECT to_regclass('one')") == [(None,)]
    assert run(new_database, "SELECT to_regclass('two')") == [(None,)]
    assert run(new_database, "SELECT to_regclass('schema_migrations')") == [(None,)]


def test_an_older_release_leaves_a_newer_schema_alone(
    new_database: str, files: Files
) -> None:
    files("CREATE TABLE one ();", "CREATE TABLE two ();")
    migrate.migrate(new_database)
    (migrate.MIGRATIONS / "2.sql").unlink()

    assert migrate.migrate(new_database) == []

    assert run(new_database, "SELECT to_regclass('two')::text") == [("two",)]


@pytest.fixture
def busy_table(new_database: str) -> Iterator[psycopg.Connection]:
    """Return a connection that reads table `one`, and keeps its lock."""
    run(new_database, "CREATE TABLE one ()")
    with psycopg.connect(new_database) as reader:
        reader.execute("SELECT * FROM one")
        yield reader


def test_releases_its_lock_while_a_table_is_busy(
    new_database: str,
    busy_table: psycopg.Connection,
    files: Files,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files("ALTER TABLE one ADD COLUMN a INT;")
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "50ms")
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        assert run(new_database, "SELECT count(*) FROM one") == [(0,)]
        if len(pauses) == 2:
            busy_table.rollback()

    monkeypatch.setattr("taskapi.postgres.migrate.time.sleep", pause)

    assert migrate.migrate(with_timeout(new_database)) == ["1.sql"]

    assert pauses == [migrate.PAUSE] * 2


def test_gives_up_on_a_table_that_stays_busy(
    new_database: str,
    busy_table: psycopg.Connection,
    files: Files,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files("ALTER TABLE one ADD COLUMN a INT;")
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", "1ms")
    pauses: list[float] = []
    monkeypatch.setattr("taskapi.postgres.migrate.time.sleep", pauses.append)

    with pytest.raises(psycopg.errors.LockNotAvailable):
        migrate.migrate(with_timeout(new_database))

    assert len(pauses) == migrate.ATTEMPTS - 1


def with_timeout(url: str) -> str:
    """Return a URL with a timeout, so that a wait without end fails."""
    return f"{url}&options=-c%20statement_timeout%3D20000"


def test_a_request_outlasts_a_migration_that_waits() -> None:
    assert 0 < float(migrate.LOCK_TIMEOUT.removesuffix("s")) < ATTEMPT_TIMEOUT


CONCURRENTLY = """-- no transaction
DROP INDEX CONCURRENTLY IF EXISTS it;
CREATE UNIQUE INDEX CONCURRENTLY it ON one (a);
"""
WAITING = """
SELECT 1 FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'
   AND query LIKE '%CREATE UNIQUE INDEX CONCURRENTLY%'
"""
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'it'::regclass"


def test_builds_an_index_while_others_write(new_database: str, files: Files) -> None:
    """CREATE INDEX CONCURRENTLY waits for the writer, while others can write."""
    run(new_database, "CREATE TABLE one (a INT)")
    files(CONCURRENTLY)
    with psycopg.connect(new_database) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute("INSERT INTO one VALUES (1)")
        migrating = pool.submit(migrate.migrate, new_database)
        while not run(new_database, WAITING):
            assert not migrating.done()

        run(new_database, "INSERT INTO one VALUES (2)")

        assert not migrating.done()
        writer.commit()
        assert migrating.result() == ["1.sql"]
    assert run(new_database, VALID) == [(True,)]


def test_a_failed_file_without_transaction_can_be_run_again(
    new_database: str, files: Files
) -> None:
    run(new_database, "CREATE TABLE one (a INT); INSERT INTO one VALUES (1), (1)")
    files(CONCURRENTLY)
    with pytest.raises(psycopg.errors.UniqueViolation):
        migrate.migrate(new_database)
    assert run(new_database, VALID) == [(False,)]
    run(new_database, "TRUNCATE one")

    assert migrate.migrate(new_database) == ["1.sql"]

    assert run(new_database, VALID) == [(True,)]


def test_two_at_once_run_a_file_without_transaction_once(
    new_database: str, files: Files
) -> None:
    run(new_database, "CREATE TABLE one (a INT)")
    files("-- no transaction\nINSERT INTO one VALUES (1);\nVACUUM one;\n")

    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(migrate.migrate, [new_database] * 4))

    assert [name for names in applied for name in names] == ["1.sql"]
    assert run(new_database, "SELECT a FROM one") == [(1,)]


def test_everybody_gets_a_counter_a_thousand_at_a_time(new_database: str) -> None:
    """The file is applied a second time, as after it was stopped."""
    migrate.migrate(new_database)
    run(
        new_database,
        "ALTER TABLE tasks DISABLE TRIGGER USER;"
        "INSERT INTO tasks (user_id, title)"
        " SELECT 'user ' || n / 2, 'a' FROM generate_series(1, 4499) AS n;"
        "INSERT INTO change_counters VALUES ('user 7', 5);"
        "DELETE FROM schema_migrations WHERE name = '0015_counters.sql'",
    )

    assert migrate.migrate(new_database) == ["0015_counters.sql"]

    counters = (
        "SELECT count(*), min(counter), count(DISTINCT xmin::text) FROM change_counters"
    )
    assert run(new_database, counters) == [(2250, 5, 1 + 3)]


def test_the_command_names_the_file_that_failed(new_database: str) -> None:
    run(new_database, "CREATE VIEW tasks AS SELECT 1 AS id")

    ran = subprocess.run(
        [sys.executable, "-m", "taskapi.postgres.migrate"],
        env=os.environ | {"DATABASE_URL": new_database},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert ran.stderr.startswith("The migration failed (0002_contract.sql)")
    assert "Traceback" not in ran.stderr


UNUSABLE = {
    "nobody listens": "postgresql://s3cret:s3cret@127.0.0.1:1/s3cret",
    "a slash in the password": "postgresql://me:12/s3cret@127.0.0.1:5432/db",
    "a bad value": "postgresql://me:s3cret@127.0.0.1/db?sslmode=s3cret",
    "another scheme": "postgresql+asyncpg://me:s3cret@127.0.0.1/db",
    "a line break": "postgresql://me:s3cret@127.0.0.1/db\n",
    "no such role": "{server}&user=s3cret&password=s3cret",
    "no such database": "{server}&dbname=s3cret",
    "an option that the server refuses": "{server}&options=-c%20s3cret%3D1%20-x",
}


@pytest.mark.parametrize("url", UNUSABLE.values(), ids=UNUSABLE)
def test_the_command_prints_nothing_of_a_url_that_does_not_work(
    server: str,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", url.format(server=server))

    with pytest.raises(SystemExit, match=r"^The migration (can't begin|failed)") as end:
        migrate.main()

    printed = f"{end.value}"
    assert "\n" not in printed
    assert "s3cret" not in "".join([printed, *capfd.readouterr()])


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
def test_refuses_a_database_that_is_not_utf8(server: str, encoding: str) -> None:
    name = f"encoded_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 LOCALE 'C'"
            f" ENCODING '{encoding}'".encode()
        )
        try:
            with pytest.raises(SettingsError, match=f"the encoding {encoding}, which"):
                migrate.migrate(server.replace("/postgres?", f"/{name}?"))
        finally:
            admin.execute(f"DROP DATABASE {name}".encode())


def test_keeps_the_legacy_apps_rows(legacy_database: str) -> None:
    migrate.migrate(legacy_database)

    old, odd = run(
        legacy_database,
        "SELECT id, title, description, completed, user_id, rfc3339(created_at),"
        " rfc3339(updated_at) FROM tasks ORDER BY id",
    )
    assert old == (
        7,
        "old",
        "kept",
        True,
        "alice",
        "2024-02-29T23:59:59.500000Z",
        "2025-01-01T00:00:00.000000Z",
    )
    assert odd[:5] == (9, " odd ", None, False, "bob")
    assert odd[5] == odd[6]


def test_a_legacy_table_gives_no_id_twice(legacy_database: str) -> None:
    migrate.migrate(legacy_database)

    [(id,)] = run(
        legacy_database,
        "INSERT INTO tasks (title, user_id) VALUES ('new', 'bob') RETURNING id",
    )

    assert id == 10


def test_a_new_database_and_a_legacy_one_become_alike(
    server: str, new_database: str
) -> None:
    migrate.migrate(new_database)
    fresh = run(new_database, SCHEMA)
    run(new_database, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    run(new_database, LEGACY_SCHEMA)

    migrate.migrate(new_database)

    assert run(new_database, SCHEMA) == fresh


def test_ids_have_64_bits(new_database: str) -> None:
    migrate.migrate(new_database)

    run(new_database, "SELECT setval('tasks_id_seq', 3000000000)")
    [(id,)] = run(
        new_database,
        "INSERT INTO tasks (title, user_id) VALUES ('a', 'b') RETURNING id",
    )

    assert id == 3_000_000_001
