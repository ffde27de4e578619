"""With tables that are partitioned by user, a statement touches one partition of each.

So one user's data can be moved, and Postgres reads no more than that user's share.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

import psycopg
import pytest
from psycopg.rows import TupleRow

from taskapi.postgres import pipeline, query
from taskapi.postgres.connection import Connection
from taskapi.postgres.migrate import migrate
from taskapi.postgres.pipeline import Rows, Statement
from tests.support.api import Client
from tests.support.connections import forget_connection
from tests.support.contract import ONE_TASK_FUNCTIONS, TASK_FUNCTIONS, sample_request
from tests.support.synced_copy import Copy

OWNED = """
    SELECT table_name FROM information_schema.columns
     WHERE table_schema = 'public' AND column_name = 'user_id' ORDER BY 1
"""
PARTITION = """
DO $$
DECLARE
    triggers TEXT[] := ARRAY(SELECT pg_get_triggerdef(oid) FROM pg_trigger
                              WHERE tgrelid = '{table}'::regclass AND NOT tgisinternal);
    one TEXT;
BEGIN
    ALTER SEQUENCE tasks_id_seq OWNED BY NONE;
    ALTER TABLE {table} RENAME TO {table}_before;
    CREATE TABLE {table} (LIKE {table}_before INCLUDING ALL)
     PARTITION BY HASH (user_id);
    DROP TABLE {table}_before;
    FOR number IN 0..3 LOOP
        EXECUTE format('CREATE TABLE {table}_part_%s PARTITION OF {table}'
                       ' FOR VALUES WITH (MODULUS 4, REMAINDER %s)', number, number);
    END LOOP;
    FOREACH one IN ARRAY triggers LOOP
        EXECUTE one;
    END LOOP;
END $$;
"""
"""LIKE makes the indexes too. Postgres accepts a unique one only if it has the user."""


@pytest.fixture
def partitioned(
    database: str, new_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Have the functions use a database with partitioned tables; return its URL."""
    migrate(new_database)
    with psycopg.connect(new_database, autocommit=True) as connection:
        for (table,) in connection.execute(OWNED).fetchall():
            connection.execute(PARTITION.replace("{table}", table).encode())
    forget_connection()
    monkeypatch.setenv("DATABASE_URL", new_database)
    yield new_database
    forget_connection()


LISTS: list[dict[str, str]] = [
    {},
    {"status": "pending", "sort": "title"},
    {"status": "completed", "sort": "updated", "order": "asc"},
    {"search": "groc"},
    {"limit": "1"},
    {"sort": "updated_at"},
    {"sort": "due_date", "order": "desc", "status": "pending"},
    {"sort": "priority", "status": "pending", "priority": "high,medium"},
    {"status": "pending", "tags": "home", "priority": "urgent"},
    {"due_from": "2026-01-01", "due_before": "2027-01-01", "time_zone": "Asia/Tokyo"},
]

LOCKED = """
    SELECT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation
     WHERE pid = pg_backend_pid() AND relkind = 'r'
"""


def touched(url: str, sql: bytes, params: Mapping[str, object]) -> list[str]:
    """Return the partitions that a statement reads, writes or locks.

    EXPLAIN shows those of the statement; locks also those of the functions that it
    calls. A new connection has no plan for all partitions in its cache.
    """
    with psycopg.connect(url) as connection:
        [(plan,)] = connection.execute(
            b"EXPLAIN (ANALYZE, FORMAT JSON) " + sql, params
        ).fetchall()
        locked = connection.execute(LOCKED).fetchall()
        connection.rollback()
    explained = re.findall(r'"Relation Name": "(\w+)"', json.dumps(plan))
    names = {*explained, *(name for (name,) in locked)}
    return sorted(name for name in names if "_part_" in name)


Seen = dict[tuple[str, ...], set[str]]


@pytest.fixture
def seen(partitioned: str, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Return the statements that are sent from now on, by the partitions they touch.

    Each is explained before it is sent, in a transaction that is rolled back.
    """
    statements: Seen = {}
    run, run_all = query.run, pipeline.run_all

    def explain(sql: str, params: Mapping[str, object]) -> None:
        partitions = tuple(touched(partitioned, sql.encode(), params))
        statements.setdefault(partitions, set()).add(sql)

    def explain_and_run(
        connection: Connection, sql: str, params: Mapping[str, object], keep_plan: bool
    ) -> Sequence[TupleRow]:
        explain(sql, params)
        return run(connection, sql, params, keep_plan)

    def explain_and_run_all(
        connection: Connection, batch: Sequence[Statement], answered: list[Rows]
    ) -> None:
        for statement in batch:
            explain(*statement)
        run_all(connection, batch, answered)

    monkeypatch.setattr(query, "run", explain_and_run)
    monkeypatch.setattr(pipeline, "run_all", explain_and_run_all)
    return statements


def request_everything(user: Client) -> None:
    """Send a request to each function, and those that make other statements."""
    for function in TASK_FUNCTIONS:
        task = user.create(
            due_date="2026-03-09T17:00", time_zone="Europe/Berlin", recurrence="daily"
        )
        id = task["id"] if function in ONE_TASK_FUNCTIONS else None
        for headers in (
            {},
            {"if-match": '"1-1"'},
            {"if-none-match": "*"},
            {"idempotency-key": "k"},
        ):
            if function == "restore_task":
                user.send("delete_task", id)
            request = sample_request(function) | {"headers": headers}
            answer = user.send(function, id, **request)
            assert answer.status < 400 or answer.status in (404, 412), answer.text
    poll = {"if-none-match": user.send("list_tasks").headers["etag"]}
    assert user.send("list_tasks", headers=poll).status == 304
    copy = Copy(user, limit=1)
    copy.read()
    user.create()
    copy.read()
    for wanted in LISTS:
        user.pages(**wanted)


def test_a_statement_touches_one_partition_of_a_table(seen: Seen) -> None:
    for name in ("alice", "bob", "carol"):
        request_everything(Client(name))

    tables = {
        partitions: [name.partition("_part_")[0] for name in partitions]
        for partitions in seen
    }
    assert {
        partitions: seen[partitions]
        for partitions, names in tables.items()
        if len(names) > len({*names}) or not names
    } == {}
    assert ["change_counters"] in tables.values()
    everything = ["change_counters", "idempotency_keys", "tasks", "trash"]
    assert everything in tables.values()
    assert ["change_counters", "tasks", "trash"] in tables.values()
    assert ["tasks"] in tables.values()
    assert ["trash"] in tables.values()


def test_the_tables_of_users_are_partitioned(partitioned: str) -> None:
    with psycopg.connect(partitioned) as connection:
        owned = {name for (name,) in connection.execute(OWNED)}
        found = connection.execute(
            "SELECT partrelid::regclass::text FROM pg_partitioned_table"
        )

        assert {name for (name,) in found} == {
            name for name in owned if "_part_" not in name
        }
