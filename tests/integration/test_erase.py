"""Delete everything that is stored for a user."""

from typing import Any

import psycopg
import pytest

from local.waiting import eventually
from tests.support.api import Client
from tests.support.background import meanwhile

Postgres = psycopg.Connection[Any]

OWNED = """
    SELECT attrelid::regclass::text FROM pg_attribute
      JOIN pg_class ON pg_class.oid = attrelid
     WHERE attname = 'user_id' AND relkind IN ('r', 'p')
       AND relnamespace = current_schema()::regnamespace
"""
"""The tables with a user_id, by the catalogue."""


BLOCKED = "SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
"""The locks that wait for this connection."""


def stored(postgres: Postgres, user: Client) -> dict[str, int]:
    """Return how many rows of the user each table has."""
    counts = {}
    for (table,) in postgres.execute(OWNED).fetchall():
        sql = f"SELECT count(*) FROM {table} WHERE user_id = %s".encode()
        [(counts[table],)] = postgres.execute(sql, (user.user_id,)).fetchall()
    return counts


def fill(user: Client) -> None:
    """Have something stored for the user in each table."""
    user.send("create_task", json_body={"title": "a"}, headers={"idempotency-key": "k"})
    for _ in range(2):
        user.send("delete_task", user.create("b")["id"])
    user.send("empty_trash")
    user.send("delete_task", user.create("c")["id"])


def test_nothing_of_the_user_is_left(
    user: Client, other: Client, postgres: Postgres
) -> None:
    fill(user)
    fill(other)
    others = stored(postgres, other)
    assert all(stored(postgres, user).values()), "fill() leaves a table empty"

    answer = user.send("erase_user")

    assert (answer.status, answer.text) == (204, "")
    assert set(stored(postgres, user).values()) == {0}
    assert stored(postgres, other) == others
    assert user.send("list_tasks").json == user.send("list_trash").json == []
    assert len(other.send("list_tasks").json) == 1


def test_erasing_nothing_succeeds(user: Client, postgres: Postgres) -> None:
    for _ in range(2):
        assert user.send("erase_user").status == 204

    assert set(stored(postgres, user).values()) == {0}


@pytest.mark.parametrize("function", ["list_tasks", "summarize_tasks"])
def test_what_was_read_before_is_outdated(user: Client, function: str) -> None:
    empty = user.send(function)
    user.create()
    full = user.send(function)

    user.send("erase_user")

    headers = {"if-none-match": full.headers["etag"]}
    assert user.send(function, headers=headers).status == 200
    headers = {"if-none-match": empty.headers["etag"]}
    assert user.send(function, headers=headers).status == 304


def test_a_user_can_begin_again(user: Client, postgres: Postgres) -> None:
    request: dict[str, Any] = {
        "json_body": {"title": "a"},
        "headers": {"idempotency-key": "k"},
    }
    before = user.send("create_task", **request)
    old = user.send("list_tasks").headers["etag"]
    user.send("erase_user")

    after = user.send("create_task", **request)

    assert after.status == 201
    assert "idempotent-replayed" not in after.headers
    assert after.json["id"] > before.json["id"]
    assert user.send("list_tasks").headers["etag"] != old
    assert user.send("get_task", before.json["id"]).status == 404
    assert user.send("delete_task", after.json["id"]).status == 204
    assert user.send("restore_task", after.json["id"]).status == 200


def test_the_connection_deletes_into_the_trash_again(
    user: Client, other: Client, postgres: Postgres
) -> None:
    task = other.create()

    with postgres.transaction():
        postgres.execute("SELECT erase_user(%s)", (user.user_id,))
        postgres.execute("DELETE FROM tasks WHERE id = %s", (task["id"],))

    assert [task["id"] for task in other.send("list_trash").json] == [task["id"]]


def test_numbers_begin_after_all_from_before(
    user: Client, postgres: Postgres, database: str
) -> None:
    """A first write may wait for others, which count meanwhile, and for the erasing.

    Otherwise a token from before would be one of after it (change_tokens.check()).
    """
    count = "SELECT next_change(%s)"
    owner = (user.user_id,)

    def write_first() -> None:
        with psycopg.connect(database) as other:
            other.execute(count, owner)

    postgres.execute("BEGIN")
    postgres.execute(count, owner)
    with meanwhile(write_first):
        eventually(lambda: postgres.execute(BLOCKED).fetchall())
        [(last,)] = postgres.execute(count, owner).fetchall()
        postgres.execute("SELECT erase_user(%s)", owner)
        postgres.execute("COMMIT")

    [(beginning,)] = postgres.execute(
        "SELECT beginning FROM change_counters WHERE user_id = %s", owner
    ).fetchall()
    assert beginning > last
