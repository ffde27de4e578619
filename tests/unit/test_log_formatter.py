"""Log lines are those that Powertools' own formatter makes of the same records."""

import json
import logging
from typing import Any

import pytest
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from taskapi.log_formatter import LogFormatter, serialize

OPTIONS: Any = {"location": None, "service": "a"}
KEYS = {
    "status": 200,
    "duration_ms": 1.5,
    "cold_start": False,
    "nothing": None,
    "route": "GET /api/{user_id}/tasks",
    "_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "Tasks"}]},
    "stack": ["app.py:1 handler"],
    "of another kind": logging.Formatter,
}


def record(message: object, *args: object, **keys: object) -> logging.LogRecord:
    made = logging.LogRecord("tasks", logging.WARNING, "app.py", 1, message, args, None)
    vars(made).update(keys)
    return made


def failed() -> logging.LogRecord:
    made = record("it failed", **KEYS)
    try:
        raise ValueError("why")
    except ValueError as error:
        made.exc_info = (ValueError, error, error.__traceback__)
    return made


RECORDS = {
    "a message alone": lambda: record("request"),
    "keys of its own": lambda: record("request", **KEYS),
    "a key that is a request's too": lambda: record("request", user="another"),
    "its message as an object": lambda: record({"a": 1}),
    "arguments": lambda: record("%s of %d", "one", 2),
    "an exception": failed,
}


def line(formatter: LambdaPowertoolsFormatter, made: logging.LogRecord) -> Any:
    formatter.append_keys(user="5f7c", reason=None)
    return json.loads(formatter.format(made))


@pytest.mark.parametrize("trace", [None, "Root=1-6740f0a1-01;Parent=1;Sampled=1"])
@pytest.mark.parametrize("make", RECORDS.values(), ids=RECORDS)
def test_a_line_is_powertools_own(
    make: Any, trace: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trace:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    made = make()

    ours = line(LogFormatter(json_serializer=serialize, **OPTIONS), made)

    assert ours == line(LambdaPowertoolsFormatter(**OPTIONS), made)
    assert ours.get("xray_trace_id") == (trace and "1-6740f0a1-01")


def test_a_cleared_formatter_has_forgotten_the_request() -> None:
    formatter = LogFormatter(**OPTIONS)
    formatter.append_keys(user="5f7c")
    formatter.clear_state()

    said = json.loads(formatter.format(record("request")))

    assert said.keys() == {"level", "message", "timestamp", "service"}
