"""`make smoke` passes where all is well, fails elsewhere, and always cleans up."""

import re
import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import psycopg
import pytest

from local import tokens
from local.direct import SECRET, token
from ops import sign_in, smoke
from ops.web import Answer, Server
from tests.support.better_auth.server import BetterAuth, better_auth
from tests.support.gateway import Client, serving
from tests.support.make_run import copied


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy whose functions a test may break."""
    return copied(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="module")
def gateway(project: Path, database: str) -> Iterator[Client]:
    with serving(project) as client:
        yield client


@pytest.fixture(autouse=True)
def user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Return whose token is set; no other setting is, and no file."""
    monkeypatch.setattr(smoke, "ROOT", tmp_path)
    for name in ("SMOKE_EMAIL", "SMOKE_PASSWORD", "BETTER_AUTH_URL", "ORIGIN"):
        monkeypatch.delenv(name, raising=False)
    name = f"auth0|{uuid.uuid4().hex}"
    monkeypatch.setenv("TOKEN", token(name))
    return name


def check(url: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["smoke", url])
    return smoke.main()


def url(gateway: Client) -> str:
    return f"http://127.0.0.1:{gateway.port}"


def titles(database: str, user: str) -> list[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT title FROM tasks WHERE user_id = %s", (user,)
        ).fetchall()
    return [title for (title,) in rows]


def test_passes_and_leaves_the_users_own_tasks_alone(
    gateway: Client,
    database: str,
    user: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO tasks (title, user_id) VALUES ('Mine', %s)", (user,)
        )
    monkeypatch.setenv("ORIGIN", "http://localhost:3000")

    code = check(url(gateway), monkeypatch)

    *checks, verdict = capsys.readouterr().out.splitlines()
    assert code == 0
    assert all(re.fullmatch(r"ok +\d+ ms  [a-z].*", line) for line in checks)
    assert re.fullmatch(rf"All {len(checks)} checks passed in [\d.]+ s\.", verdict)
    assert titles(database, user) == ["Mine"]


def test_makes_the_local_gateways_token_itself(
    gateway: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    monkeypatch.setattr(tokens, "LOCAL", tmp_path)
    monkeypatch.delenv("TOKEN")
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)

    assert check(url(gateway), monkeypatch) == 0


@contextmanager
def broken(project: Path, function: str, source: str) -> Iterator[None]:
    """Have a function's handler be what source makes of it."""
    file = project / "functions" / function / "app.py"
    whole = file.read_text()
    file.write_text(f"{whole}\n\nwell = handler\n\n\n{source}")
    try:
        yield
    finally:
        file.write_text(whole)


RAISES = "def handler(event, context): raise RuntimeError('broken')"
FORGETS_KEYS = """
def handler(event, context):
    event["headers"].pop("idempotency-key", None)
    return well(event, context)
"""
NO_LINK = """
def handler(event, context):
    answer = well(event, context)
    answer["headers"].pop("link", None)
    return answer
"""
SICK = "def handler(event, context): return {'status': 'sick'}"

BROKEN = {
    "a health of its own": ("health", SICK, "FAILED is healthy: another body"),
    "a create that forgets keys": (
        "create_task",
        FORGETS_KEYS,
        "FAILED creates, once for one Idempotency-Key: a second task",
    ),
    "a list without links": (
        "list_tasks",
        NO_LINK,
        "FAILED lists page by page: other tasks than were created",
    ),
    "a complete that crashes": (
        "complete_task",
        RAISES,
        "FAILED completes: 500 Internal Server Error instead of 200 (request ",
    ),
}


@pytest.mark.parametrize(("function", "source", "line"), BROKEN.values(), ids=BROKEN)
def test_says_what_fails_and_cleans_up(
    function: str,
    source: str,
    line: str,
    project: Path,
    gateway: Client,
    database: str,
    user: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with broken(project, function, source):
        code = check(url(gateway), monkeypatch)

    printed = capsys.readouterr().out
    assert code == 1
    assert line in printed
    assert printed.endswith("The stack does not do what it should.\n")
    assert titles(database, user) == []


def test_says_what_it_could_not_clean_up(
    project: Path,
    gateway: Client,
    database: str,
    user: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with broken(project, "delete_task", RAISES):
        code = check(url(gateway), monkeypatch)

    printed = capsys.readouterr().out
    [run] = re.findall(r"^Tasks with (\w+) in their title are left", printed, re.M)
    left = titles(database, user)
    assert code == 1
    assert len(left) == 3
    assert all(run in title for title in left)


def test_says_which_origin_is_let_in(
    gateway: Client,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ORIGIN", "https://elsewhere.example")

    code = check(url(gateway), monkeypatch)

    assert code == 1
    assert "https://elsewhere.example: no origin is allowed" in capsys.readouterr().out


def test_says_that_the_token_is_of_another_stack(
    gateway: Client,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    foreign = token("alice").rpartition(".")[0] + ".AAAA"
    monkeypatch.setenv("TOKEN", foreign)

    code = check(url(gateway), monkeypatch)

    printed = capsys.readouterr().out
    assert code == 1
    assert "401 Invalid or expired JWT token instead of 200" in printed
    assert "is the token from this stack's Better Auth?" in printed
    assert foreign not in printed


UNFIT = {
    "no URL": ("", None, "'' is not the URL of a stack: make smoke URL=https://…"),
    "no host": ("https:///x", None, "'https:///x' is not the URL of a stack"),
    "plain http": ("http://api.example.com", None, "must not travel unencrypted"),
    "no token": ("https://api.example.com", "", "Better Auth is needed: set TOKEN"),
    "no JWT": ("https://api.example.com", "abc", "TOKEN is not a JWT with a sub"),
    "no sub": (
        "https://api.example.com",
        "e30.eyJleHAiOjl9.e30",
        "TOKEN is not a JWT with a sub",
    ),
    "expired": (
        "https://api.example.com",
        token("alice", exp=1000),
        "s ago; get another one.",
    ),
}


@pytest.mark.parametrize(("given", "bearer", "sentence"), UNFIT.values(), ids=UNFIT)
def test_says_in_one_line_why_it_cannot_begin(
    given: str,
    bearer: str | None,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if bearer is not None:
        monkeypatch.setenv("TOKEN", bearer)

    code = check(given, monkeypatch)

    [line] = capsys.readouterr().err.splitlines()
    assert code == 1
    assert sentence in line


def test_says_that_nobody_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        here = f"http://127.0.0.1:{taken.getsockname()[1]}"

        code = check(here, monkeypatch)

    assert code == 1
    assert f"FAILED is healthy: {here} can't be reached" in capsys.readouterr().out


PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def issuer() -> Iterator[BetterAuth]:
    """Return a Better Auth with an account for the checks."""
    with better_auth() as issuer:
        account = {"name": "Smoke", "email": "smoke@example.com", "password": PASSWORD}
        issuer.request("/api/auth/sign-up/email", account)
        yield issuer


def test_signs_in_to_better_auth_and_out_again(
    issuer: BetterAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, int]] = []

    def recording(self: Server, *request: Any) -> Answer:
        answer = send(self, *request)
        asked.append((request[1], answer.status))
        return answer

    send = Server.send
    monkeypatch.setattr(Server, "send", recording)
    monkeypatch.delenv("TOKEN")
    monkeypatch.setenv("SMOKE_EMAIL", "smoke@example.com")
    monkeypatch.setenv("SMOKE_PASSWORD", PASSWORD)
    monkeypatch.setenv("BETTER_AUTH_URL", issuer.origin)

    issued = smoke.token_for(smoke.base_url("https://api.example.com"))

    assert jwt.decode(issued, options={"verify_signature": False})["email"] == (
        "smoke@example.com"
    )
    assert asked == [
        ("/api/auth/sign-in/email", 200),
        ("/api/auth/token", 200),
        ("/api/auth/sign-out", 200),
    ]


def test_says_that_it_cannot_sign_in(
    issuer: BetterAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETTER_AUTH_URL", f"{issuer.origin}/api/auth")

    with pytest.raises(sign_in.SignInFailed) as raised:
        sign_in.token("smoke@example.com", "wrong password")

    assert re.fullmatch(
        r"Better Auth refuses smoke@example.com: 401 Invalid.*", str(raised.value)
    )
