"""The counter of a user's writes, and the triggers that count other writes."""

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from taskapi.postgres.faults import NO_WRITE_TURN
from taskapi.tasks.create import create_statement
from taskapi.tasks.fields import RULES
from taskapi.tasks.write import COMPLETE, DELETE, field_statements
from tests.support.api import Client

Postgres = psycopg.Connection[Any]

COUNTER = "SELECT counter FROM change_counters WHERE user_id = %s"
NUMBERS = "SELECT id, change FROM tasks WHERE user_id = %s ORDER BY id"

INSERT_BEFORE = """
    INSERT INTO tasks (user_id, title, completed)
    VALUES (%(user_id)s, 'a', %(completed)s) RETURNING id
"""
UPDATE_BEFORE = """
    UPDATE tasks
       SET title = 'b', updated_at = GREATEST(now(), updated_at + interval '1 us'),
           version = version + 1
     WHERE id = %(id)s AND user_id = %(user_id)s
"""
COMPLETE_BEFORE = UPDATE_BEFORE.replace("title = 'b'", "completed = %(completed)s")
DELETE_BEFORE = "DELETE FROM tasks WHERE id = %(id)s AND user_id = %(user_id)s"
"""Writes as the release before makes them, which doesn't know the counter."""


def counter(postgres: Postgres, user: Client) -> int:
    """Return the number of the user's last write, 0 if there is none."""
    row = postgres.execute(COUNTER, (user.user_id,)).fetchone()
    return int(row[0]) if row else 0


def numbers(postgres: Postgres, user: Client) -> dict[int, int]:
    """Return the number of the last write to each of the user's tasks."""
    return dict(postgres.execute(NUMBERS, (user.user_id,)).fetchall())


def test_every_write_has_the_next_number(user: Client, postgres: Postgres) -> None:
    id = user.create()["id"]
    seen = [counter(postgres, user)]
    for function, body in (
        ("update_task", {"title": "b"}),
        ("complete_task", {}),
        ("complete_task", {"completed": True}),
    ):
        user.send(function, id, json_body=body)
        seen.append(counter(postgres, user))
        assert numbers(postgres, user) == {id: seen[-1]}
    user.send("delete_task", id)
    seen.append(counter(postgres, user))

    assert seen == sorted(set(seen))


def test_what_writes_nothing_is_not_counted(
    user: Client, other: Client, postgres: Postgres
) -> None:
    task = user.create()
    before = counter(postgres, user)

    for function in ("update_task", "complete_task", "delete_task"):
        for id, tag in ((task["id"], '"1-999"'), (task["id"] + 10**6, "*")):
            body = {"title": "b"} if function == "update_task" else None
            user.send(function, id, json_body=body, headers={"if-match": tag})
        other.send(function, task["id"], json_body={"title": "b"})
    user.send("get_task", task["id"])
    user.send("list_tasks")
    user.send("create_task", json_body={"title": "a", "time_zone": "x"})

    assert counter(postgres, user) == before
    assert counter(postgres, other) == 0


def test_writes_of_the_release_before_are_counted(
    user: Client, postgres: Postgres
) -> None:
    values: dict[str, object] = {"user_id": user.user_id, "completed": True}
    seen = []
    for sql in (INSERT_BEFORE, UPDATE_BEFORE, COMPLETE_BEFORE, DELETE_BEFORE):
        found = postgres.execute(sql.encode(), values)
        if sql == INSERT_BEFORE:
            [(values["id"],)] = found
        seen.append(counter(postgres, user))
        if sql != DELETE_BEFORE:
            assert numbers(postgres, user) == {values["id"]: seen[-1]}

    assert seen == sorted(set(seen))


def test_the_release_before_keeps_completed_at_right(
    user: Client, postgres: Postgres
) -> None:
    values = {"user_id": user.user_id, "completed": True}
    [(id,)] = postgres.execute(INSERT_BEFORE.encode(), values)

    def after(sql: str, completed: bool) -> dict[str, Any]:
        postgres.execute(sql.encode(), values | {"id": id, "completed": completed})
        task: dict[str, Any] = user.send("get_task", id).json
        return task

    inserted = user.send("get_task", id).json
    assert inserted["completed_at"] == inserted["created_at"]
    assert after(UPDATE_BEFORE, True)["completed_at"] == inserted["completed_at"]
    assert after(COMPLETE_BEFORE, True)["completed_at"] == inserted["completed_at"]
    assert after(COMPLETE_BEFORE, False)["completed_at"] is None
    completed = after(COMPLETE_BEFORE, True)
    assert completed["completed_at"] == completed["updated_at"]


@pytest.mark.parametrize("function", ["update_task", "complete_task"])
def test_a_row_from_before_the_column_was_completed_when_it_was_last_changed(
    user: Client, postgres: Postgres, function: str
) -> None:
    task = user.create(completed=True)
    with postgres.transaction():
        postgres.execute("SET LOCAL session_replication_role = replica")
        postgres.execute(
            "UPDATE tasks SET completed_at = NULL,"
            " updated_at = '2026-01-01T00:00:00Z' WHERE user_id = %s",
            (user.user_id,),
        )

    read = user.send("get_task", task["id"]).json
    changed = user.send(function, task["id"], json_body={"completed": True}).json

    assert read["completed_at"] == "2026-01-01T00:00:00.000000Z"
    assert changed["completed_at"] == read["completed_at"]


def test_a_transaction_counts_once_for_each_user(
    user: Client, other: Client, postgres: Postgres
) -> None:
    for client in (user, other, user, other):
        client.create()
    users = [user.user_id, other.user_id]
    before = counter(postgres, user), counter(postgres, other)

    with postgres.transaction():
        for _ in range(2):
            postgres.execute(
                "UPDATE tasks SET title = 'b' WHERE user_id = ANY (%s)", (users,)
            )

    for client, number in zip((user, other), before, strict=True):
        assert counter(postgres, client) > number
        assert {*numbers(postgres, client).values()} == {counter(postgres, client)}


def test_a_savepoint_counts_once_too(user: Client, postgres: Postgres) -> None:
    user.create()
    user.create()

    with postgres.transaction(), postgres.transaction():
        for _ in range(2):
            postgres.execute(
                "UPDATE tasks SET title = 'b' WHERE user_id = %s", (user.user_id,)
            )

    assert {*numbers(postgres, user).values()} == {counter(postgres, user)}


def test_counts_after_a_savepoint_is_rolled_back(
    user: Client, postgres: Postgres
) -> None:
    id = user.create()["id"]
    before = counter(postgres, user)

    with postgres.transaction():
        with postgres.transaction(force_rollback=True):
            postgres.execute("UPDATE tasks SET title = 'b' WHERE id = %s", (id,))
        postgres.execute("UPDATE tasks SET title = 'c' WHERE id = %s", (id,))

    assert counter(postgres, user) > before
    assert numbers(postgres, user) == {id: counter(postgres, user)}


def test_a_row_that_is_restored_has_a_new_number(
    user: Client, postgres: Postgres
) -> None:
    id = user.create()["id"]
    with postgres.transaction():
        postgres.execute(
            "CREATE TEMP TABLE lost ON COMMIT DROP AS"
            " SELECT * FROM tasks WHERE user_id = %s",
            (user.user_id,),
        )
        user.send("delete_task", id)
        deleted = counter(postgres, user)
        postgres.execute("INSERT INTO tasks SELECT * FROM lost ON CONFLICT DO NOTHING")

    assert numbers(postgres, user) == {id: counter(postgres, user)}
    assert counter(postgres, user) > deleted


@pytest.mark.parametrize("is_changed_first", [False, True])
def test_a_task_that_moves_to_another_user_counts_for_both(
    user: Client, other: Client, postgres: Postgres, is_changed_first: bool
) -> None:
    """Its old owner's list no longer has it."""
    id = user.create()["id"]
    other.create()
    before = counter(postgres, user), counter(postgres, other)

    with postgres.transaction():
        if is_changed_first:
            postgres.execute("UPDATE tasks SET title = 'b' WHERE id = %s", (id,))
        postgres.execute(
            "UPDATE tasks SET user_id = %s WHERE id = %s", (other.user_id, id)
        )

    assert counter(postgres, user) > before[0]
    assert counter(postgres, other) > before[1]
    assert numbers(postgres, other)[id] == counter(postgres, other)


def test_counts_without_a_search_path(user: Client, postgres: Postgres) -> None:
    """What pg_dump --data-only writes begins with an empty search_path."""
    id = user.create()["id"]
    before = counter(postgres, user)

    with postgres.transaction():
        postgres.execute("SET LOCAL search_path = ''")
        postgres.execute("UPDATE public.tasks SET title = 'b' WHERE id = %s", (id,))
        postgres.execute("DELETE FROM public.tasks WHERE id = %s", (id,))

    assert counter(postgres, user) > before


def test_a_number_is_not_used_again_after_the_counter_is_lost(
    user: Client, postgres: Postgres
) -> None:
    user.create()
    before = counter(postgres, user)
    postgres.execute("DELETE FROM change_counters WHERE user_id = %s", (user.user_id,))

    user.create()

    assert before < counter(postgres, user) < 2**53


# Locks


def test_a_write_of_the_release_before_does_not_wait_long_for_the_counter(
    user: Client, postgres: Postgres, database: str
) -> None:
    """It has the lock of its row, for which the other statement may be waiting."""
    id = user.create()["id"]
    values = {"user_id": user.user_id, "id": id}
    with psycopg.connect(database) as writing:
        writing.execute("SELECT next_change(%s)", (user.user_id,))

        with pytest.raises(psycopg.errors.SerializationFailure):
            postgres.execute(UPDATE_BEFORE.encode(), values)

        writing.rollback()
    postgres.execute(UPDATE_BEFORE.encode(), values)
    assert user.send("get_task", id).json["title"] == "b"


THREADS, WRITES = 8, 25
MIXED = {
    "create": create_statement(tuple(RULES)),
    "update": field_statements(("title", "tags")).plain,
    "complete": COMPLETE.conditional,
    "delete": DELETE.plain,
    "update before": UPDATE_BEFORE,
    "complete before": COMPLETE_BEFORE,
    "delete before": DELETE_BEFORE,
    "insert before": INSERT_BEFORE,
}


def test_writers_of_both_releases_do_not_wait_for_each_other(
    user: Client, postgres: Postgres, database: str
) -> None:
    """Postgres would end one of two statements that do: DeadlockDetected."""
    ids = [user.create()["id"] for _ in range(4)]

    def write(seed: int) -> list[str | None]:
        rng = random.Random(seed)
        failed = []
        with psycopg.connect(database, autocommit=True) as connection:
            for _ in range(WRITES):
                values = {
                    "user_id": user.user_id,
                    "id": rng.choice(ids),
                    "key": rng.choice(["a", "b", f"{uuid.uuid4()}"]),
                    "lock_timeout": "3s",
                    "fingerprint": b"",
                    "title": "a",
                    "description": None,
                    "completed": rng.random() < 0.5,
                    "priority": "low",
                    "tags": ["a"],
                    "due_date": None,
                    "time_zone": None,
                    "recurrence": None,
                    "versions": list(range(THREADS * WRITES)),
                }
                name = rng.choices([*MIXED], [4, 4, 4, 1, 2, 2, 1, 2])[0]
                try:
                    connection.execute(MIXED[name].encode(), values)
                except psycopg.Error as error:
                    failed.append(error.sqlstate)
        return failed

    with ThreadPoolExecutor(THREADS) as pool:
        failed = {
            state for states in pool.map(write, range(THREADS)) for state in states
        }

    # The functions send a statement again after these.
    assert failed <= {"40001", NO_WRITE_TURN}
    used = numbers(postgres, user)
    assert len({*used.values()}) == len(used)
    assert max(used.values()) <= counter(postgres, user)
