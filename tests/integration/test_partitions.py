"""With tables that are partitioned by user, a statement touches one partition of each.

So one user's data can be moved to another database, and every statement goes to one.
"""

import ast
import importlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
import pytest
from psycopg.rows import TupleRow

from taskapi.postgres import connection, pipeline, query
from taskapi.postgres.connection import Connection
from taskapi.postgres.execute import execute
from taskapi.postgres.migrate import migrate
from taskapi.postgres.pipeline import Rows, Statement
from tests.support.api import Client
from tests.support.connections import forget_connection
from tests.support.contract import ONE_TASK_FUNCTIONS, TASK_FUNCTIONS, sample_request
from tests.support.list_statements import EVERY_LIST
from tests.support.statements import (
    IS_SQL,
    USES_TABLE,
    constants,
    literals,
    modules,
    normalize,
    pattern,
)
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
    FOR number IN 0..1 LOOP
        EXECUTE format('CREATE TABLE {table}_part_%s PARTITION OF {table}'
                       ' FOR VALUES WITH (MODULUS 2, REMAINDER %s)', number, number);
    END LOOP;
    FOREACH one IN ARRAY triggers LOOP
        EXECUTE one;
    END LOOP;
END $$;
"""
"""LIKE makes the indexes too. Postgres accepts a unique one only if it has the user."""

LOG_PLANS = """
DO $$
DECLARE
    setting TEXT;
BEGIN
    FOREACH setting IN ARRAY ARRAY[
        'session_preload_libraries = auto_explain',
        'plan_cache_mode = force_custom_plan',
        'auto_explain.log_min_duration = 0', 'auto_explain.log_nested_statements = on',
        'auto_explain.log_format = json', 'auto_explain.log_level = notice'
    ] LOOP
        EXECUTE format('ALTER DATABASE %I SET ', current_database()) || setting;
    END LOOP;
END $$;
"""
"""Each statement that runs, also those in functions and triggers, comes as a notice.

A plan is made for the values of each, so it has only the partitions that they need.
"""

LOCKED = """
    SELECT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation
     WHERE pid = pg_backend_pid() AND relkind = 'r' AND relname LIKE '%\\_part\\__'
"""


@dataclass
class Seen:
    """What ran on the partitioned database."""

    sent: dict[str, set[str]] = field(default_factory=dict)
    """The statements that functions sent, and the numbers of the partitions that each
    locked, also in triggers and SQL functions."""
    ran: set[str] = field(default_factory=set)
    """All statements, also those in triggers and SQL functions."""

    def add(self, sql: str, locked: Iterable[TupleRow]) -> None:
        self.sent.setdefault(normalize(sql), set()).update(numbers_of(locked))

    def read_notice(self, notice: psycopg.errors.Diagnostic) -> None:
        found = re.match(
            r"duration: .* plan:\n(.*)", notice.message_primary or "", re.S
        )
        if found:
            self.ran.add(without_comments(json.loads(found[1])["Query Text"]))


def without_comments(sql: str) -> str:
    return normalize(re.sub(r"--[^\n]*", "", sql))


@pytest.fixture
def seen(
    database: str, new_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Seen]:
    """Have the functions use partitioned tables; return what runs from now on."""
    migrate(new_database)
    with psycopg.connect(new_database, autocommit=True) as admin:
        for (table,) in admin.execute(OWNED).fetchall():
            admin.execute(PARTITION.replace("{table}", table).encode())
        admin.execute(LOG_PLANS.encode())
    seen = Seen()
    connect, run, run_all = connection.connect, query.run, pipeline.run_all

    def connect_and_listen(deadline: float) -> Connection:
        connected = connect(deadline)
        connected.add_notice_handler(seen.read_notice)
        return connected

    def run_and_look(
        connection: Connection, sql: str, params: Mapping[str, object], keep_plan: bool
    ) -> Sequence[TupleRow]:
        execute(connection, "BEGIN", {})
        rows = run(connection, sql, params, keep_plan)
        seen.add(sql, execute(connection, LOCKED, {}))
        execute(connection, "COMMIT", {})
        return rows

    def run_all_and_look(
        connection: Connection, batch: Sequence[Statement], answered: list[Rows]
    ) -> None:
        execute(connection, "BEGIN", {})
        run_all(connection, batch, answered)
        locked = execute(connection, LOCKED, {})
        for statement in batch:
            seen.add(statement.sql, locked)
        execute(connection, "COMMIT", {})

    monkeypatch.setattr(connection, "connect", connect_and_listen)
    monkeypatch.setattr(query, "run", run_and_look)
    monkeypatch.setattr(pipeline, "run_all", run_all_and_look)
    monkeypatch.setenv("DATABASE_URL", new_database)
    forget_connection()
    yield seen
    forget_connection()


LISTS: list[dict[str, str]] = [
    {},
    {"limit": "1"},
    {"search": "groc"},
    {"sort": "updated_at"},
    {"status": "pending", "tags": "home", "priority": "urgent"},
]


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


BY_HAND = [
    "INSERT INTO tasks (user_id, id, title) VALUES (%(user)s, -1, 'A')",
    "UPDATE tasks SET completed = TRUE WHERE user_id = %(user)s",
    "DELETE FROM tasks WHERE user_id = %(user)s",
    "INSERT INTO tasks (user_id, id, title) VALUES (%(user)s, -1, 'B')",
]
"""What psql and the release before send: writes that don't count themselves."""

OF_TWO_USERS = [
    "INSERT INTO tasks (user_id, title) VALUES (%(user)s, 'C'), (%(other)s, 'D')",
    "UPDATE tasks SET user_id = %(other)s WHERE title = 'C'",
    "DELETE FROM tasks",
]
"""What only an operator sends, within one database: writes for several users, and a
task that moves to another user."""


def run_by_hand(url: str, seen: Seen, sql: str, users: Mapping[str, str]) -> set[str]:
    """Run a statement as psql does; return the numbers of the partitions it locks."""
    with psycopg.connect(url) as connection:
        connection.add_notice_handler(seen.read_notice)
        connection.execute(sql.encode(), users)
        return numbers_of(connection.execute(LOCKED.encode()).fetchall())


def numbers_of(partitions: Iterable[TupleRow]) -> set[str]:
    return {name.rpartition("_")[2] for (name,) in partitions}


def users_of_partitions(admin: psycopg.Connection[TupleRow]) -> dict[str, str]:
    """Return a user of each partition."""
    names = [f"user {number}" for number in range(20)]
    found = admin.execute(
        b"SELECT satisfies_hash_partition('tasks'::regclass, 2, 0, name::varchar), name"
        b"  FROM unnest(%s::text[]) AS name",
        (names,),
    )
    of_first: dict[bool, str] = dict(found.fetchall())
    return {"user": of_first[True], "other": of_first[False]}


def values_of(sort: str) -> dict[str, object]:
    """Return values for all parameters of a list in this order."""
    position = {"title": "Buy", "priority": "high"}.get(sort, "2026-03-09T00:00:00Z")
    return {
        "user_id": "user 0",
        "search": "groc",
        "priorities": ["high"],
        "tags": ["home"],
        "due_from": "2026-01-01",
        "due_before": "2027-01-01",
        "time_zone": "Asia/Tokyo",
        "after_0": position,
        "after_1": "2026-03-09T00:00:00Z",
        "after_id": 1,
        "limit": 1,
    }


def planned_partitions(
    admin: psycopg.Connection[TupleRow], sql: str, values: Mapping[str, object]
) -> set[str]:
    """Return the partitions that the plan of a statement has."""
    [(plan,)] = admin.execute(b"EXPLAIN (FORMAT JSON) " + sql.encode(), values)
    return {*re.findall(r"\w+_part_\d", json.dumps(plan))}


def not_sent(sent: Collection[str]) -> dict[str, set[str]]:
    """Return the SQL in each module that no statement has that was sent."""
    loose = {}
    for name, file in modules().items():
        found = {*constants(importlib.import_module(name))}
        found |= {*literals(ast.parse(file.read_text()))}
        loose[name] = {
            text
            for text in found
            if IS_SQL.search(text) and not any(map(pattern(text).search, sent))
        }
    return {name: found for name, found in loose.items() if found}


SQL_FUNCTIONS = b"""
    SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


def not_run(functions: Mapping[str, str], ran: Collection[str]) -> list[str]:
    """Return the places of a table in SQL functions that no statement has that ran."""
    places = []
    for name, source in functions.items():
        # PL/pgSQL takes INTO out of a statement before it runs.
        code = re.sub(r"(?<!INSERT) INTO \w+(?= |;)", "", without_comments(source))
        spans = [
            found.span()
            for text in ran
            if USES_TABLE.search(text)
            for found in re.finditer(re.escape(text), code)
        ]
        for found in re.finditer(r"EXECUTE format\('([^']*)'", code):
            made = re.sub(r"%\d\\\$s", ".*", re.escape(found[1]))
            if any(re.fullmatch(made, text) for text in ran):
                spans.append(found.span())
        places += [
            f"{name}: {code[use.start() :][:60]}"
            for use in USES_TABLE.finditer(code)
            if not any(start <= use.start() < end for start, end in spans)
        ]
    return places


def test_a_statement_touches_one_partition_of_a_table(
    seen: Seen, new_database: str
) -> None:
    with psycopg.connect(new_database) as admin:
        functions: dict[str, str] = dict(admin.execute(SQL_FUNCTIONS).fetchall())
        users = users_of_partitions(admin)
        planned = {
            shape: planned_partitions(admin, sql, values_of(shape.sort))
            for shape, sql in EVERY_LIST.items()
        }

    request_everything(Client(users["user"]))
    by_hand = [run_by_hand(new_database, seen, sql, users) for sql in BY_HAND]
    of_two = [run_by_hand(new_database, seen, sql, users) for sql in OF_TWO_USERS]

    assert {
        sql: touched for sql, touched in seen.sent.items() if touched != {"0"}
    } == {}
    assert by_hand == [{"0"}] * len(BY_HAND)
    assert of_two == [{"0", "1"}] * len(OF_TWO_USERS)
    assert {
        shape: touched for shape, touched in planned.items() if len(touched) > 1
    } == {}
    assert not_sent(seen.sent) == {}
    assert not_run(functions, seen.ran) == []


NOT_BY_USER = {
    "idempotency_keys_by_age": "for the release before; see 0010_indexes_by_user.sql",
    "tasks_pending_by_tag": "each entry begins with the user",
}
"""Indexes that don't begin with user_id. They aren't unique, so each partition has its
own."""

INDEXES = b"""
    SELECT indexrelid::regclass::text, indisunique, attname
      FROM pg_index
           JOIN pg_class ON pg_class.oid = indrelid
           JOIN information_schema.columns
             ON table_schema = 'public' AND table_name = relname
            AND column_name = 'user_id'
           LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
"""


def test_every_index_of_users_begins_with_the_user(
    postgres: psycopg.Connection[TupleRow],
) -> None:
    others = {
        name: is_unique
        for name, is_unique, first in postgres.execute(INDEXES)
        if first != "user_id"
    }

    assert others == dict.fromkeys(NOT_BY_USER, False)
