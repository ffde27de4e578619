"""CORS as the template configures it and API Gateway does it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.gateway import Client, Reply, serving
from tests.support.project import ROOT

ORIGIN, TASKS = "http://localhost:3000", "/api/demo/tasks"

PREFLIGHT = {
    "access-control-allow-methods": "GET,POST,PUT,PATCH,DELETE",
    "access-control-allow-headers": (
        "authorization,content-type,idempotency-key,if-match,if-none-match"
    ),
    "access-control-max-age": "7200",
}
ANSWER = {
    "access-control-expose-headers": (
        "etag,link,location,retry-after,www-authenticate,x-request-id,idempotent-replayed"
    )
}


@contextmanager
def made_to_run() -> Iterator[Client]:
    """Ask the API as `make run` serves it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ALLOWED_ORIGINS", raising=False)
        with serving(ROOT) as client:
            yield client


@pytest.fixture(scope="module")
def ask() -> Iterator[Client]:
    with made_to_run() as client:
        yield client


@pytest.fixture
def ask_anew() -> Iterator[Client]:
    """Ask an API that has said nothing of a refused origin yet."""
    with made_to_run() as client:
        yield client


def cors(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers if name.startswith("access-")}


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        pytest.param("http://localhost:3000", True, id="first of the list"),
        pytest.param("http://localhost:5174", True, id="another port"),
        pytest.param("http://localhost", True, id="no port"),
        pytest.param("http://127.0.0.1:5500", True, id="this machine's address"),
        pytest.param("http://localhost:0", False, id="port 0"),
        pytest.param("http://localhost:5174x", False, id="port that is no number"),
        pytest.param("https://localhost:3000", False, id="another scheme"),
        pytest.param("http://127.0.0.2:3000", False, id="another address"),
        pytest.param("http://127.0.0.1.a.example", False, id="a prefix of an address"),
        pytest.param("HTTP://LOCALHOST:3000", False, id="upper case"),
        pytest.param("http://localhost:3000/", False, id="with a path"),
        pytest.param("http://localhost:3000.a.example", False, id="a prefix of it"),
        pytest.param("http://a.example?http://localhost:3000", False, id="around it"),
        pytest.param("http://localhost:3000 http://a.example", False, id="two"),
        pytest.param("null", False, id="null"),
        pytest.param("*", False, id="star"),
    ],
)
def test_origins_are_matched_exactly(ask: Client, origin: str, allowed: bool) -> None:
    sent = [("Origin", origin)]
    allow = {"access-control-allow-origin": origin}

    preflight = ask("OPTIONS", TASKS, [*sent, ("Access-Control-Request-Method", "GET")])
    answer = ask("GET", "/health", sent)

    assert (preflight.status, answer.status) == (204, 200)
    assert cors(preflight) == (allow | PREFLIGHT if allowed else {})
    assert cors(answer) == (allow | ANSWER if allowed else {})
    assert preflight["vary"] == answer["vary"] == ("origin" if allowed else None)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize("path", [TASKS, "/health", "/none", "/"])
def test_every_preflight_is_answered_alike(ask: Client, method: str, path: str) -> None:
    """What it asks for is the browser's to compare with what is allowed."""
    sent = [
        ("Origin", ORIGIN),
        ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", "authorization,x-unknown"),
    ]

    reply = ask("OPTIONS", path, sent)

    assert (reply.status, reply.body) == (204, b"")
    assert cors(reply) == {"access-control-allow-origin": ORIGIN} | PREFLIGHT


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/health", 200, id="success"),
        pytest.param("GET", TASKS, 401, id="an error of the API's"),
        pytest.param("GET", "/none", 404, id="an error of the gateway's"),
        pytest.param("GET", "/api/100%25/tasks", 400, id="a path that can't be read"),
        pytest.param("OPTIONS", TASKS, 404, id="OPTIONS that is no preflight"),
    ],
)
def test_every_answer_can_be_read(
    ask: Client, method: str, path: str, status: int
) -> None:
    reply = ask(method, path, [("Origin", ORIGIN)])

    assert reply.status == status
    assert cors(reply) == {"access-control-allow-origin": ORIGIN} | ANSWER


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_without_an_origin_there_is_no_cors(ask: Client, method: str) -> None:
    reply = ask(method, "/health", [("Access-Control-Request-Method", "GET")])

    assert reply.status == (200 if method == "GET" else 404)
    assert cors(reply) == {}
    assert reply["vary"] is None


REFUSED = "http://192.168.1.20:5173"


def said(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Return what the gateway has said: functions log in JSON, at any time."""
    lines = capfd.readouterr().err.splitlines()
    return [line for line in lines if not line.startswith("{")]


def test_a_refused_origin_is_one_line_that_says_what_to_set(
    ask_anew: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    preflight = [("Origin", REFUSED), ("Access-Control-Request-Method", "GET")]
    ask_anew("OPTIONS", TASKS, preflight)
    ask_anew("OPTIONS", TASKS, preflight)
    ask_anew("GET", "/health", [("Origin", REFUSED)])

    assert said(capfd) == [
        f"CORS refused a page of {REFUSED}. To let it in, add it to ALLOWED_ORIGINS "
        "(commas between origins), in .env or before `make run`. It replaces the "
        "template's list, so add other origins of yours too."
    ]


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        pytest.param("null", "null", id="a file or a sandbox"),
        pytest.param("http://a.example/\x80\x9b2J", "\\x80\\x9b2J", id="control codes"),
        pytest.param("x" * 9000, "x" * 200 + ".", id="long"),
    ],
)
def test_an_origin_that_can_not_be_listed_says_so(
    ask_anew: Client, capfd: pytest.CaptureFixture[str], origin: str, shown: str
) -> None:
    ask_anew("GET", "/health", [("Origin", origin)])

    [line] = said(capfd)
    assert shown in line
    assert "ALLOWED_ORIGINS can't list that" in line


def test_says_nothing_of_pages_that_are_let_in(
    ask: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    ask("GET", "/health", [("Origin", ORIGIN)])
    ask("GET", "/health")

    assert said(capfd) == []


def test_made_up_origins_do_not_fill_the_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.gateway.REFUSALS_SAID", 2)
    with serving(ROOT) as ask:
        for number in range(4):
            ask("GET", "/none", [("Origin", f"https://{number}.example")])

    assert len(capfd.readouterr().err.splitlines()) == 2
