"""One line of JSON for each request, which is its log and its metrics."""

import io
import json
import re
from typing import Any

import pytest

from local.direct import ROUTES, event, token
from taskapi.auth.pseudonym import pseudonym
from taskapi.postgres import connection
from tests.support.api import Client, invoke
from tests.support.project import ROOT

KEYS = {
    "level",
    "message",
    "timestamp",
    "service",
    "request_id",
    "correlation_id",
    "function_request_id",
    "route",
    "status",
    "duration_ms",
    "database_ms",
    "cold_start",
    "user",
    "error",
    "reason",
    "_aws",
    "Requests",
    "DatabaseTime",
    "DatabaseRetries",
    "ColdStarts",
    "Errors",
}


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def metrics(line: dict[str, Any]) -> dict[tuple[str, ...], set[tuple[str, str]]]:
    """Return the names and units of a line's metrics by their dimensions."""
    found: dict[tuple[str, ...], set[tuple[str, str]]] = {}
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "Tasks"
        for dimensions in directive["Dimensions"]:
            assert all(isinstance(line[name], str) for name in dimensions)
            found.setdefault(tuple(sorted(dimensions)), set()).update(
                (metric["Name"], metric["Unit"]) for metric in directive["Metrics"]
            )
    return found


def test_a_request_is_one_line_of_log(user: Client, log: io.StringIO) -> None:
    answer = user.send("create_task", json_body={"title": "a"})

    [line] = lines(log)
    assert line["message"] == "request"
    assert line["level"] == "INFO"
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["function_request_id"] == "test"
    assert line["route"] == "POST /api/{user_id}/tasks"
    assert line["status"] == 201
    assert line["user"] == pseudonym(user.user_id)
    assert 0 < line["database_ms"] <= line["duration_ms"]
    assert isinstance(line["cold_start"], bool)
    assert set(line) <= KEYS


def test_the_same_line_is_the_metrics(user: Client, log: io.StringIO) -> None:
    user.send("list_tasks")
    user.send("list_tasks")

    line = lines(log)[-1]
    assert metrics(line) == {
        ("service",): {("Requests", "Count"), ("DatabaseTime", "Milliseconds")}
    }
    assert line["Requests"] == 1
    assert line["DatabaseTime"] == line["database_ms"]
    assert line["_aws"]["Timestamp"] > 1_700_000_000_000


def test_health_asks_nothing_of_the_database(log: io.StringIO) -> None:
    invoke("health", event(ROUTES["health"]))
    invoke("health", event(ROUTES["health"]))

    line = lines(log)[-1]
    assert metrics(line) == {("service",): {("Requests", "Count")}}
    assert line["database_ms"] == 0
    assert "user" not in line


@pytest.mark.parametrize(
    ("id", "body", "code"),
    [("abc", {"title": "a"}, "not_found"), ("1", {"title": ""}, "validation_error")],
    ids=["not found", "not valid"],
)
def test_errors_are_counted_by_code(
    user: Client, log: io.StringIO, id: str, body: object, code: str
) -> None:
    user.send("update_task", id, json_body=body)

    [line] = lines(log)
    assert metrics(line)[("error", "service")] == {("Errors", "Count")}
    assert line["error"] == code
    assert line["Errors"] == 1


def test_retries_are_counted(
    user: Client, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.send("list_tasks")
    assert connection._idle
    # Closed below psycopg, as by the other side: found out by using it.
    monkeypatch.setattr(connection.Connection, "is_usable", lambda _: True)
    connection._idle.pgconn.finish()

    answer = user.send("list_tasks")

    line = lines(log)[-1]
    assert answer.status == 200
    assert ("DatabaseRetries", "Count") in metrics(line)[("service",)]
    assert line["DatabaseRetries"] == 1


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ("f1b2-7.x:Y/z", True),
        ("", False),
        ("a" * 129, False),
        ('"} , {"', False),
        ("é", False),
        ("a b", False),
    ],
    ids=["an id", "empty", "too long", "JSON", "not ASCII", "words"],
)
def test_a_correlation_id_is_logged_if_it_is_one(
    user: Client, log: io.StringIO, sent: str, logged: bool
) -> None:
    user.send("list_tasks", headers={"x-correlation-id": sent})

    [line] = lines(log)
    assert line["correlation_id"] == (sent if logged else line["request_id"])


TITLE, DESCRIPTION = "Buy a surprise", "for somebody's birthday"


def test_neither_tokens_nor_texts_nor_users_are_logged(
    user: Client, other: Client, log: io.StringIO
) -> None:
    task = user.create(TITLE, description=DESCRIPTION)
    words = {"title": TITLE, "description": DESCRIPTION}
    user.send("list_tasks", query={"search": TITLE})
    user.send("list_tasks", query={"limit": TITLE, "cursor": DESCRIPTION})
    user.send("update_task", task["id"], json_body=words)
    user.send("update_task", task["id"], json_body=words | {"completed": TITLE})
    user.send("create_task", json_body=words, headers={"idempotency-key": TITLE})
    user.send("create_task", json_body={"title": "x"}, headers={"if-match": TITLE})
    user.send("create_task", body=f'{{"title": "{TITLE}')
    user.send("delete_task", TITLE)
    user.send("get_task", task["id"], headers={"authorization": f"Basic {TITLE}"})
    user.send("get_task", task["id"], headers={"authorization": "Bearer a.b.c"})
    other.send("get_task", task["id"])
    stolen = {"authorization": f"Bearer {token(user.user_id)}"}
    other.send("get_task", task["id"], headers=stolen)

    text = log.getvalue()
    assert len(text.splitlines()) == 13
    for secret in (TITLE, DESCRIPTION, user.user_id, other.user_id, "eyJ", "a.b.c"):
        assert secret not in text
    assert set().union(*lines(log)) <= KEYS


def test_a_bug_is_logged_without_the_words_in_its_message(
    user: Client, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(TITLE)

    monkeypatch.setattr("functions.get_task.app.get", fail)

    answer = user.send("get_task", 1)

    [line] = lines(log)
    assert answer.status == 500
    assert (line["level"], line["error"]) == ("ERROR", "internal_error")
    assert line["exception"] == "builtins.ValueError"
    assert TITLE not in log.getvalue()


def test_the_template_names_the_metrics_that_there_are() -> None:
    template = (ROOT / "template.yaml").read_text()

    shown = set(re.findall(r'"Tasks", ?"(\w+)"', template))
    watched = set(re.findall(r"\bNamespace: Tasks\s+MetricName: (\w+)", template))
    own = set(re.findall(r"MetricNamespace: Tasks\s+MetricName: (\w+)", template))

    assert "Errors" in watched
    assert "DatabaseTime" in shown
    assert (shown | watched) - own <= KEYS
