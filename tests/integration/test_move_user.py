"""A user's rows can be moved to another database, as docs/databases.md says."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal

from taskapi.postgres.migrate import migrate
from tests.support.api import Client
from tests.support.connections import forget_connection
from tests.support.listing import link
from tests.support.statements import owned_tables

FIRST_ID = 2**40
"""Where the ids of the new cell begin."""

PREPARE = SQL("""
    ALTER SEQUENCE tasks_id_seq RESTART WITH {first_id};
    UPDATE cursor_keys SET key = {key};
""")
"""What a new cell gets after its migrations."""


def move(old: psycopg.Connection[TupleRow], new: str, user_id: str) -> None:
    """Copy all rows of a user in one transaction, with the counter first."""
    tables = ["change_counters", *sorted(owned_tables() - {"change_counters"})]
    with psycopg.connect(new) as target:
        for table in map(Identifier, tables):
            rows = SQL("COPY (SELECT * FROM {} WHERE user_id = {}) TO STDOUT")
            with ExitStack() as stack:
                read = stack.enter_context(
                    old.cursor().copy(rows.format(table, Literal(user_id)))
                )
                write = stack.enter_context(
                    target.cursor().copy(SQL("COPY {} FROM STDIN").format(table))
                )
                for data in read:
                    write.write(data)


@pytest.fixture
def go_to_new_cell(
    postgres: psycopg.Connection[TupleRow],
    user: Client,
    new_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[], None]]:
    """Return a function that moves the user, and sends later requests there."""
    migrate(new_database)
    [(key,)] = postgres.execute("SELECT key FROM cursor_keys").fetchall()
    with psycopg.connect(new_database) as target:
        target.execute(PREPARE.format(first_id=Literal(FIRST_ID), key=Literal(key)))

    def go() -> None:
        move(postgres, new_database, user.user_id)
        forget_connection()
        monkeypatch.setenv("DATABASE_URL", new_database)

    yield go
    forget_connection()


def test_a_user_finds_everything_in_the_new_cell(
    user: Client, go_to_new_cell: Callable[[], None]
) -> None:
    key = {"idempotency-key": "k"}
    new_task = {"title": "Buy oats", "tags": ["home"]}
    first = user.send("create_task", json_body=new_task, headers=key).json
    user.create(due_date="2026-03-09", recurrence="daily")
    deleted = user.create()
    user.send("delete_task", deleted["id"])
    page = user.send("list_tasks", query="limit=1")
    lists = [user.send(name).json for name in ("list_tasks", "list_trash")]
    token = user.send("list_changes").json["token"]

    go_to_new_cell()

    poll = {"if-none-match": page.headers["etag"]}
    assert [user.send(name).json for name in ("list_tasks", "list_trash")] == lists
    assert user.send("list_tasks", query="limit=1", headers=poll).status == 304
    assert user.send("list_tasks", query=link(page.headers) or "").json == [first]
    assert user.send("list_changes", query=f"since={token}").status == 410
    replay = user.send("create_task", json_body=new_task, headers=key)
    assert replay.json == first
    assert user.send("restore_task", deleted["id"]).status == 200
    assert user.create()["id"] >= FIRST_ID
