"""Answers and logs tell nothing of bugs, tokens and texts."""

import io
import json
from typing import Any

import pytest

from tests.support.api import Client


def test_a_bug_says_nothing_about_its_cause(
    user: Client, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    def fail(*args: object, **options: object) -> Any:
        raise KeyError("the task's secret text")

    monkeypatch.setattr("taskapi.postgres.query.execute", fail)

    answer = user.send("get_task", 1)

    assert answer.status == 500
    assert answer.json == {
        "error": "internal_error",
        "message": "Something went wrong on our side; please try again later",
    }
    [line] = log.getvalue().splitlines()
    assert json.loads(line)["level"] == "ERROR"
    assert json.loads(line)["exception"] == "builtins.KeyError"
    assert "secret text" not in line


def test_logs_neither_tokens_nor_texts(user: Client, log: io.StringIO) -> None:
    task = user.create("a very private title", description="a private description")
    user.send("update_task", task["id"], json_body={"title": "another private\x00"})
    user.send("list_tasks", query={"search": "private"})

    lines = [json.loads(line) for line in log.getvalue().splitlines()]

    assert [line["status"] for line in lines] == [201, 422, 200]
    assert all(line["request_id"] for line in lines)
    assert "private" not in json.dumps(lines)
    assert "eyJ" not in json.dumps(lines)
