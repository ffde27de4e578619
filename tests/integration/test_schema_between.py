"""What the pages have an operator do to the database lets the code go on."""

import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from taskapi.postgres.migrate import MIGRATIONS, migrate
from taskapi.tasks.create import create_statement
from taskapi.tasks.fields import FIELDS, RULES
from taskapi.tasks.list_statements import SORTS
from taskapi.tasks.read import GET
from taskapi.tasks.write import COMPLETE, DELETE, field_statements
from tests.support.list_statements import EVERY_LIST
from tests.support.project import ROOT

DOCS = ROOT / "docs"
BLOCKS = re.findall(
    r"```sql\n(.*?)```", (DOCS / "operations.md").read_text(), re.DOTALL
)
[ROLES] = re.findall(
    r"<<SQL\n(CREATE ROLE.*?)SQL\n", (DOCS / "deploying.md").read_text(), re.DOTALL
)
"""What makes the two roles, by psql as the administrator."""


def block(containing: str) -> str:
    """Return the one block of SQL on the operations' page that has this text."""
    [found] = [block for block in BLOCKS if containing in block]
    return str(found)


BEFORE_ALL: dict[str, dict[str, str | None]] = {
    "asc": {
        "created_at": "-infinity",
        "updated_at": "-infinity",
        "due_date": "-infinity",
        "title": "",
        "priority": "low",
    },
    "desc": {
        "created_at": "infinity",
        "updated_at": "infinity",
        "due_date": None,
        "title": "~",
        "priority": "urgent",
    },
}
"""By order and field: what every task comes after."""


def run_every_statement(url: str) -> None:
    """Run what the functions run, as they do: create, read, change, delete."""
    values: dict[str, object] = {field.name: field.example for field in FIELDS}
    values |= {
        "user_id": f"auth0|{uuid.uuid4().hex}",
        "key": "key",
        "lock_timeout": "3s",
        "fingerprint": b"hash",
        "versions": list(range(9)),
        "search": "groc",
        "priorities": ["medium"],
        "due_from": "2026-01-01T00:00:00Z",
        "due_before": "2027-01-01T00:00:00Z",
        "after_id": 0,
        "limit": 10,
    }
    with psycopg.connect(url, autocommit=True) as connection:
        [(values["id"], *_)] = connection.execute(
            create_statement(tuple(RULES)).encode(), values
        )
        for sql in (GET, *field_statements(tuple(RULES)), *COMPLETE):
            [(id, *_)] = connection.execute(sql.encode(), values)
            assert id == values["id"]
        for shape, sql in EVERY_LIST.items():
            first = BEFORE_ALL[shape.order]
            after = [first[key.field] for key in SORTS[shape.sort]]
            values |= {f"after_{number}": value for number, value in enumerate(after)}
            connection.execute(sql.encode(), values)
        connection.execute(DELETE.conditional.encode(), values)


Migrate = Callable[..., str]


@pytest.fixture
def migrated(
    new_database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Migrate:
    """Return what applies the project's migrations and then others, to a database."""

    def apply(*sources: str) -> str:
        shutil.copytree(MIGRATIONS, tmp_path, dirs_exist_ok=True)
        for number, source in enumerate(sources):
            (tmp_path / f"99{number}.sql").write_text(source)
        monkeypatch.setattr("taskapi.postgres.migrate.MIGRATIONS", tmp_path)
        migrate(new_database)
        return new_database

    return apply


def test_todays_code_runs_after_the_pages_expanding_migrations(
    migrated: Migrate,
) -> None:
    run_every_statement(migrated(block("0101_rem"), block("0102_rem")))


def test_todays_code_does_not_run_after_the_pages_contracting_one(
    migrated: Migrate,
) -> None:
    url = migrated(block("0103_completed"))

    with pytest.raises(psycopg.errors.UndefinedColumn):
        run_every_statement(url)


@pytest.fixture
def roles(server: str, new_database: str) -> Iterator[dict[str, str]]:
    """Return the URLs of the page's two roles, made as it says, by the names there."""
    unique = uuid.uuid4().hex
    names = {name: f"{name}_{unique}" for name in ("tasks_owner", "tasks_app")}
    # The database is there already.
    sql = re.sub(r"CREATE DATABASE .*\n\\connect .*\n", "", ROLES)
    sql = re.sub(r"\$\w+_PASSWORD", unique, sql)
    sql = re.sub(r"\btasks_(?:owner|app)\b", lambda name: names[name[0]], sql)
    parts = re.fullmatch(r"(postgresql://)[^@]*(@.*)", new_database)
    assert parts
    urls = {name: f"{parts[1]}{own}:{unique}{parts[2]}" for name, own in names.items()}
    with psycopg.connect(new_database, autocommit=True) as admin:
        admin.execute(sql.encode())
        migrate(urls["tasks_owner"])
        yield urls
        for own in names.values():
            admin.execute(f"DROP OWNED BY {own} CASCADE")
        for own in names.values():
            admin.execute(f"DROP ROLE {own}")


def test_the_functions_role_may_do_what_they_do_and_change_no_table(
    roles: dict[str, str],
) -> None:
    run_every_statement(roles["tasks_app"])

    with psycopg.connect(roles["tasks_app"], autocommit=True) as connection:
        assert connection.execute("SHOW statement_timeout").fetchall() == [("8s",)]
        for sql in (
            "ALTER TABLE tasks ADD COLUMN mine TEXT",
            "DROP TABLE tasks",
            "TRUNCATE tasks",
            "CREATE TABLE mine ()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.encode())


def test_after_a_restore_no_id_is_given_twice_and_no_old_etag_fits(
    migrated: Migrate,
) -> None:
    insert = (
        "INSERT INTO tasks (title, user_id) VALUES ('a', 'b') RETURNING id, version"
    )
    with psycopg.connect(migrated(), autocommit=True) as connection:
        [(restored, version)] = connection.execute(insert)

        connection.execute(block("setval").encode())

        [(following, _)] = connection.execute(insert)
        [(newer,)] = connection.execute(
            "SELECT version FROM tasks WHERE id = %s", (restored,)
        )
    assert following >= restored + 1_000_000
    assert newer == version + 1_000_000


TASKS_WITH_GAPS = """
    INSERT INTO tasks (id, title, user_id)
    SELECT n, 'a', 'b' FROM generate_series(1, 10000) AS n WHERE n % 4 = 0
"""


def test_filling_a_column_ends_and_fills_every_row_and_moves_no_etag(
    migrated: Migrate,
) -> None:
    before = "SELECT id, version, updated_at FROM tasks ORDER BY id"
    with psycopg.connect(migrated(block("0101_rem")), autocommit=True) as connection:
        connection.execute(TASKS_WITH_GAPS)
        untouched = connection.execute(before).fetchall()
        connection.execute("SET statement_timeout = '60s'")

        connection.execute(block("LIMIT 1000").encode())

        [(empty, transactions)] = connection.execute(
            "SELECT count(*) FILTER (WHERE remind_at IS NULL),"
            " count(DISTINCT xmin::text) FROM tasks"
        )
        assert (empty, transactions) == (0, 3)
        assert connection.execute(before).fetchall() == untouched
