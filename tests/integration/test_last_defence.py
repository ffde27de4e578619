"""Whatever goes wrong, and wherever: the contract's 500, a metric, no private text."""

import importlib
import io
import json
from typing import Any

import pytest
from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.direct import CONTEXT, ROUTES, event, token
from taskapi.errors import SettingsError
from taskapi.log import logger
from tests.support.api import Client

PRIVATE = "a private text"

ERRORS: dict[str, BaseException] = {
    "an exception": KeyError(PRIVATE),
    "an error that quotes its input": RequestValidationError([{"input": PRIVATE}]),
    "an answer of FastAPI's own": HTTPException(418, PRIVATE),
    "no more stack": RecursionError(PRIVATE),
    "no Exception": BaseException(PRIVATE),
}
PLACES = [
    "functions.create_task.app.create",
    "taskapi.web.validation.validation_failed",
    "taskapi.web.route.parse",
    "taskapi.web.route.check_declared",
    "taskapi.web.task_responses.json_response",
    "taskapi.web.authenticated.authenticate",
    "fastapi._compat.ModelField.validate",
    "starlette.routing.Route.matches",
    "mangum.adapter.HTTPCycle.__init__",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("error", ERRORS.values(), ids=list(ERRORS))
def test_a_bug_anywhere_is_the_contracts_500(
    user: Client,
    log: io.StringIO,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    error: BaseException,
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise error

    if place.startswith("mangum") and not isinstance(error, Exception):
        pytest.skip("nothing of ours runs there")
    monkeypatch.setattr(place, fail)
    # validation_failed() is called only for an invalid body.
    title = PRIVATE if place != "taskapi.web.validation.validation_failed" else 1

    answer = user.send("create_task", json_body={"title": title, "x": PRIVATE})

    assert answer.status == 500
    assert answer.json["error"] == "internal_error"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    [text] = log.getvalue().splitlines()
    line = json.loads(text)
    assert (line["level"], line["status"], line["Errors"]) == ("ERROR", 500, 1)
    assert line["error"] == "internal_error"
    assert line["exception"]
    assert PRIVATE not in text + "".join(capfd.readouterr())


@pytest.mark.parametrize("place", ["taskapi.auth.authenticate.pseudonym", *PLACES[::3]])
def test_a_wrong_setting_is_said_in_one_line_wherever_it_is_met(
    user: Client, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise SettingsError("SOMETHING is not set")

    monkeypatch.setattr(place, fail)

    answer = user.send("create_task", json_body={"title": "Milk"})

    assert answer.status == 500
    line = json.loads(log.getvalue())
    assert line["reason"] == "SOMETHING is not set"
    assert "stack" not in line


def test_a_line_with_a_lone_surrogate_is_logged(log: io.StringIO) -> None:
    logger.info("request", route="\ud800")

    assert json.loads(log.getvalue())["route"] == "\ud800"


any_text = st.text(st.characters(exclude_categories=[]), max_size=20)
content_types = st.one_of(
    any_text,
    st.from_regex(r"application/[a-z+/; =,.]{0,12}(json)?[;,/ ]?", fullmatch=True),
    st.sampled_from(["application/json", "application/x+json", "text/plain"]),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner),
    max_leaves=5,
)
names = st.sampled_from(["title", "description", "completed", "id", "body"]) | any_text
bodies = st.one_of(
    st.none(),
    any_text,
    st.dictionaries(names, values, max_size=4).map(json.dumps),
    values.map(json.dumps),
    st.binary(max_size=40),
)
queries = any_text | st.lists(
    st.tuples(
        st.sampled_from(["status", "search", "sort", "order", "limit", "cursor"]),
        any_text,
    )
).map(lambda pairs: "&".join("=".join(pair) for pair in pairs))
headers = st.dictionaries(
    st.sampled_from(
        ["if-match", "if-none-match", "idempotency-key", "content-encoding", "cookie"]
    )
    | any_text,
    any_text | st.sampled_from(["*", "gzip", '"1-1"', 'W/"1-1"', ""]),
    max_size=3,
)


@pytest.mark.parametrize("function", ROUTES)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[*HealthCheck], database=None
)
@given(
    content_type=content_types,
    body=bodies,
    query=queries,
    sent=headers,
    task_id=any_text | st.just("1"),
)
def test_no_request_makes_it_fail(
    database: str,
    function: str,
    content_type: str,
    body: str | bytes | None,
    query: str,
    sent: dict[str, str],
    task_id: str,
) -> None:
    handler = importlib.import_module(f"functions.{function}.app").handler
    authorization = {"authorization": f"Bearer {token('fuzz')}"}
    built = event(
        ROUTES[function],
        path={"user_id": "fuzz", "task_id": task_id},
        query=query,
        headers=sent | authorization | {"content-type": content_type},
        body=body,
    )

    answer = handler(built, CONTEXT)

    assert answer["statusCode"] < 500
    if answer["statusCode"] >= 400:
        found = json.loads(answer["body"])
        assert found.keys() - {"details"} == {"error", "message"}
        if found["error"] == "validation_error":
            assert {"field", "constraint"} <= found["details"].keys()


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | any_text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(any_text, inner),
    max_leaves=3,
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[*HealthCheck], database=None
)
@given(data=st.data())
def test_no_event_makes_it_fail(data: st.DataObject, database: str) -> None:
    handler = importlib.import_module("functions.update_task.app").handler
    built = event(
        ROUTES["update_task"],
        path={"user_id": "fuzz", "task_id": "1"},
        headers={"authorization": f"Bearer {token('fuzz')}"},
        body="{}",
    )
    holder = data.draw(
        st.sampled_from(
            [
                built,
                built["requestContext"],
                built["requestContext"]["http"],
                built["headers"],
                built["pathParameters"],
            ]
        )
    )
    name = data.draw(st.sampled_from(sorted(holder)))
    holder[name] = data.draw(junk)

    assert handler(built, CONTEXT)["statusCode"] < 500
