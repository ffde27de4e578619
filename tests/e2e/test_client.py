"""The client of the example in React: compiled, and run against a real Better Auth."""

import json
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.support.auth_settings import configured
from tests.support.better_auth.server import better_auth, install
from tests.support.gateway import serving
from tests.support.once import once
from tests.support.project import ROOT

EXAMPLE = ROOT / "examples" / "react"


def run(*command: str | Path, cwd: Path) -> str:
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def modules() -> Path:
    return install(EXAMPLE)


@pytest.fixture(scope="module")
def compiled(modules: Path, run_folder: Path) -> Path:
    """Compile it, strictly, against types made from openapi.json; return where.

    With it what docs/frontend.md and docs/sync.md show, once a run, for all workers.
    """
    folder = run_folder / "client"
    with once(folder) as missing:
        if missing:
            ignored = shutil.ignore_patterns("node_modules", "dist", "api.ts")
            shutil.copytree(EXAMPLE, folder, ignore=ignored, dirs_exist_ok=True)
            here, page = Path(__file__).parent, ROOT / "local" / "page"
            shown = (here / "frontend.ts", here / "copy.ts")
            for file in (*shown, page / "sync.js", page / "storage.js"):
                shutil.copy(file, folder / "src")
            (folder / "node_modules").symlink_to(modules)
            tools = modules / ".bin"
            document = ROOT / "openapi.json"
            types = (tools / "openapi-typescript", document, "--output", "src/api.ts")
            run(*types, cwd=folder)
            # sync.js has its types in comments.
            run(tools / "tsc", "--project", ".", "--allowJs", cwd=folder)
    return folder / "dist" / "src"


def test_does_what_the_contract_asks_of_clients(compiled: Path, database: str) -> None:
    account = {
        "name": "Zoë",
        "email": f"{uuid.uuid4().hex}@example.com",
        "password": "correct horse battery",
    }
    with better_auth() as issuer, configured(BETTER_AUTH_URL=issuer.origin):
        issuer.request("/api/auth/sign-up/email", account)
        with serving(ROOT) as api:
            said = json.loads(
                run(
                    *("node", Path(__file__).with_name("client.mjs"), compiled),
                    *(f"http://127.0.0.1:{api.port}", issuer.origin),
                    *(account["email"], account["password"]),
                    cwd=ROOT,
                )
            )

    assert said["before"] == []
    assert said["statuses"][:4] == ["GET 401", "GET 200", "POST 201", "POST 201"]
    first, again, *others = said["keys"]
    assert first == again
    assert said["replayed"] == "true"
    assert len({first, *others}) == 7
    assert said["created"] == "Buy groceries"
    assert said["updated"] == "Oats"
    assert said["conflict"] == [412, "Oats"]
    assert said["retried"] == {"conflicts": [], "missed": []}
    assert said["due"] == ["Second", "Third"]
    assert said["counts"]["tags"] == [{"tag": "home", "count": 2}]
    assert said["counts"]["overdue"] == 2
    assert said["paged"] == ["Buy groceries", "Second", "Third"]
    assert said["refused"] == (
        "title: Title is required and must be between 1 and 200 characters"
    )
    assert len(said["today"]) == 4
    assert said["work"] == ["Rest", "Rest"]


SIGN_IN_FIRST = "RequestFailed 401: Sign in first"
MISMATCH = "RequestFailed 401: User ID mismatch"


@pytest.fixture(scope="module")
def said(
    compiled: Path, database: str, run_folder: Path
) -> dict[str, dict[str, object]]:
    """Return what came out of each scenario, and what it asked for; once a run."""
    folder = run_folder / "client sessions"
    with once(folder) as missing:
        if missing:
            (folder / "said.json").write_text(run_sessions(compiled))
    found: dict[str, dict[str, object]] = json.loads((folder / "said.json").read_text())
    return found


def run_sessions(compiled: Path) -> str:
    """Run all scenarios; return what they print."""
    emails = [f"{uuid.uuid4().hex}@example.com" for _ in range(2)]
    with better_auth() as issuer, configured(BETTER_AUTH_URL=issuer.origin):
        for email in emails:
            account = {"name": "Zoë", "email": email, "password": "correct horse"}
            issuer.request("/api/auth/sign-up/email", account)
        with serving(ROOT) as api:
            return run(
                *("node", Path(__file__).with_name("client_sessions.mjs"), compiled),
                *(f"http://127.0.0.1:{api.port}", issuer.origin),
                *(*emails, "correct horse"),
                cwd=ROOT,
            )


SESSIONS: dict[str, tuple[object, object]] = {
    "signed out": (SIGN_IN_FIRST, {"/get-session": 1}),
    "reload": ([], {"/get-session": 1, "/token": 1, "200": 1}),
    "ten at once": (10, {"/get-session": 1, "/token": 1, "200": 10}),
    "ten expired at once": (10, {"/token": 1, "401": 10, "200": 10}),
    "never accepted": (
        "RequestFailed 401: Invalid or expired JWT token",
        {"/token": 1, "401": 2},
    ),
    "after that": ([], {"/token": 1, "200": 1}),
    "no token once": (
        "TypeError undefined: fetch failed",
        {"/get-session": 1, "/token": 1},
    ),
    "a token again": ([], {"/token": 1, "200": 1}),
    "another user signed in": (MISMATCH, {"/token": 1, "401": 2}),
    "after signing out": (SIGN_IN_FIRST, {"/get-session": 1}),
    "native": ("Phone", {"/get-session": 1, "/token": 1, "201": 1}),
    "without cookies": (200, {"/sign-in/email": 1, "/token": 1, "200": 1}),
    "on a server": (["Phone"], {"/get-session": 1, "200": 1}),
    "on a server, signed out": ([], {"/get-session": 1}),
}
"""Scenarios by name: what comes out of each, and what it asks for."""


@pytest.mark.parametrize("scenario", SESSIONS)
def test_sessions_and_tokens(said: dict[str, dict[str, object]], scenario: str) -> None:
    result, asked = SESSIONS[scenario]

    assert said[scenario] == {"result": result, "asked": asked}


def test_goes_on_as_the_user_who_signed_in_last(
    said: dict[str, dict[str, object]],
) -> None:
    assert said["as the other user"]["result"] == said["other"]


def test_without_an_origin_better_auth_refuses(
    said: dict[str, dict[str, object]],
) -> None:
    result = said["native, as in a browser"]["result"]

    assert result == "RequestFailed 403: Missing or null Origin"


def test_the_example_is_strict() -> None:
    options = json.loads((EXAMPLE / "tsconfig.json").read_text())["compilerOptions"]

    assert options["strict"] is True
