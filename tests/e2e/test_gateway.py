"""The local gateway does to HTTP what API Gateway does, with functions made for it."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import local.environment
import local.pool
from tests.support.gateway import TEMPLATE, Client, Project, Reply, serving

ORIGIN = "http://localhost:3000"

SAMPLE = """
Parameters:
  AllowedOrigins:
    Type: CommaDelimitedList
    Default: http://localhost:3000, https://app.example.com
  Word: {Type: String, Default: from the template}
Globals:
  HttpApi:
    CorsConfiguration:
      AllowOrigins: !Ref AllowedOrigins
      AllowMethods: [GET, POST]
      AllowHeaders: [authorization, content-type]
      ExposeHeaders: [etag, link]
      MaxAge: 7200
  Function:
    Handler: app.handler
    MemorySize: 256
    Environment:
      Variables: {WORD: !Ref Word, NOWHERE: !GetAtt Table.Arn}
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/echo
      Timeout: 7
      Events:
        List: {Type: HttpApi, Properties: {Method: GET, Path: "/a/{user_id}/tasks"}}
        Add: {Type: HttpApi, Properties: {Method: POST, Path: "/a/{user_id}/tasks"}}
        One: {Type: HttpApi, Properties: {Method: GET, Path: "/a/{user_id}/tasks/{id}"}}
        Static: {Type: HttpApi, Properties: {Method: GET, Path: "/a/{user_id}/tasks/x"}}
        Fixed: {Type: HttpApi, Properties: {Method: GET, Path: /fixed}}
  Return:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/return
      Events:
        Api: {Type: HttpApi, Properties: {Method: ANY, Path: /return}}
"""

ECHO = """
import os

def handler(event, context):
    lived = context.get_remaining_time_in_millis()
    own = {k: v for k, v in vars(context).items() if isinstance(v, str)}
    own |= {"remaining": lived, "word": os.environ["WORD"]}
    return {"event": event, "context": own, "nowhere": "NOWHERE" in os.environ}
"""

# Returns what the body says; in the header, since GET and HEAD have no body.
RETURN = """
import json

def handler(event, context):
    return json.loads(event["headers"]["x-return"])
"""


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Ask a gateway that serves the sample functions."""
    root = tmp_path_factory.mktemp("sample")
    (root / "template.yaml").write_text(SAMPLE)
    for name, source in (("echo", ECHO), ("return", RETURN)):
        (root / "functions" / name).mkdir(parents=True)
        (root / "functions" / name / "app.py").write_text(source)
    with serving(root) as client:
        yield client


def event(reply: Reply) -> dict[str, object]:
    assert reply.status == 200, reply
    content = reply.json["event"]
    assert isinstance(content, dict)
    return content


def returning(value: object) -> list[tuple[str, str]]:
    return [("x-return", json.dumps(value))]


# Events


def test_builds_the_whole_event(ask: Client) -> None:
    reply = ask("GET", "/a/u/tasks?q=1", [("User-Agent", "test/1"), ("X-A", "b")])

    built = event(reply)
    headers, context = built.pop("headers"), built.pop("requestContext")
    assert built == {
        "version": "2.0",
        "routeKey": "GET /a/{user_id}/tasks",
        "rawPath": "/a/u/tasks",
        "rawQueryString": "q=1",
        "queryStringParameters": {"q": "1"},
        "pathParameters": {"user_id": "u"},
        "isBase64Encoded": False,
    }
    assert isinstance(headers, dict)
    trace = headers.pop("x-amzn-trace-id")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", trace)
    assert headers == {
        "content-length": "0",
        "host": f"127.0.0.1:{ask.port}",
        "user-agent": "test/1",
        "x-a": "b",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-port": str(ask.port),
        "x-forwarded-proto": "http",
    }
    assert isinstance(context, dict)
    assert time.time() * 1000 - context.pop("timeEpoch") < 60_000
    assert re.fullmatch(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000", context.pop("time"))
    assert context == {
        "accountId": "123456789012",
        "apiId": "local",
        "domainName": "127.0.0.1",
        "domainPrefix": "127",
        "http": {
            "method": "GET",
            "path": "/a/u/tasks",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "test/1",
        },
        "requestId": reply["apigw-requestid"],
        "routeKey": "GET /a/{user_id}/tasks",
        "stage": "$default",
    }


def test_gives_every_request_an_id_of_its_own(ask: Client) -> None:
    ids = {ask("GET", path)["apigw-requestid"] for path in ("/fixed", "/fixed", "/no")}

    assert len(ids) == 3
    assert all(re.fullmatch(r"[\w-]{15}=", str(each)) for each in ids)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/a/u/tasks/1", "GET /a/{user_id}/tasks/{id}"),
        ("/a/u/tasks/x", "GET /a/{user_id}/tasks/x"),
        ("/fixed", "GET /fixed"),
    ],
)
def test_prefers_static_segments(ask: Client, path: str, route: str) -> None:
    assert event(ask("GET", path))["routeKey"] == route


def test_leaves_out_what_a_request_does_not_have(ask: Client) -> None:
    built = event(ask("GET", "/fixed"))

    absent = {"body", "cookies", "pathParameters", "queryStringParameters"}
    assert not absent & set(built)
    assert built["rawQueryString"] == ""


def test_gives_the_handler_lambdas_context(ask: Client) -> None:
    reply = ask("GET", "/fixed").json

    context = reply["context"]
    assert isinstance(context, dict)
    assert context["function_name"] == "Echo"
    assert context["memory_limit_in_mb"] == "256"
    assert 0 < context["remaining"] <= 7000
    assert (context["word"], reply["nowhere"]) == ("from the template", False)


# Answers


@pytest.mark.parametrize(
    ("returned", "status", "content_type", "body"),
    [
        pytest.param(
            {"statusCode": 201, "headers": {"Content-Type": "a/b"}, "body": "λ"},
            *(201, "a/b", "λ"),
            id="whole",
        ),
        pytest.param(
            {"statusCode": 200, "body": "bGlnaHQ=", "isBase64Encoded": True},
            *(200, "text/plain;charset=UTF-8", "light"),
            id="base64",
        ),
        pytest.param({"statusCode": "204"}, 204, None, "", id="nothing"),
        pytest.param({"statusCode": 304, "body": "x"}, 304, None, "", id="304"),
        pytest.param({"a": 1}, 200, "application/json", '{"a": 1}', id="inferred"),
        pytest.param("text", 200, "application/json", "text", id="inferred string"),
    ],
)
def test_answers_what_the_function_returned(
    ask: Client, returned: object, status: int, content_type: str | None, body: str
) -> None:
    reply = ask("GET", "/return", returning(returned))

    assert (reply.status, reply.body.decode()) == (status, body)
    if body:
        assert reply["content-type"] == content_type
    assert reply["server"] is None


@pytest.mark.parametrize(
    "returned",
    [
        pytest.param({"statusCode": "many"}, id="status"),
        pytest.param({"statusCode": 99}, id="status out of range"),
        pytest.param({"statusCode": 200, "body": {}}, id="body"),
        pytest.param(
            {"statusCode": 200, "body": "!", "isBase64Encoded": True}, id="base64"
        ),
        pytest.param({"statusCode": 200, "headers": []}, id="headers"),
        pytest.param({"statusCode": 200, "headers": {"a": "b\nc"}}, id="line feed"),
        pytest.param({"statusCode": 200, "body": "\ud800"}, id="lone surrogate"),
    ],
)
def test_answers_a_malformed_return_value_with_500(
    ask: Client, returned: object
) -> None:
    reply = ask("GET", "/return", returning(returned))

    assert (reply.status, reply.json) == (500, {"message": "Internal Server Error"})


def test_sets_each_cookie(ask: Client) -> None:
    reply = ask("GET", "/return", returning({"statusCode": 200, "cookies": ["a", "b"]}))

    assert [value for name, value in reply.headers if name == "set-cookie"] == [
        "a",
        "b",
    ]


def test_answers_head_without_a_body(ask: Client) -> None:
    reply = ask("HEAD", "/return", returning({"statusCode": 200, "body": "hello"}))

    assert (reply.status, reply.body, reply["content-length"]) == (200, b"", "5")


# CORS

PREFLIGHT = [("Access-Control-Request-Method", "POST")]
ELSEWHERE = "http://app.example"
"""Not an origin of this machine, which is let in anyway."""


@pytest.mark.parametrize("path", ["/a/u/tasks", "/none", "/a/100%25/tasks"])
def test_answers_preflights_on_any_path(ask: Client, path: str) -> None:
    reply = ask("OPTIONS", path, [("Origin", ORIGIN), *PREFLIGHT])

    cors = {name: value for name, value in reply.headers if "access" in name}
    assert (reply.status, reply.body) == (204, b"")
    assert cors == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization,content-type",
        "access-control-max-age": "7200",
    }
    assert reply["vary"] == "origin"


@pytest.mark.parametrize("headers", [[], PREFLIGHT], ids=["actual", "preflight"])
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://localhost:3001",
        f"{ORIGIN}/",
        "null",
        "HTTP://localhost:3000",
    ],
)
def test_gives_other_origins_no_cors_headers(
    ask: Client, origin: str, headers: list[tuple[str, str]]
) -> None:
    method = "OPTIONS" if headers else "GET"

    reply = ask(method, "/fixed", [("Origin", origin), *headers])

    assert reply.status == (204 if headers else 200)
    assert not [name for name, _ in reply.headers if "access-control" in name]


@pytest.mark.parametrize("path", ["/fixed", "/none", "/a/100%25/tasks"])
def test_adds_cors_headers_to_every_answer(ask: Client, path: str) -> None:
    reply = ask("GET", path, [("Origin", "https://app.example.com")])

    assert reply["access-control-allow-origin"] == "https://app.example.com"
    assert reply["access-control-expose-headers"] == "etag,link"
    assert reply["vary"] == "origin"


def test_ignores_the_cors_headers_of_functions(ask: Client) -> None:
    own = {"Access-Control-Allow-Origin": "*", "Access-Control-Max-Age": "1"}

    reply = ask("GET", "/return", returning({"statusCode": 200, "headers": own}))

    assert not [name for name, _ in reply.headers if "access-control" in name]


@pytest.mark.parametrize(
    ("origins", "credentials", "allowed"),
    [
        pytest.param("*", "false", "*", id="any"),
        pytest.param("*", "true", ELSEWHERE, id="any, with credentials"),
        pytest.param(ELSEWHERE, "true", ELSEWHERE, id="one, with credentials"),
        pytest.param("http://*", "false", ELSEWHERE, id="any of a scheme"),
        pytest.param("https://*", "false", None, id="any of another scheme"),
    ],
)
def test_allows_the_configured_origins(
    project: Project, origins: str, credentials: str, allowed: str | None
) -> None:
    root = project("")
    with (root / "template.yaml").open("a") as template:
        template.write(
            "Globals: {HttpApi: {CorsConfiguration: {AllowOrigins: ['"
            f"{origins}'], AllowCredentials: {credentials}}}}}}}"
        )

    with serving(root) as ask:
        reply = ask("OPTIONS", "/", [("Origin", ELSEWHERE), *PREFLIGHT])

    assert reply["access-control-allow-origin"] == allowed
    has_credentials = reply["access-control-allow-credentials"] == "true"
    assert has_credentials == (credentials == "true")


def test_takes_allowed_origins_from_the_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example, https://b.example")
    root = project("")
    (root / "template.yaml").write_text(
        TEMPLATE.format(timeout=1, path="/")
        + "Globals: {HttpApi: {CorsConfiguration: {AllowOrigins: [x]}}}"
    )

    with serving(root) as ask:
        reply = ask("GET", "/none", [("Origin", "https://b.example")])

    assert reply["access-control-allow-origin"] == "https://b.example"


# Limits


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_refuses_bodies_over_10_mb(ask: Client, chunked: bool) -> None:
    body = b"x" * (10 * 1024 * 1024 + 1)
    if chunked:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    headers = [("Transfer-Encoding", "chunked")] if chunked else []

    reply = ask("POST", "/a/u/tasks", headers, body)

    assert (reply.status, reply.json) == (413, {"message": "Request Entity Too Large"})


def test_stops_waiting_for_a_function_at_the_integration_timeout(
    project: Project, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    root = project(
        "import os, time\n"
        "def handler(event, context):\n"
        f"    while not os.path.exists({str(done)!r}): time.sleep(0.01)\n"
    )

    with serving(root, integration_timeout=0.3) as ask:
        reply = ask("GET", "/")
        done.touch()

    assert (reply.status, reply.json) == (503, {"message": "Service Unavailable"})


# Execution environments

# Every way to fail, and otherwise who serves and how often it did.
FAIL = """
import json, os, sys, time

served = 0

def handler(event, context):
    global served
    served += 1
    match event.get("rawQueryString"):
        case "raise": raise ValueError("no such thing")
        case "exit": os._exit(3)
        case "quit": sys.exit(3)
        case "hang": time.sleep(60)
        case "object": return object()
        case "large": return {"statusCode": 200, "body": "x" * 7_000_000}
        case "print": print("hello from the handler"); os.write(1, b"and its fd 1")
        case "read": sys.stdin.read()
    return {"pid": os.getpid(), "served": served}
"""


@pytest.mark.parametrize("how", ["raise", "object", "print", "read"])
def test_environment_outlives(project: Project, how: str) -> None:
    with serving(project(FAIL)) as ask:
        first, failed, last = ask("GET", "/"), ask("GET", f"/?{how}"), ask("GET", "/")

    assert failed.status == (500 if how in ("raise", "object") else 200)
    assert last.json == {"pid": first.json["pid"], "served": 3}


@pytest.mark.parametrize("how", ["exit", "quit", "hang", "large"])
def test_environment_ends_and_another_takes_over(project: Project, how: str) -> None:
    with serving(project(FAIL, timeout=2 if how == "hang" else 10)) as ask:
        first, failed, last = ask("GET", "/"), ask("GET", f"/?{how}"), ask("GET", "/")

    assert (failed.status, failed.json) == (500, {"message": "Internal Server Error"})
    assert last.json["pid"] != first.json["pid"]
    assert last.json["served"] == 1


def test_says_on_stderr_why_a_function_failed(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(project(FAIL)) as ask:
        ask("GET", "/?raise")

    assert "It: ValueError: no such thing\n" in capfd.readouterr().err


# Answers only when `at_once` requests are being served together.
MEET = """
import os, pathlib, time

def handler(event, context):
    folder = pathlib.Path(__file__).parents[2] / "met"
    folder.mkdir(exist_ok=True)
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < int(event["queryStringParameters"]["at_once"]):
        time.sleep(0.01)
    return {"pid": os.getpid()}
"""


def test_starts_environments_for_concurrent_requests(project: Project) -> None:
    with serving(project(MEET)) as ask, ThreadPoolExecutor(3) as threads:
        replies = list(threads.map(ask, ["GET"] * 3, ["/?at_once=3"] * 3))

    assert len({str(reply.json["pid"]) for reply in replies}) == 3


def test_queues_requests_where_no_more_environments_may_start(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local.pool, "ENVIRONMENTS_PER_FUNCTION", 1)

    with serving(project(FAIL)) as ask, ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(ask, ["GET"] * 4, ["/"] * 4))

    assert sorted(str(reply.json["served"]) for reply in replies) == list("1234")


def test_uses_the_same_environment_again(project: Project) -> None:
    with serving(project(FAIL)) as ask:
        replies = [ask("GET", "/").json for _ in range(3)]

    assert [reply["served"] for reply in replies] == [1, 2, 3]


# Changes on disk


def test_serves_changed_code(project: Project) -> None:
    root = project("def handler(event, context): return 'old'")

    with serving(root) as ask:
        before = ask("GET", "/").body
        source = "def handler(event, context): return 'new'"
        (root / "functions/it/app.py").write_text(source)
        after = ask("GET", "/").body

    assert (before, after) == (b"old", b"new")


def test_serves_changed_routes(project: Project) -> None:
    root = project("def handler(event, context): return 'here'")

    with serving(root) as ask:
        before = ask("GET", "/new").status
        (root / "template.yaml").write_text(TEMPLATE.format(timeout=1, path="/new"))
        after = ask("GET", "/new").status

    assert (before, after) == (404, 200)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("template.yaml", "Resources: [", "template.yaml isn't valid YAML"),
        ("template.yaml", "a: b", "template.yaml has no Resources"),
        ("functions/it/app.py", "def", "It: SyntaxError: invalid syntax"),
        ("functions/it/app.py", "import nowhere", "It: ModuleNotFoundError: No module"),
        ("functions/it/app.py", "", "It: AttributeError: module 'app' has no"),
        ("functions/it/app.py", "exit(1)", "It: SystemExit: 1"),
    ],
)
def test_says_in_one_line_what_is_broken_and_recovers(
    project: Project,
    capfd: pytest.CaptureFixture[str],
    file: str,
    content: str,
    message: str,
) -> None:
    root = project("def handler(event, context): return 'fine'")
    good = (root / file).read_text()

    with serving(root) as ask:
        (root / file).write_text(content)
        broken = ask("GET", "/")
        error = capfd.readouterr().err
        (root / file).write_text(good)
        mended = ask("GET", "/")

    assert (broken.status, mended.body) == (500, b"fine")
    assert error.startswith(message)
    assert error.count("\n") == 1


# The end


def test_ends_its_environments_when_it_is_stopped(project: Project) -> None:
    with serving(project(FAIL)) as ask:
        pid = int(str(ask("GET", "/").json["pid"]))

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("at_work", [False, True], ids=["idle", "busy"])
def test_environment_ends_when_the_gateway_dies(
    project: Project, at_work: bool
) -> None:
    root = project(FAIL)
    environment = subprocess.Popen(
        [sys.executable, "-P", local.environment.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            "_HANDLER": "app.handler",
            "LAMBDA_TASK_ROOT": str(root / "functions/it"),
        },
    )
    assert environment.stdin
    assert environment.stdout
    assert environment.stdout.readline() == b'{"ready": true}\n'
    if at_work:
        environment.stdin.write(b'{"event": {"rawQueryString": "hang"}}\n')
        environment.stdin.flush()

    environment.stdin.close()

    assert environment.wait(timeout=60) == 0
    environment.stdout.close()
