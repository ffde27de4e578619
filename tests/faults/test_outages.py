"""The database goes away, between two requests and during one, and comes back.

A toggle must not be sent twice, so it is the strictest test: it can succeed only if the
API knows that it wasn't sent before.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.direct import Answer
from local.servers import PgBouncer
from local.waiting import eventually
from taskapi import time_budget
from taskapi.postgres import connection
from tests.support.background import meanwhile
from tests.support.faults import DATABASE, Api
from tests.support.proxy import STALL, Action, Direction, Once


def toggle(api: Api, id: int) -> Answer:
    return api.send("complete_task", id)


def assert_toggled(api: Api, id: int) -> None:
    """Assert that a toggle succeeds, once, at the first attempt."""
    answer = toggle(api, id)
    assert answer.status == 200, answer.text
    assert answer.json["completed"] is True
    assert api.rows()[id] == ("Buy groceries", True, 2)
    assert api.faults == []


def sees_dead_connection() -> bool:
    return connection._idle is not None and not connection._idle.is_usable()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Assert that the block ends long before a stall does."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds + STALL / 2


# Between two requests.


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_replaces_a_connection_killed_while_idle(either: Api, reset: bool) -> None:
    id = either.create()["id"]

    either.proxy.kill(reset=reset)
    eventually(sees_dead_connection)

    assert_toggled(either, id)


def test_replaces_a_connection_that_was_terminated(api: Api) -> None:
    id = api.create()["id"]

    api.postgres.terminate(DATABASE)
    eventually(sees_dead_connection)

    assert_toggled(api, id)


def test_survives_termination_behind_the_pooler(
    pooled: Api, pgbouncer: PgBouncer
) -> None:
    id = pooled.create()["id"]

    pooled.postgres.terminate(DATABASE)
    eventually(lambda: pgbouncer.servers() == 0)

    assert_toggled(pooled, id)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_survives_a_restart_between_requests(api: Api, mode: str) -> None:
    id = api.create()["id"]

    api.postgres.restart(mode)

    assert_toggled(api, id)


def test_survives_a_restart_behind_the_pooler(
    pooled: Api, pgbouncer: PgBouncer
) -> None:
    id = pooled.create()["id"]

    pooled.postgres.restart()
    eventually(lambda: pgbouncer.servers() == 0)

    assert_toggled(pooled, id)


def test_survives_a_restart_of_the_pooler(pooled: Api, pgbouncer: PgBouncer) -> None:
    id = pooled.create()["id"]

    pgbouncer.restart()
    eventually(sees_dead_connection)

    assert_toggled(pooled, id)


def test_does_not_trust_a_connection_after_30_minutes_of_freezing(
    either: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = either.create()["id"]
    either.proxy.reset()

    monkeypatch.setattr(time_budget, "clock", lambda: time.monotonic() + 30 * 60)

    assert_toggled(either, id)
    assert either.proxy.accepted == 1


def test_keeps_a_connection_that_was_used_a_minute_ago(
    either: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = either.create()["id"]
    either.proxy.reset()

    monkeypatch.setattr(time_budget, "clock", lambda: time.monotonic() + 60)

    assert_toggled(either, id)
    assert either.proxy.accepted == 0


def test_survives_30_minutes_of_freezing_and_a_dead_socket(
    either: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = either.create()["id"]
    either.proxy.kill()

    monkeypatch.setattr(time_budget, "clock", lambda: time.monotonic() + 30 * 60)

    assert_toggled(either, id)


# During a request.


def test_repeats_a_create_whose_backend_is_terminated(either: Api) -> None:
    with either.postgres.locked(DATABASE) as unlock:

        def terminate() -> None:
            eventually(either.postgres.waiting)
            for pid in either.postgres.waiting():
                either.postgres.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
            unlock()

        with meanwhile(terminate):
            answer = either.send("create_task", json_body={"title": "new"})

    assert answer.status == 201, answer.text
    assert [title for title, *_ in either.rows().values()] == ["new"]
    assert len(either.faults) == 1
    either.works()


def test_does_not_repeat_a_toggle_whose_backend_is_terminated(either: Api) -> None:
    id = either.create()["id"]
    with either.postgres.locked(DATABASE):

        def terminate() -> None:
            eventually(either.postgres.waiting)
            for pid in either.postgres.waiting():
                either.postgres.execute(f"SELECT pg_terminate_backend({pid}, 5000)")

        with meanwhile(terminate):
            answer = toggle(either, id)

    assert answer.status == 503, answer.text
    assert answer.headers["retry-after"] == "1"
    assert either.rows()[id] == ("Buy groceries", False, 1)
    either.works()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_repeats_a_create_while_postgres_restarts(either: Api, mode: str) -> None:
    def restart() -> None:
        eventually(either.postgres.waiting)
        either.postgres.restart(mode)

    with either.postgres.locked(DATABASE), meanwhile(restart):
        answer = either.send("create_task", json_body={"title": "new"})

    assert answer.status == 201, answer.text
    assert [title for title, *_ in either.rows().values()] == ["new"]
    either.works()


def test_does_not_repeat_a_toggle_while_postgres_restarts(either: Api) -> None:
    id = either.create()["id"]

    def restart() -> None:
        eventually(either.postgres.waiting)
        # "fast" might end the owner of the lock before the statement that waits.
        either.postgres.restart("immediate")

    with either.postgres.locked(DATABASE), meanwhile(restart):
        answer = toggle(either, id)

    assert answer.status == 503, answer.text
    assert either.rows()[id] == ("Buy groceries", False, 1)
    either.works()


def test_repeats_a_create_while_the_pooler_restarts(
    pooled: Api, pgbouncer: PgBouncer
) -> None:
    with pooled.postgres.locked(DATABASE) as unlock:

        def restart() -> None:
            eventually(pooled.postgres.waiting)
            pgbouncer.restart()
            unlock()

        with meanwhile(restart):
            answer = pooled.send("create_task", json_body={"title": "new"})

    assert answer.status == 201, answer.text
    assert [title for title, *_ in pooled.rows().values()] == ["new"]
    pooled.works()


def test_does_not_repeat_an_update_while_the_pooler_restarts(
    pooled: Api, pgbouncer: PgBouncer
) -> None:
    id = pooled.create()["id"]
    with pooled.postgres.locked(DATABASE):

        def restart() -> None:
            eventually(pooled.postgres.waiting)
            pgbouncer.restart()

        with meanwhile(restart):
            answer = pooled.send("update_task", id, json_body={"title": "new"})

    assert answer.status == 503, answer.text
    assert pooled.rows()[id][2] in (1, 2)
    pooled.works()


# Connections that fail.


def test_waits_out_three_seconds_of_refused_connections(either: Api) -> None:
    id = either.create()["id"]
    either.proxy.kill()
    either.proxy.refuse()
    eventually(sees_dead_connection)

    either.proxy.accept_in(3.0)
    answer = toggle(either, id)

    assert answer.status == 200, answer.text
    assert either.rows()[id] == ("Buy groceries", True, 2)
    assert {fault["sent"] for fault in either.faults} == {False}


def test_gives_up_on_refused_connections(either: Api, short_budget: None) -> None:
    id = either.create()["id"]
    either.proxy.kill()
    either.proxy.refuse()
    eventually(sees_dead_connection)

    with within(time_budget.REQUEST_TIMEOUT):
        answer = toggle(either, id)

    assert answer.status == 503, answer.text
    assert answer.headers["retry-after"] == "1"
    assert answer.json["message"] == "The database can't be reached"
    assert either.rows()[id] == ("Buy groceries", False, 1)
    either.proxy.accept()
    either.works()


def test_waits_for_a_sleeping_database(either: Api) -> None:
    either.proxy.rule = Once("up", "startup", "delay", seconds=1.0)

    answer = either.send("create_task", json_body={"title": "new"})

    assert answer.status == 201, answer.text
    assert either.proxy.accepted == 1


# A minute of silence.

STALLS: dict[str, tuple[Direction, str, str]] = {
    "startup": ("up", "startup", "disable"),
    "tls": ("up", "startup", "require"),
    "authentication": ("down", "R", "disable"),
    "ready": ("down", "Z", "disable"),
}


@pytest.mark.parametrize("stalled", STALLS)
def test_gives_up_on_a_stall_in_connect(
    either: Api, short_budget: None, stalled: str
) -> None:
    direction, type, sslmode = STALLS[stalled]
    either.point(either.proxy.url(DATABASE, sslmode=sslmode))
    either.proxy.rule = lambda *message: (
        Action("stall") if message[:2] == (direction, type) else None
    )

    with within(time_budget.REQUEST_TIMEOUT):
        answer = either.send("create_task", json_body={"title": "new"})

    assert answer.status == 503, answer.text
    assert answer.json["message"] == "The database didn't answer in time"
    assert {fault["sent"] for fault in either.faults} == {False}
    either.proxy.rule = None
    either.point(either.proxy.url(DATABASE))
    either.works()


def test_connects_again_after_a_stall_in_connect(
    either: Api, short_attempts: float
) -> None:
    either.proxy.rule = Once("up", "startup", "stall")

    with within(short_attempts):
        answer = either.send("create_task", json_body={"title": "new"})

    assert answer.status == 201, answer.text


def test_gives_up_on_a_host_that_does_not_answer(api: Api, short_budget: None) -> None:
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        # When its queue is full, Linux drops the packets of further clients.
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(deaf.getsockname())
        port = deaf.getsockname()[1]
        api.point(f"postgresql://postgres@127.0.0.1:{port}/{DATABASE}")

        with within(time_budget.REQUEST_TIMEOUT):
            answer = api.send("list_tasks")

    assert answer.status == 503, answer.text
    assert {fault["message"] for fault in api.faults} == {
        "the database didn't answer in time"
    }


STALLED_STATEMENTS = [
    Once("up", "P", "stall"),
    Once("down", "1", "stall"),
    Once("down", "C", "stall"),
]


@pytest.fixture(
    params=STALLED_STATEMENTS,
    ids=["in the query", "before the answer", "in the answer"],
)
def stalling(either: Api, request: pytest.FixtureRequest) -> Api:
    """Return the functions with one task; their next statement stalls."""
    either.create()
    either.proxy.rule = Once(request.param.direction, request.param.type, "stall")
    return either


@pytest.mark.parametrize("function", ["list_tasks", "create_task"])
def test_repeats_after_a_stall(
    stalling: Api, function: str, short_attempts: float
) -> None:
    body = {"title": "new"} if function == "create_task" else None

    with within(short_attempts):
        answer = stalling.send(function, json_body=body)

    assert answer.status < 300, answer.text
    assert len(stalling.rows()) == (2 if body else 1)


def test_does_not_repeat_a_toggle_after_a_stall(
    stalling: Api, short_budget: None
) -> None:
    [id] = stalling.rows()

    with within(time_budget.REQUEST_TIMEOUT):
        answer = toggle(stalling, id)

    assert answer.status == 503, answer.text
    assert "it isn't known whether a change was made" in answer.json["message"]
    assert stalling.rows()[id][2] in (1, 2)
    stalling.works()
