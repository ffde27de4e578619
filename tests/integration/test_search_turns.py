"""A user has one search at a time: searches can't occupy the whole database."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from taskapi.postgres import connection, query
from tests.support.api import Client

TAKE_TURN = "SELECT take_search_turn(%s)"


@pytest.fixture
def searching(user: Client, database: str) -> Iterator[psycopg.Connection]:
    """Return a connection on which user's search goes on until it is closed."""
    with psycopg.connect(database) as connection:
        connection.execute(TAKE_TURN, (user.user_id,))
        yield connection


def search(client: Client) -> int:
    return client.send("list_tasks", query={"search": "milk"}).status


def test_a_second_search_waits_for_the_first(
    user: Client, searching: psycopg.Connection
) -> None:
    task = user.create("milk")
    threading.Timer(0.2, searching.commit).start()

    answer = user.send("list_tasks", query={"search": "milk"})

    assert answer.json == [task]


@pytest.fixture
def three_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the pause after the third attempt go beyond the deadline."""
    monkeypatch.setattr(query, "backoff", lambda attempt: 0.0 if attempt < 3 else 60.0)


@pytest.mark.usefixtures("searching", "three_attempts")
def test_a_second_search_is_refused_in_the_end(user: Client) -> None:

    answer = user.send("list_tasks", query={"search": "milk"})

    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert answer.json["message"].startswith("You are sending too many")


@pytest.mark.usefixtures("searching", "three_attempts")
def test_waiting_for_a_turn_needs_no_new_connection(user: Client) -> None:
    user.send("list_tasks")
    before = connection._idle

    search(user)

    assert connection._idle is before is not None


@pytest.mark.usefixtures("searching")
def test_other_requests_and_other_users_do_not_wait(
    user: Client, other: Client
) -> None:
    statuses = [search(other), user.send("list_tasks").status]

    assert statuses == [200, 200]


def test_a_turn_ends_with_its_search(user: Client) -> None:
    assert [search(user), search(user)] == [200, 200]
