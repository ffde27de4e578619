"""ETag, If-None-Match and If-Match, as RFC 9110, section 13, has them."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import psycopg
import pytest

from local.direct import Answer, event, token
from tests.support.api import Client, invoke

WRITES: dict[str, dict[str, Any]] = {
    "update_task": {"json_body": {"title": "changed"}},
    "complete_task": {},
    "delete_task": {},
}
every_write = pytest.mark.parametrize("function", WRITES)

Header = Callable[[str], str]

MATCHING: dict[str, Header] = {
    "its tag": lambda tag: tag,
    "blanks around": lambda tag: f" {tag}\t",
    "anything": lambda tag: "*",
    "anything, with blanks": lambda tag: " * ",
    "first of a list": lambda tag: f'{tag}, "other"',
    "last of a list": lambda tag: f'"other","a,b" ,{tag}',
    "a list with empty members": lambda tag: f', ,{tag}, ,"other",',
    "beside a weak one": lambda tag: f'W/"x", {tag}',
    "beside odd characters": lambda tag: f'"!#é\\", {tag}',
}
OTHER: dict[str, Header] = {
    "another tag": lambda tag: '"other"',
    "another version": lambda tag: f'{tag[:-1]}0"',
    "a version of 40 digits": lambda tag: f'{tag[:-1]}{"0" * 40}"',
    "another task's": lambda tag: f'"9{tag[1:]}',
    "the tag in capitals": lambda tag: '"A"',
    "a list of others": lambda tag: '"a", "b"',
    "an empty tag": lambda tag: '""',
    "its tag inside another": lambda tag: f'"x{tag[1:]}',
}
MALFORMED: dict[str, Header] = {
    "empty": lambda tag: "",
    "blank": lambda tag: "  ",
    "commas": lambda tag: ",,",
    "no quotes": lambda tag: tag.strip('"'),
    "one quote": lambda tag: tag[:-1],
    "garbage before": lambda tag: f"garbage {tag}",
    "garbage after": lambda tag: f"{tag} garbage",
    "no comma": lambda tag: f'"other" {tag}',
    "anything and a tag": lambda tag: f"*, {tag}",
    "two stars": lambda tag: "**",
    "a quoted star": lambda tag: '"*"',
    "a small w": lambda tag: f"w/{tag}",
    "a blank after W/": lambda tag: f"W/ {tag}",
    "single quotes": lambda tag: tag.replace('"', "'"),
    "a blank in the tag": lambda tag: f'"a b", {tag}',
    "half a tag before": lambda tag: f'"a, {tag}',
}
WEAK: dict[str, Header] = {
    "weak": lambda tag: f"W/{tag}",
    "weak, in a list": lambda tag: f'"other", W/{tag}',
}


def table(*tables: dict[str, Header]) -> pytest.MarkDecorator:
    rows = {name: row for rows in tables for name, row in rows.items()}
    return pytest.mark.parametrize("header", rows.values(), ids=rows)


def etag(user: Client, task: dict[str, Any]) -> str:
    return user.send("get_task", task["id"]).headers["etag"]


# ETag


def test_every_answer_with_a_task_has_its_etag(user: Client) -> None:
    created = user.send("create_task", json_body={"title": "a"})
    got = user.send("get_task", created.json["id"])
    updated = user.send("update_task", created.json["id"], json_body={"title": "b"})
    completed = user.send("complete_task", created.json["id"])

    assert got.headers["etag"] == created.headers["etag"]
    answers = (created, updated, completed)
    tags = [answer.headers["etag"] for answer in answers]
    assert [answer.json["etag"] for answer in answers] == tags
    assert len(set(tags)) == 3
    assert all(tag[0] == tag[-1] == '"' for tag in tags)
    assert tags[-1] == etag(user, created.json)


def test_an_etag_is_the_same_for_every_token(user: Client) -> None:
    task = user.create()
    path = {"user_id": user.user_id, "task_id": str(task["id"])}

    tags = {
        invoke(
            "get_task",
            event(
                "GET /api/{user_id}/tasks/{task_id}",
                path=path,
                headers={"authorization": f"Bearer {token(user.user_id, name=name)}"},
            ),
        ).headers["etag"]
        for name in ("one session", "another session")
    }

    assert len(tags) == 1


def test_two_tasks_alike_have_different_etags(user: Client) -> None:
    assert etag(user, user.create("a")) != etag(user, user.create("a"))


NO_CHANGE: dict[str, tuple[str, dict[str, Any]]] = {
    "an update": ("update_task", {"json_body": {"title": "a"}}),
    "a PUT": ("update_task", {"json_body": {"title": "a"}, "method": "PUT"}),
    "a complete": ("complete_task", {"json_body": {"completed": False}}),
}


@pytest.mark.parametrize(
    ("function", "request_"), NO_CHANGE.values(), ids=list(NO_CHANGE)
)
def test_a_write_that_changes_nothing_is_a_new_version(
    user: Client, function: str, request_: dict[str, Any]
) -> None:
    task = user.create("a")
    before = etag(user, task)

    answer = user.send(function, task["id"], **request_)

    changed = {name: answer.json[name] for name in task}
    assert changed["updated_at"] > task["updated_at"]
    assert changed == task | {
        "updated_at": changed["updated_at"],
        "etag": answer.headers["etag"],
    }
    assert answer.headers["etag"] != before


# If-None-Match


@table(MATCHING, WEAK)
def test_says_that_the_caller_has_it_already(user: Client, header: Header) -> None:
    task = user.create()
    tag = etag(user, task)

    answer = user.send("get_task", task["id"], headers={"if-none-match": header(tag)})

    assert (answer.status, answer.text) == (304, "")
    assert answer.headers["etag"] == tag
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "content-type" not in answer.headers


@table(OTHER, MALFORMED)
def test_sends_what_the_caller_has_not(user: Client, header: Header) -> None:
    task = user.create()
    sent = {"if-none-match": header(etag(user, task))}

    answer = user.send("get_task", task["id"], headers=sent)

    assert (answer.status, answer.json) == (200, task)


def test_sends_what_has_changed(user: Client) -> None:
    task = user.create()
    sent = {"if-none-match": etag(user, task)}
    user.send("complete_task", task["id"])

    answer = user.send("get_task", task["id"], headers=sent)

    assert (answer.status, answer.json["completed"]) == (200, True)


@pytest.mark.parametrize("header", ["*", '"1-1"'])
def test_a_task_that_is_not_there_is_never_unchanged(
    user: Client, other: Client, header: str
) -> None:
    sent = {"if-none-match": header}

    assert user.send("get_task", 2**62, headers=sent).status == 404
    assert user.send("get_task", other.create()["id"], headers=sent).status == 404


# If-Match


@every_write
@table(MATCHING)
def test_writes_what_the_caller_has_read(
    user: Client, function: str, header: Header
) -> None:
    task = user.create()
    sent = {"if-match": header(etag(user, task))}

    answer = user.send(function, task["id"], headers=sent, **WRITES[function])

    assert answer.status in (200, 204)


@every_write
@table(OTHER, MALFORMED, WEAK)
def test_does_not_write_over_what_the_caller_has_not_read(
    user: Client, function: str, header: Header
) -> None:
    task = user.create()
    sent = {"if-match": header(etag(user, task))}

    answer = user.send(function, task["id"], headers=sent, **WRITES[function])

    assert answer.status == 412
    assert answer.json["error"] == "precondition_failed"
    assert set(answer.json) == {"error", "message", "details"}
    assert answer.json["details"] == {"task": task}
    assert "etag" not in answer.headers
    assert user.send("get_task", task["id"]).json == task


REASONS: dict[str, tuple[Header, str]] = {
    "another version": (lambda tag: f'{tag[:-1]}0"', "has changed since"),
    "another version, in a list": (
        lambda tag: f'"x", "1-1", {tag[:-1]}0"',
        "has changed since",
    ),
    "another version and a weak tag": (
        lambda tag: f'W/{tag}, {tag[:-1]}0"',
        "has changed since you read it; .*weak tags .W/. never match",
    ),
    "weak": (lambda tag: f"W/{tag}", "is weak"),
    "weak, of another version": (lambda tag: f'W/{tag[:-1]}0"', "is weak"),
    "a small w": (lambda tag: f"w/{tag}", "is weak"),
    "weak, in a list": (lambda tag: f'"1-1", W/{tag}', "is weak"),
    "weak and without quotes": (lambda tag: f"W/{tag}".replace('"', ""), "is weak"),
    "no quotes": (lambda tag: tag.strip('"'), "double quotes"),
    "no quotes, a list": (lambda tag: f"1-1, {tag}".replace('"', ""), "double quotes"),
    "single quotes": (lambda tag: tag.replace('"', "'"), "double quotes"),
    "escaped quotes": (lambda tag: tag.replace('"', '\\"'), "double quotes"),
    "one quote": (lambda tag: tag[:-1], "double quotes"),
    "another task's": (lambda tag: f'"9{tag[1:]}', "is another task's"),
    "Apache's": (lambda tag: f'{tag[:-1]}-gzip"', "was rewritten"),
    "older Apache's": (lambda tag: f'{tag[:-1]};gzip"', "was rewritten"),
    "Jetty's": (lambda tag: f'{tag[:-1]}--gzip"', "was rewritten"),
    "for Brotli": (lambda tag: f'{tag[:-1]}-br"', "was rewritten"),
    "for Brotli, without a dash": (lambda tag: f'{tag[:-1]}br"', "was rewritten"),
    "Caddy's": (lambda tag: f'W/{tag[:-1]}-zstd"', "is weak"),
    "empty": (lambda tag: "", "is no list of ETags"),
    "garbage": (lambda tag: f"garbage {tag}", "is no list of ETags"),
    "a date": (lambda tag: "Wed, 21 Oct 2015 07:28:00 GMT", "is no list of ETags"),
    "a star and a tag": (lambda tag: f"*, {tag}", "is no list of ETags"),
    "another API's": (lambda tag: '"33a64df551425fcc"', "is no ETag of a task"),
    "a version that can't be": (lambda tag: f'{tag[:-2]}0"', "is no ETag of a task"),
}


@pytest.mark.parametrize(("header", "reason"), REASONS.values(), ids=list(REASONS))
def test_a_412_says_why(user: Client, header: Header, reason: str) -> None:
    task = user.create()
    sent = {"if-match": header(etag(user, task))}

    answer = user.send("delete_task", task["id"], headers=sent)

    message = answer.json["message"]
    assert answer.status == 412
    assert re.search(reason, message)
    assert ("has changed" in message) == reason.startswith("has changed")
    assert "read it again" in message or "exactly as this API gives it" in message


@pytest.mark.parametrize("part", ["1-", '"1-1",', "\t,"], ids=["bare", "tags", "gaps"])
def test_time_to_read_a_header_grows_with_its_length_alone(
    user: Client, part: str
) -> None:
    task = user.create()
    sent = {"if-match": part * (60_000 // len(part)) + "x"}

    started = time.process_time()
    answer = user.send("delete_task", task["id"], headers=sent)

    assert answer.status == 412
    assert time.process_time() - started < 4


@every_write
def test_an_etag_is_good_for_one_write(user: Client, function: str) -> None:
    task = user.create()
    sent = {"if-match": etag(user, task)}
    user.send("complete_task", task["id"], headers=sent)

    answer = user.send(function, task["id"], headers=sent, **WRITES[function])

    assert answer.status == 412
    now = user.send("get_task", task["id"]).json
    assert answer.json["details"] == {"task": now}
    assert now["etag"] != task["etag"]


@every_write
def test_the_task_in_a_412_can_be_written_to_at_once(
    user: Client, function: str
) -> None:
    task = user.create()
    stale = {"if-match": task["etag"]}
    user.send("complete_task", task["id"])

    refused = user.send(function, task["id"], headers=stale, **WRITES[function])
    fresh = {"if-match": refused.json["details"]["task"]["etag"]}

    answer = user.send(function, task["id"], headers=fresh, **WRITES[function])
    assert answer.status in (200, 204)


@every_write
def test_a_row_of_a_list_can_be_written_to_at_once(user: Client, function: str) -> None:
    user.create("a")
    user.create("b")
    rows = user.pages(limit=1)

    answers = [
        user.send(
            function, row["id"], headers={"if-match": row["etag"]}, **WRITES[function]
        )
        for row in rows
    ]

    assert all(answer.status in (200, 204) for answer in answers)


@every_write
@pytest.mark.parametrize("header", ["*", '"x"', "malformed"])
def test_a_task_that_is_not_there_is_a_404_whatever_is_asked(
    user: Client, other: Client, function: str, header: str
) -> None:
    theirs, gone = other.create()["id"], user.create()["id"]
    user.send("delete_task", gone)

    for id in (theirs, gone, 2**62, "abc"):
        answer = user.send(
            function, id, headers={"if-match": header}, **WRITES[function]
        )
        assert (answer.status, answer.json["error"]) == (404, "not_found")
    assert other.send("get_task", theirs).status == 200


def test_someone_elses_etag_opens_nothing(user: Client, other: Client) -> None:
    task = other.create()

    answer = user.send(
        "delete_task", task["id"], headers={"if-match": etag(other, task)}
    )

    assert answer.status == 404
    assert other.send("get_task", task["id"]).json == task


# A write that waits for another


RIVALS = {
    "updated": "UPDATE tasks SET title = 'theirs', version = version + 1",
    "updated nine times": "UPDATE tasks SET title = 'theirs', version = version + 9",
    "deleted": "DELETE FROM tasks",
}


def send_while_locked(
    user: Client,
    task: dict[str, Any],
    database: str,
    function: str,
    rival: str,
    end: Literal["commit", "rollback"],
) -> Answer:
    """Return the answer to a write that waits until a rival's transaction ends."""
    sent = {"if-match": task["etag"]}
    with psycopg.connect(database) as other, ThreadPoolExecutor(1) as pool:
        other.execute(f"{rival} WHERE id = %s".encode(), (task["id"],))
        pool.submit(when_somebody_waits, database, getattr(other, end))
        return user.send(function, task["id"], headers=sent, **WRITES[function])


@every_write
@pytest.mark.parametrize("rival", RIVALS.values(), ids=RIVALS)
def test_a_write_that_waited_sees_what_it_waited_for(
    user: Client, database: str, function: str, rival: str
) -> None:
    task = user.create()

    answer = send_while_locked(user, task, database, function, rival, "commit")

    now = user.send("get_task", task["id"])
    if now.status == 404:
        assert answer.status == 404
    else:
        assert answer.status == 412
        assert answer.json["details"] == {"task": now.json}
        assert now.json["title"] == "theirs"


@every_write
@pytest.mark.parametrize("rival", RIVALS.values(), ids=RIVALS)
def test_a_write_that_waited_for_nothing_succeeds(
    user: Client, database: str, function: str, rival: str
) -> None:
    task = user.create()

    answer = send_while_locked(user, task, database, function, rival, "rollback")

    assert answer.status in (200, 204)


def when_somebody_waits(database: str, act: Callable[[], None]) -> None:
    """Act once a statement of this database waits for a lock, or never does."""
    waiting = """SELECT count(*) FROM pg_stat_activity
                  WHERE wait_event_type = 'Lock' AND datname = current_database()"""
    deadline = time.monotonic() + 6
    with psycopg.connect(database, autocommit=True) as watcher:
        while watcher.execute(waiting).fetchone() == (0,):
            if time.monotonic() > deadline:
                break
    act()
