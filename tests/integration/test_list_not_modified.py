"""The ETag of a list and of the summary, and the 304 that it gets."""

import re
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from taskapi.postgres import query
from tests.support.api import Client
from tests.support.listing import link

ANSWERS = [("list_tasks", ""), ("list_tasks", "sort=title"), ("summarize_tasks", "")]
every_answer = pytest.mark.parametrize(("function", "asked"), ANSWERS)


def etag(user: Client, function: str = "list_tasks", asked: str = "") -> str:
    answer = user.send(function, query=asked)
    assert answer.status == 200
    return answer.headers["etag"]


def status(
    user: Client, tag: str, function: str = "list_tasks", asked: str = ""
) -> int:
    headers = {"if-none-match": tag}
    return user.send(function, query=asked, headers=headers).status


@every_answer
def test_a_304_has_the_tag_and_no_body(user: Client, function: str, asked: str) -> None:
    user.create()
    tag = etag(user, function, asked)

    answer = user.send(function, query=asked, headers={"if-none-match": tag})

    assert re.fullmatch(r'"[0-9.]+-[0-9a-f]{16}"', tag)
    assert (answer.status, answer.text) == (304, "")
    assert answer.headers["etag"] == tag
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "link" not in answer.headers


WRITES: dict[str, Callable[[Client, int], object]] = {
    "create": lambda user, id: user.create(),
    "update": lambda user, id: user.send("update_task", id, json_body={"title": "b"}),
    "complete": lambda user, id: user.send("complete_task", id),
    "delete": lambda user, id: user.send("delete_task", id),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@every_answer
def test_every_write_changes_the_tag(
    user: Client, function: str, asked: str, write: Callable[[Client, int], object]
) -> None:
    id = user.create()["id"]
    before = etag(user, function, asked)

    write(user, id)

    assert status(user, before, function, asked) == 200
    assert etag(user, function, asked) != before


def test_what_changes_nothing_keeps_the_tag(user: Client, other: Client) -> None:
    id = user.create()["id"]
    before = etag(user)

    other.create()
    user.send("get_task", id)
    user.send("update_task", id, json_body={"title": ""})
    user.send("delete_task", id, headers={"if-match": '"1-99"'})
    user.send("delete_task", id + 1)

    assert status(user, before) == 304


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"other", {tag}', 304),
        ('"1-2",W/{tag} , "x"', 304),
        ("*", 304),
        (" * ", 304),
        ('"other"', 200),
        ('"0-0000000000000000"', 200),
        ("{bare}", 200),
        ("{tag} {tag}", 200),
        ("", 200),
        ('"' + "9" * 40 + '-{hash}"', 200),
        ('"-1-{hash}"', 200),
        ('"1.2.3-{hash}"', 200),
    ],
)
@every_answer
def test_reads_if_none_match(
    user: Client, function: str, asked: str, header: str, expected: int
) -> None:
    tag = etag(user, function, asked)
    sent = header.format(
        tag=tag, bare=tag.strip('"'), hash=tag.strip('"').rpartition("-")[2]
    )

    assert status(user, sent, function, asked) == expected


@pytest.mark.parametrize(
    ("function", "asked"),
    [
        ("list_tasks", "cursor=abc"),
        ("list_tasks", "time_zone=Nowhere"),
        ("list_tasks", "limit=0"),
        ("summarize_tasks", "time_zone=x y"),
        ("summarize_tasks", "time_zone=Nowhere"),
    ],
)
def test_an_invalid_query_is_no_304(user: Client, function: str, asked: str) -> None:
    """If-None-Match counts only where the answer would be a 200 (RFC 9110, 13.2.1)."""
    assert status(user, "*", function, asked) == 422


def test_a_tag_is_for_its_own_query_and_user(user: Client, other: Client) -> None:
    user.create("a")
    user.create("b")
    tag = etag(user, asked="limit=1")
    following = link(user.send("list_tasks", query="limit=1").headers)

    assert status(user, tag, asked="limit=1") == 304
    assert status(user, tag, asked="limit=2") == 200
    assert status(user, tag, asked=following or "") == 200
    assert status(user, tag, "summarize_tasks", "limit=1") == 200
    assert status(other, tag, asked="limit=1") == 200


def test_an_empty_list_has_a_tag(user: Client) -> None:
    tag = etag(user)

    assert status(user, tag) == 304
    task = user.create()
    assert status(user, tag) == 200
    user.send("delete_task", task["id"])
    assert status(user, tag) == 200
    assert status(user, etag(user)) == 304


def test_a_search_that_ends_with_a_304_takes_no_turn(
    user: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "backoff", lambda attempt: 60.0)
    user.create("milk")
    tag = etag(user, asked="search=milk")
    with psycopg.connect(database) as searching:
        searching.execute("SELECT take_search_turn(%s)", (user.user_id,))

        assert status(user, tag, asked="search=milk") == 304
        assert user.send("list_tasks", query="search=milk").status == 429


RELEASE_BEFORE = {
    "insert": "INSERT INTO tasks (user_id, title) VALUES (%(user)s, 'a')",
    "update": "UPDATE tasks SET title = 'b', version = version + 1 WHERE id = %(id)s",
    "delete": "DELETE FROM tasks WHERE id = %(id)s",
}


@pytest.mark.parametrize("sql", RELEASE_BEFORE.values(), ids=RELEASE_BEFORE)
def test_a_write_of_the_release_before_changes_the_tag(
    user: Client, postgres: psycopg.Connection[Any], sql: str
) -> None:
    id = user.create()["id"]
    before = etag(user)

    postgres.execute(sql.encode(), {"id": id, "user": user.user_id})

    assert status(user, before) == 200


def test_a_write_that_commits_late_is_shown(user: Client, database: str) -> None:
    id = user.create()["id"]
    with psycopg.connect(database) as writing:
        writing.execute("UPDATE tasks SET title = 'late' WHERE id = %s", (id,))
        during = etag(user)
        assert status(user, during) == 304
        writing.commit()

    answer = user.send("list_tasks", headers={"if-none-match": during})

    assert (answer.status, answer.json[0]["title"]) == (200, "late")


def test_a_reader_that_follows_twenty_writers_misses_nothing(
    user: Client, database: str
) -> None:
    """Each writer has a connection; some write as the release before did."""
    ids = [user.create()["id"] for _ in range(5)]
    start = threading.Barrier(21)

    def write(number: int) -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            start.wait()
            for turn in range(10):
                values = {"id": ids[(number + turn) % 5], "user": user.user_id}
                values |= {"title": f"{number} {turn}"}
                for sql in (
                    "INSERT INTO tasks (user_id, title) VALUES (%(user)s, %(title)s)",
                    "WITH counted AS MATERIALIZED (SELECT next_change(%(user)s) AS n)"
                    " UPDATE tasks SET title = %(title)s, change = n FROM counted"
                    " WHERE id = %(id)s AND user_id = %(user)s",
                ):
                    try:
                        connection.execute(sql, values)
                    except psycopg.errors.SerializationFailure:
                        continue

    writers = [threading.Thread(target=write, args=(n,)) for n in range(20)]
    for writer in writers:
        writer.start()
    answer = user.send("list_tasks", query="sort=title&status=pending")
    start.wait()
    for is_over in (False, True):
        while True:
            tag = answer.headers["etag"]
            again = user.send(
                "list_tasks",
                query="sort=title&status=pending",
                headers={"if-none-match": tag},
            )
            if again.status == 200:
                answer = again
            elif is_over or not any(writer.is_alive() for writer in writers):
                break

    assert (
        answer.json == user.send("list_tasks", query="sort=title&status=pending").json
    )
    assert {task["id"] for task in answer.json} >= set(ids)
