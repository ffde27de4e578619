"""Migrations: on nothing, on the replaced design's table, twice, by two at once."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from taskapi import migrate
from taskapi.migrate import MIGRATIONS

NAMES = sorted(file.name for file in MIGRATIONS.glob("*.sql"))

REPLACED_DESIGN = """
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
def old_database(new_database: str) -> str:
    run(new_database, REPLACED_DESIGN)
    return new_database


def test_applies_each_file_once(new_database: str) -> None:
    assert migrate.migrate(new_database) == NAMES
    assert migrate.migrate(new_database) == []


def test_two_at_once_apply_each_file_once(new_database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(migrate.migrate, [new_database] * 4))

    assert sorted(name for names in applied for name in names) == NAMES


def test_a_failed_file_leaves_nothing(
    new_database: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "1.sql").write_text("CREATE TABLE one (); SELECT 1/0;")
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)

    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate.migrate(new_database)

    assert run(new_database, "SELECT to_regclass('one')") == [(None,)]
    assert run(new_database, "SELECT to_regclass('schema_migrations')") == [(None,)]


def test_adopts_the_replaced_designs_rows(old_database: str) -> None:
    migrate.migrate(old_database)

    old, odd = run(
        old_database,
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


def test_an_adopted_table_gives_no_id_twice(old_database: str) -> None:
    migrate.migrate(old_database)

    [(id,)] = run(
        old_database,
        "INSERT INTO tasks (title, user_id) VALUES ('new', 'bob') RETURNING id",
    )

    assert id == 10


def test_a_new_database_and_an_adopted_one_are_alike(
    server: str, new_database: str
) -> None:
    migrate.migrate(new_database)
    fresh = run(new_database, SCHEMA)
    run(new_database, "DROP TABLE tasks, idempotency_keys, schema_migrations")
    run(new_database, "DROP FUNCTION rfc3339")
    run(new_database, REPLACED_DESIGN)

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
