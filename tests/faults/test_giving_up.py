"""Giving up on a statement: the server stops too, and the answer says what happened."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from local.waiting import eventually
from taskapi.postgres import connection, query
from tests.support.faults import DATABASE, Api
from tests.support.proxy import Action

WRITES: dict[str, dict[str, Any]] = {
    "update_task": {"json_body": {"title": "new"}},
    "complete_task": {},
    "delete_task": {},
}


@pytest.mark.parametrize("function", WRITES)
def test_a_write_that_was_given_up_is_not_made_later(
    either: Api, short_budget: None, cancelling: None, function: str
) -> None:
    id = either.create()["id"]

    with either.postgres.locked(DATABASE):
        answer = either.send(function, id, **WRITES[function])

    assert answer.status == 503, answer.text
    assert answer.json["message"] == "The database didn't answer in time"
    [fault] = either.faults
    assert fault["message"] == "the statement took too long and was cancelled"
    eventually(lambda: not either.running())
    assert either.rows()[id] == ("Buy groceries", False, 1)
    either.works()


@pytest.mark.parametrize("function", ["list_tasks", "create_task"])
def test_what_the_server_worked_on_is_not_sent_again(
    either: Api, short_attempts: float, cancelling: None, function: str
) -> None:
    body = {"title": "new"} if function == "create_task" else None
    either.works()  # and has a connection

    with either.postgres.locked(DATABASE):
        answer = either.send(function, json_body=body)

    assert answer.status == 503, answer.text
    assert answer.json["message"] == "The database didn't answer in time"
    assert [fault["again"] for fault in either.faults] == [False]
    eventually(lambda: not either.running())
    assert either.rows() == {}


def test_a_search_that_takes_too_long_leaves_nothing_running(
    either: Api, cancelling: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    either.postgres.execute(
        "INSERT INTO tasks (user_id, title, description)"
        f" SELECT '{either.client.user_id}', 'a', repeat('\u0390', 5000)"
        " FROM generate_series(1, 2000)",
        DATABASE,
    )
    either.works()  # and has a connection
    monkeypatch.setattr(query, "ATTEMPT_TIMEOUT", 0.05)

    # On a busy machine this process may be so slow that a search ends in time.
    eventually(lambda: either.send("list_tasks", query={"search": "b"}).status == 503)

    # The server says so itself; a search that had ended by now would have succeeded.
    [fault] = either.faults
    assert fault["message"] == "the statement took too long and was cancelled"
    eventually(lambda: not either.running())


def test_says_so_where_the_server_cannot_be_asked_to_stop(
    either: Api, short_budget: None
) -> None:
    id = either.create()["id"]
    either.proxy.rule = lambda direction, type, _message: (
        Action("stall") if (direction, type) == ("up", "startup") else None
    )

    with either.postgres.locked(DATABASE):
        answer = either.send("complete_task", id)

    assert answer.status == 503, answer.text
    assert "it isn't known whether a change was made" in answer.json["message"]
    either.proxy.rule = None


def test_answers_as_usual_where_the_statement_ends_before_it_is_cancelled(
    api: Api, short_budget: None, cancelling: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = api.create()["id"]
    cancel = connection.Connection.cancel_safe

    with api.postgres.locked(DATABASE) as unlock:

        def too_late(self: connection.Connection, **options: float) -> None:
            unlock()
            eventually(lambda: api.rows()[id][1])
            cancel(self, **options)

        monkeypatch.setattr(connection.Connection, "cancel_safe", too_late)
        answer = api.send("complete_task", id)

    assert (answer.status, answer.json["completed"]) == (200, True)
    assert connection._idle is None


@pytest.mark.parametrize("function", ["list_tasks", "get_task"])
def test_a_read_never_says_that_a_change_may_have_been_made(
    either: Api, short_budget: None, function: str
) -> None:
    id = either.create()["id"]
    either.proxy.rule = lambda direction, type, _message: (
        Action("stall") if (direction, type) == ("up", "P") else None
    )

    answer = either.send(function, id if function == "get_task" else None)

    assert answer.status == 503, answer.text
    assert answer.json["message"] == "The database didn't answer in time"
    either.proxy.rule = None


def test_says_so_where_the_pooler_may_still_send_the_statement(
    api: Api, pooler: Callable[..., str], short_budget: None
) -> None:
    url = pooler(default_pool_size=1)
    id = api.create()["id"]
    api.point(url)

    with psycopg.connect(url) as hog:
        hog.execute("SELECT 1")
        answer = api.send("complete_task", id)

    assert answer.status == 503, answer.text
    assert "it isn't known whether a change was made" in answer.json["message"]
    assert api.rows()[id][2] in (1, 2)
