"""Limits of a user's long reads at once, writes at once, and writes per day."""

import io
import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from benchmarks import neighbours
from local.direct import Answer, UserRequest
from taskapi import time_budget
from taskapi.postgres import connection, query
from taskapi.postgres.faults import TURN_TIMEOUT
from taskapi.postgres.migrate import migrate
from tests.support.api import Client
from tests.support.connections import forget_connection
from tests.support.project import ROOT

TAKE_READ_TURN = "SELECT take_search_turn(%s)"
TAKE_WRITE_TURNS = """
    SELECT pg_advisory_xact_lock(hashtextextended(%s, -turn))
      FROM generate_series(1, writes_at_once()) AS turn
"""
SPEND = """
    UPDATE change_counters
       SET paced_until = 1000000 * (
               extract(epoch FROM clock_timestamp())
               + 86400.0 / writes_per_day() * (extra_writes() + %s))
     WHERE user_id = %s
"""
"""Have the user make all writes that the limit allows, and so many more."""


@pytest.fixture
def reading(user: Client, database: str) -> Iterator[psycopg.Connection]:
    """Return a connection on which user's long read goes on until it is closed."""
    with psycopg.connect(database) as connection:
        connection.execute(TAKE_READ_TURN, (user.user_id,))
        yield connection


@pytest.fixture
def writing(user: Client, database: str) -> Iterator[psycopg.Connection]:
    """Return a connection on which user has as many writes as the limit allows."""
    with psycopg.connect(database) as connection:
        connection.execute(TAKE_WRITE_TURNS, (user.user_id,))
        yield connection


@pytest.fixture
def three_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the pause after the third attempt go beyond the deadline."""
    monkeypatch.setattr(query, "backoff", lambda attempt: 0.0 if attempt < 3 else 60.0)


def search(client: Client) -> int:
    return client.send("list_tasks", query={"search": "milk"}).status


LONG_READS = {
    "a search": ("list_tasks", "search=milk"),
    "by title": ("list_tasks", "sort=title"),
    "completed by due date": ("list_tasks", "sort=due_date&status=completed"),
    "with a tag": ("list_tasks", "tags=home"),
    "with a pending tag": ("list_tasks", "tags=home&status=pending"),
    "the summary": ("summarize_tasks", ""),
}
SHORT_READS = {
    "the list": ("list_tasks", ""),
    "completed by update": ("list_tasks", "sort=updated&status=completed"),
    "pending by title": ("list_tasks", "sort=title&status=pending"),
    "the changes": ("list_changes", ""),
    "the trash": ("list_trash", ""),
}


@pytest.mark.usefixtures("reading", "three_attempts")
@pytest.mark.parametrize(("function", "asked"), LONG_READS.values(), ids=LONG_READS)
def test_a_second_long_read_is_refused(
    function: str, asked: str, user: Client, other: Client
) -> None:
    answer = user.send(function, query=asked)

    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert answer.json["error"] == "too_many_requests"
    assert answer.json["message"].startswith("You are sending too many searches")
    assert other.send(function, query=asked).status == 200


@pytest.mark.usefixtures("reading", "three_attempts")
def test_a_refused_request_is_one_warning(user: Client, log: io.StringIO) -> None:
    search(user)

    [warning] = [line for line in log.getvalue().splitlines() if "WARNING" in line]
    assert json.loads(warning)["attempt"] == 3


@pytest.mark.usefixtures("reading")
@pytest.mark.parametrize(("function", "asked"), SHORT_READS.values(), ids=SHORT_READS)
def test_short_reads_have_no_limit(function: str, asked: str, user: Client) -> None:
    assert user.send(function, query=asked).status == 200


def test_a_second_long_read_waits_for_the_first(
    user: Client, reading: psycopg.Connection
) -> None:
    task = user.create("milk")
    threading.Timer(0.2, reading.commit).start()

    answer = user.send("list_tasks", query={"search": "milk"})

    assert answer.json == [task]


def test_a_slow_connection_leaves_time_to_wait_for_a_turn(
    user: Client, reading: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, slow = query.run, [0.0]

    def run_late(*args: Any, **options: Any) -> Any:
        slow[:] = [TURN_TIMEOUT + 0.5]
        return run(*args, **options)

    def backoff(attempt: int) -> float:
        reading.rollback()
        return 0.0

    monkeypatch.setattr(query, "run", run_late)
    monkeypatch.setattr(query, "backoff", backoff)
    monkeypatch.setattr(query, "ATTEMPT_TIMEOUT", 60.0)
    monkeypatch.setattr(time_budget, "clock", lambda: time.monotonic() + slow[0])

    assert search(user) == 200


def test_users_whose_ids_have_the_same_hash_of_32_bits_do_not_share_turns(
    database: str,
) -> None:
    one, another = "auth0|17827", "auth0|86347"

    with psycopg.connect(database) as reading, psycopg.connect(database) as others:
        [(are_equal,)] = reading.execute(
            "SELECT hashtext(%s) = hashtext(%s)", (one, another)
        )
        reading.execute(TAKE_READ_TURN, (one,))
        others.execute(TAKE_READ_TURN, (another,))

    assert are_equal


def test_a_turn_ends_with_its_read(user: Client) -> None:
    assert [search(user), search(user)] == [200, 200]


WRITES: dict[str, tuple[str, UserRequest]] = {
    "create": ("create_task", {"json_body": {"title": "New"}}),
    "update": ("update_task", {"json_body": {"title": "New"}}),
    "update if": (
        "update_task",
        {"json_body": {"title": "New"}, "headers": {"if-match": '"1-1"'}},
    ),
    "complete": ("complete_task", {"json_body": {"completed": True}}),
    "delete": ("delete_task", {}),
    "restore": ("restore_task", {}),
    "clear": ("clear_completed", {"query": "status=completed"}),
    "empty": ("empty_trash", {}),
    "erase": ("erase_user", {}),
    "batch": (
        "batch_tasks",
        {"json_body": {"operations": [{"op": "create", "task": {"title": "New"}}] * 2}},
    ),
}
NOT_PACED = {"update if", "restore", "empty", "erase"}
"""Those that don't write a new task or version, or make room."""


@pytest.fixture
def stored(user: Client) -> dict[str, Any]:
    """Return a pending task of a user who also has a completed and a deleted one."""
    user.create("Completed", completed=True)
    deleted = user.create("Deleted")["id"]
    user.send("delete_task", deleted)
    return user.create() | {"deleted": deleted}


def send(user: Client, stored: dict[str, Any], write: str) -> Answer:
    function, request = WRITES[write]
    about = {"restore": stored["deleted"]}.get(write, stored["id"])
    has_id = function in ("update_task", "complete_task", "delete_task", "restore_task")
    return user.send(function, about if has_id else None, **request)


def snapshot(user: Client) -> list[Any]:
    """Return what the user has."""
    return [user.send(name).json for name in ("list_tasks", "list_trash")]


@pytest.mark.usefixtures("three_attempts")
@pytest.mark.parametrize("write", WRITES)
def test_a_write_beyond_those_at_once_is_refused(
    write: str,
    user: Client,
    other: Client,
    stored: dict[str, Any],
    writing: psycopg.Connection,
) -> None:
    before = snapshot(user)

    answer = send(user, stored, write)

    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert answer.json["error"] == "too_many_requests"
    assert snapshot(user) == before
    other.create()
    writing.rollback()
    assert send(user, stored, write).status in (200, 201, 204, 412)


@pytest.mark.usefixtures("writing", "three_attempts")
def test_waiting_for_a_turn_needs_no_new_connection(user: Client) -> None:
    user.send("list_tasks")
    before = connection._idle

    user.send("create_task", json_body={"title": "New"})

    assert connection._idle is before is not None


def test_a_write_waits_for_its_turn(user: Client, writing: psycopg.Connection) -> None:
    threading.Timer(0.2, writing.rollback).start()

    assert user.create()["title"]


@pytest.mark.parametrize("write", [each for each in WRITES if each not in NOT_PACED])
def test_a_write_beyond_those_of_a_day_is_refused(
    write: str,
    user: Client,
    other: Client,
    stored: dict[str, Any],
    postgres: psycopg.Connection[Any],
) -> None:
    before = snapshot(user)
    postgres.execute(SPEND, (1000, user.user_id))

    answer = send(user, stored, write)

    assert (answer.status, answer.headers["retry-after"]) == (429, "60")
    assert answer.json["error"] == "too_many_requests"
    assert answer.json["message"].startswith("You have made too many changes")
    assert snapshot(user) == before
    other.create()
    postgres.execute(SPEND, (-1000, user.user_id))
    assert send(user, stored, write).status in (200, 201, 204)


def test_a_batch_that_reaches_the_limit_of_a_day_changes_nothing(
    user: Client, stored: dict[str, Any], postgres: psycopg.Connection[Any]
) -> None:
    before = snapshot(user)
    operations = [{"op": "complete", "id": stored["id"]}] * 100
    postgres.execute(SPEND, (-50, user.user_id))

    answer = user.send("batch_tasks", json_body={"operations": operations})

    assert answer.status == 429
    assert snapshot(user) == before


def test_a_replay_succeeds_after_the_limit(
    user: Client, postgres: psycopg.Connection[Any]
) -> None:
    request: UserRequest = {
        "json_body": {"title": "Once"},
        "headers": {"idempotency-key": "k"},
    }
    first = user.send("create_task", **request)
    postgres.execute(SPEND, (1000, user.user_id))
    refused = user.send("create_task", **request)
    postgres.execute(SPEND, (-1000, user.user_id))

    again = user.send("create_task", **request)

    assert [first.status, refused.status, again.status] == [201, 429, 201]
    assert again.json == first.json
    assert again.headers["idempotent-replayed"] == "true"


def test_each_operation_of_a_batch_counts(
    user: Client, postgres: psycopg.Connection[Any]
) -> None:
    user.create()
    postgres.execute(SPEND, (-1000, user.user_id))
    paced = "SELECT paced_until FROM change_counters WHERE user_id = %s"
    [(before,)] = postgres.execute(paced, (user.user_id,))
    operations = [{"op": "create", "task": {"title": "New"}}] * 10

    user.send("batch_tasks", json_body={"operations": operations})

    [(after,)] = postgres.execute(paced, (user.user_id,))
    [(pace,)] = postgres.execute("SELECT 86400000000 / writes_per_day()")
    # The batch itself counts too.
    assert after - before == 11 * pace


def test_a_batch_that_reaches_the_limit_writes_nothing(
    user: Client, postgres: psycopg.Connection[Any]
) -> None:
    user.create()
    postgres.execute(SPEND, (-50, user.user_id))
    before = snapshot(user)
    operations = [{"op": "create", "task": {"title": "New"}}] * 100

    answer = user.send("batch_tasks", json_body={"operations": operations})

    assert (answer.status, answer.json["error"]) == (429, "too_many_requests")
    assert snapshot(user) == before


def test_the_last_batch_of_an_import_of_19000_tasks_succeeds(
    user: Client, postgres: psycopg.Connection[Any]
) -> None:
    user.create()
    postgres.execute(SPEND, (189 * 101 - 20_000, user.user_id))
    operations = [{"op": "create", "task": {"title": "New"}}] * 100

    answer = user.send("batch_tasks", json_body={"operations": operations})

    assert {each["status"] for each in answer.json["results"]} == {201}


def test_a_user_does_not_wait_for_what_no_write_has_caused(
    user: Client, postgres: psycopg.Connection[Any]
) -> None:
    user.create()
    # The clock was set back by a day, or a lower limit was in force before.
    postgres.execute(SPEND, (200_000, user.user_id))

    user.create()

    postgres.execute(SPEND, (1000, user.user_id))
    assert user.send("create_task", json_body={"title": "New"}).status == 429


LIMIT = re.compile(r"^\|.*\| ([\d,]+) \| `(\w+)` \|", re.M)


def test_the_documentation_and_the_benchmark_have_these_limits(
    postgres: psycopg.Connection[Any],
) -> None:
    page = (ROOT / "docs/reliability.md").read_text()
    section = page.partition("\n## Limits for each user\n")[2]
    documented = {
        name: int(number.replace(",", "")) for number, name in LIMIT.findall(section)
    }
    names = SQL(", ").join(SQL("{}()").format(Identifier(name)) for name in documented)

    [values] = postgres.execute(SQL("SELECT {}").format(names)).fetchall()

    assert documented == dict(zip(documented, values, strict=True))
    assert len(documented) == 4
    assert {name: value for name, _, value in neighbours.DEFAULTS}.items() <= (
        documented.items()
    )


SET_LIMIT = """
    CREATE OR REPLACE FUNCTION {limit}() RETURNS {type}
        IMMUTABLE LANGUAGE sql RETURN {number};
"""


def test_an_operator_can_switch_the_limits_off(
    user: Client, new_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(new_database)
    forget_connection()
    monkeypatch.setenv("DATABASE_URL", new_database)
    with (
        psycopg.connect(new_database) as others,
        psycopg.connect(new_database, autocommit=True) as operator,
    ):
        # Postgres has the plans with the limits by then.
        for _ in range(6):
            user.create()
            assert search(user) == 200
        operator.execute(SPEND, (1000, user.user_id))
        others.execute(TAKE_READ_TURN, (user.user_id,))
        others.execute(TAKE_WRITE_TURNS, (user.user_id,))

        def set_limit(limit: str, type_: str, number: int) -> None:
            sql = SET_LIMIT.format(limit=limit, type=type_, number=number)
            operator.execute(sql.encode())

        set_limit("reads_at_once", "INTEGER", 0)
        set_limit("writes_at_once", "INTEGER", 0)
        set_limit("writes_per_day", "BIGINT", 0)
        statuses = [search(user), user.send("delete_task", 1).status]
        set_limit("writes_per_day", "BIGINT", 200_000)
        set_limit("extra_writes", "BIGINT", 0)
        statuses.append(user.send("delete_task", 2).status)

    assert statuses == [200, 204, 204]
    forget_connection()
