"""Events that aren't the API's: answered, logged in a line, and nothing else."""

import importlib
import io
import json
import re
from typing import Any

import pytest

from local.direct import CONTEXT, ROUTES, event, token
from tests.support.api import invoke
from tests.support.project import ROOT

FOLDER = "lib/python3*/site-packages/samcli/lib/generated_sample_events/events/*/*.json"
SAMPLES = {
    f"{file.parent.name}/{file.stem}": json.loads(
        re.sub(r"\{{2,3}[^}]*\}{2,3}", "1", file.read_text())
    )
    for file in sorted((ROOT / ".venv-sam").glob(FOLDER))
}
"""What the SAM CLI knows of AWS's events (`sam local generate-event`)."""

OTHERS: dict[str, object] = {
    "nothing": {},
    "null": None,
    "an array": [],
    "text": "wake up",
    "a number": 5,
    "true": True,
    "console test": {"key1": "value1", "key2": "value2"},
    "warm-up plugin": {"source": "serverless-plugin-warmup"},
    "lambda-warmer": {"warmer": True, "concurrency": 3},
    "a source that is an array": {"source": ["warmup"]},
    "EventBridge": {"source": "mine", "detail-type": "x", "detail": {}, "id": "1"},
    "EventBridge Scheduler": {"anything": "<aws.scheduler.execution-id>"},
    "HTTP API, payload 1.0": {
        "version": "1.0",
        "resource": "/api/{user_id}/tasks",
        "httpMethod": "GET",
        "headers": {},
        "requestContext": {"httpMethod": "GET", "requestId": "1"},
    },
    "function URL": event("$default $default") | {"routeKey": "$default"},
    "WebSocket": {
        "requestContext": {"routeKey": "$connect", "connectionId": "c", "stage": "p"}
    },
    "HTTP API authorizer": {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:x",
        "routeKey": "GET /",
        "requestContext": {"http": {"method": "GET"}},
    },
    "VPC Lattice": {"raw_path": "/", "method": "GET", "headers": {}, "body": ""},
    "VPC Lattice 2.0": {
        "version": "2.0",
        "path": "/",
        "method": "GET",
        "requestContext": {"serviceNetworkArn": "arn"},
    },
    "Kafka": {"eventSource": "aws:kafka", "records": {"topic-0": [{"value": "eA=="}]}},
    "ActiveMQ": {"eventSource": "aws:mq", "eventSourceArn": "arn", "messages": []},
    "RabbitMQ": {"eventSource": "aws:rmq", "eventSourceArn": "arn"},
    "records that are none": {"Records": []},
    "records of nothing": {"Records": [None]},
    "Cognito trigger": {"triggerSource": "PreSignUp_SignUp", "userPoolId": "p"},
    "CodeDeploy hook": {"DeploymentId": "d", "LifecycleEventHookExecutionId": "h"},
    "secret rotation": {"SecretId": "s", "ClientRequestToken": "t", "Step": "x"},
    "IoT": {"temperature": 21.5, "thingName": "x"},
    "Step Functions": {"input": [1, 2], "taskToken": "t"},
}

SECRET = "a private text"


def http_api(route: str, **changes: object) -> dict[str, Any]:
    """Return an event of one of the API's routes, with a valid token, and changes."""
    path = {"user_id": "u", "task_id": "1"} if "{" in route else None
    headers = {"authorization": f"Bearer {token('u')}"}
    return event(route, path=path, headers=headers) | changes


MALFORMED: dict[str, dict[str, Any]] = {
    "another route": {"routeKey": "GET /somewhere/else"},
    "another function's route": {"routeKey": "OPTIONS /api/{user_id}/tasks"},
    "no route": {"routeKey": None},
    "an authorizer of the route": {"type": "REQUEST", "routeArn": "arn:aws:x"},
    "version 1.0": {"version": "1.0"},
    "version is a number": {"version": 2.0},
    "context is null": {"requestContext": None},
    "context is a number": {"requestContext": 5},
    "context is an array": {"requestContext": []},
    "context is empty": {"requestContext": {}},
    "http is null": {"requestContext": {"requestId": "1", "http": None}},
    "method is a number": {"requestContext": {"requestId": "1", "http": {"method": 1}}},
    "another method": {"requestContext": {"requestId": "1", "http": {"method": "X"}}},
    "headers are null": {"headers": None},
    "headers are an array": {"headers": [["host", "x"]]},
    "a header is a number": {"headers": {"host": 1}},
    "a header is an array": {"headers": {"authorization": [SECRET]}},
    "a header is null": {"headers": {SECRET: None}},
    "the query is null": {"rawQueryString": None},
    "the query is an object": {"rawQueryString": {"limit": "1"}},
    "the body is an object": {"body": {"title": SECRET}},
    "the body is a number": {"body": 1},
    "the body is not base64": {"body": SECRET, "isBase64Encoded": True},
    "base64 cut off": {"body": "eyJ0aXRsZSI6IC", "isBase64Encoded": True},
    "base64 is not ASCII": {"body": "é", "isBase64Encoded": True},
    "base64 is text": {"body": "", "isBase64Encoded": "false"},
}
NO_ID: dict[str, Any] = {
    "missing": {},
    "null": {"requestId": None},
    "a number": {"requestId": 1},
    "empty": {"requestId": ""},
    "two lines": {"requestId": "a\r\nset-cookie: x"},
    "not ASCII": {"requestId": "é"},
    "a lone surrogate": {"requestId": "\ud800"},
}
NO_PATH: dict[str, Any] = {
    "null": None,
    "text": "u",
    "empty": {},
    "other names": {"proxy": "u"},
    "a number": {"user_id": 1, "task_id": 1},
    "null values": {"user_id": None, "task_id": None},
    "empty values": {"user_id": "", "task_id": ""},
}


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    """Fail if the database is queried."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the database was queried")

    monkeypatch.setattr("psycopg.Connection.execute", refuse)


def assert_answered(function: str, sent: object, log: io.StringIO) -> dict[str, Any]:
    """Send an event that isn't the API's; return the line that is logged of it."""
    handler = importlib.import_module(f"functions.{function}.app").handler

    answer = handler(sent, CONTEXT)

    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["error"] == "bad_request"
    assert answer["headers"]["x-request-id"] == CONTEXT.aws_request_id
    assert answer["headers"]["x-content-type-options"] == "nosniff"
    assert answer["isBase64Encoded"] is False
    [text] = log.getvalue().splitlines()
    line: dict[str, Any] = json.loads(text)
    assert line["message"] == "not an event of this API"
    assert line["level"] == "WARNING"
    assert line["arrived"]
    assert line["reason"]
    method, _, path = ROUTES[function].partition(" ")
    assert f"{method} {path}" in line["expected"]
    assert "payload format 2.0" in line["expected"]
    assert "_aws" not in line
    assert SECRET not in text
    return line


FOREIGN = SAMPLES | OTHERS


def test_there_are_samples_of_aws_own() -> None:
    assert len(SAMPLES) > 50


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("sent", FOREIGN.values(), ids=list(FOREIGN))
def test_answers_an_event_that_is_not_the_apis(sent: object, log: io.StringIO) -> None:
    assert_answered("create_task", sent, log)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("function", ROUTES)
def test_every_function_answers_a_ping(function: str, log: io.StringIO) -> None:
    assert_answered(function, {}, log)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("function", ["health", "create_task"])
@pytest.mark.parametrize("changes", MALFORMED.values(), ids=list(MALFORMED))
def test_answers_a_malformed_event(
    function: str, changes: dict[str, object], log: io.StringIO
) -> None:
    assert_answered(function, http_api(ROUTES[function], **changes), log)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("ids", NO_ID.values(), ids=list(NO_ID))
def test_answers_an_event_without_an_id(
    ids: dict[str, object], log: io.StringIO
) -> None:
    sent = http_api("GET /health", requestContext={"http": {"method": "GET"}, **ids})

    assert_answered("health", sent, log)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("path", NO_PATH.values(), ids=list(NO_PATH))
def test_answers_an_event_without_its_path(path: object, log: io.StringIO) -> None:
    sent = http_api(ROUTES["update_task"], pathParameters=path)

    assert_answered("update_task", sent, log)


@pytest.mark.parametrize(
    ("sent", "arrived"),
    [
        (SAMPLES.get("sqs/Sqs"), "SQS records"),
        (SAMPLES.get("s3/S3Put"), "S3 records"),
        (SAMPLES.get("sns/Sns"), "SNS records"),
        (SAMPLES.get("alb/ALBRequest"), "an ALB event"),
        (SAMPLES.get("cloudwatch/ScheduledEvent"), "an EventBridge event"),
        (SAMPLES.get("apigateway/AwsProxy"), "a REST API or HTTP API event (1.0)"),
        (OTHERS["function URL"], "an HTTP API or function URL event (2.0)"),
        (OTHERS["WebSocket"], "a WebSocket API event"),
        (OTHERS["Cognito trigger"], "a Cognito trigger"),
        (OTHERS["warm-up plugin"], "a warm-up ping"),
        (OTHERS["console test"], "an object with 2 keys"),
        (None, "null"),
    ],
)
def test_says_what_arrived(sent: object, arrived: str, log: io.StringIO) -> None:
    assert assert_answered("health", sent, log)["arrived"] == arrived


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"requestContext": 5}, "requestContext.http.method is missing"),
        ({"headers": None}, "headers is null"),
        ({"rawQueryString": 1}, "rawQueryString is a number"),
        ({"routeKey": "x"}, "routeKey is another route"),
    ],
)
def test_says_where_it_differs(
    changes: dict[str, object], reason: str, log: io.StringIO
) -> None:
    sent = http_api("GET /health", **changes)

    assert assert_answered("health", sent, log)["reason"] == reason


@pytest.mark.parametrize("left_out", ["rawQueryString", "headers", "body", "version"])
def test_accepts_an_event_without_optional_keys(left_out: str) -> None:
    sent = http_api("GET /health", body=None, pathParameters=None)
    del sent[left_out]

    assert invoke("health", sent).status == 200


def test_a_request_after_a_ping_is_served(log: io.StringIO) -> None:
    assert_answered("health", {}, log)

    assert invoke("health", event("GET /health")).status == 200
    line = json.loads(log.getvalue().splitlines()[1])
    assert {"arrived", "reason", "error"} & line.keys() == set()
