"""The lines that `make run` prints: readable, and with the reason of an error."""

import asyncio
import json

import pytest

from local.events import Answer, gateway_answer
from local.request_log import RequestLog, describe, request_line
from local.routes import Router
from local.template import load_template
from tests.support.project import ROOT

ERROR = json.dumps({"error": "unauthorized", "message": "Invalid token"}).encode()
BUG = {"exception": "builtins.KeyError", "stack": ["a.py:1 f", "b.py:2 g"]}


@pytest.mark.parametrize(
    ("answer", "line", "printed"),
    [
        pytest.param(Answer(200, []), {}, "GET /a  200  12 ms", id="success"),
        pytest.param(
            Answer(200, []),
            {"cold_start": True},
            "GET /a  200  12 ms, cold start",
            id="a cold start",
        ),
        pytest.param(
            Answer(401, [], ERROR),
            {"reason": "the token has expired"},
            "GET /a  401  12 ms  Invalid token  (the token has expired)",
            id="a 401, with what only the log says",
        ),
        pytest.param(
            Answer(503, [], b'{"message": "No keys"}'),
            {"jwks": "http://localhost:3000/api/auth/jwks: Connection refused"},
            "GET /a  503  12 ms  No keys  "
            "(http://localhost:3000/api/auth/jwks: Connection refused)",
            id="a 503 because Better Auth is down",
        ),
        pytest.param(
            Answer(500, [], b'{"message": "A bug"}'),
            BUG,
            "GET /a  500  12 ms  A bug  (builtins.KeyError at b.py:2 g)",
            id="a bug, with its place",
        ),
        pytest.param(
            gateway_answer(404, "Not Found"),
            {},
            "GET /a  404  12 ms  Not Found",
            id="the gateway's own answer",
        ),
        pytest.param(
            Answer(502, [], b"not JSON"), {}, "GET /a  502  12 ms", id="no message"
        ),
    ],
)
def test_a_request_is_one_line(
    answer: Answer, line: dict[str, object], printed: str
) -> None:
    assert request_line("GET /a", answer, 0.0123, line) == printed


def test_a_warning_is_a_sentence() -> None:
    line = {"level": "WARNING", "message": "the connection failed", "sqlstate": "08006"}

    assert describe(line) == "WARNING: the connection failed: 08006"


def log_of(written: list[bytes], answer: Answer) -> None:
    """Print what a function has written, and the line of its request."""

    async def work() -> None:
        log, stream = RequestLog(), asyncio.StreamReader()
        log.relay(stream)
        log.finish("GET /a", "id", answer, 0.001)
        stream.feed_data(b"".join(written))
        stream.feed_eof()
        await log.ended()

    # asyncio.run() would take away the loop that the handlers use in other tests.
    loop = asyncio.new_event_loop()
    loop.run_until_complete(work())
    loop.close()


def test_the_functions_line_is_found_by_the_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = {"message": "request", "request_id": "other", "reason": "another one"}
    own = {"message": "request", "request_id": "id", "reason": "the reason"}
    written = [json.dumps(line).encode() + b"\n" for line in (other, own)]

    log_of(written, Answer(401, [("x-request-id", "id")]))

    assert capsys.readouterr().out == "GET /a  401  1 ms  (the reason)\n"


def test_other_output_of_a_function_is_printed_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_of([b"a print()\n", b"[1]\n"], Answer(204, []))

    captured = capsys.readouterr()
    assert captured.err == "a print()\n[1]\n"
    assert captured.out == "GET /a  204  1 ms\n"


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("GET /api/demo/task", "GET /api/{user_id}/tasks"),
        ("GET /api/demo/task/7", "GET /api/{user_id}/tasks/{task_id}"),
        (
            "POST /api/demo/tasks/7/complete",
            "PATCH /api/{user_id}/tasks/{task_id}/complete",
        ),
        ("GET /healthz", "GET /health"),
    ],
)
def test_an_unknown_route_has_a_nearest_one(asked: str, nearest: str) -> None:
    router = Router(load_template(ROOT / "template.yaml").functions)
    method, _, path = asked.partition(" ")

    assert router.match(method, path) is None
    assert router.nearest(method, path) == nearest
