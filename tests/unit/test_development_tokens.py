"""Development tokens are signed with the secret of this clone, and with no other."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from local import tokens
from local.direct import SECRET
from local.docs import WithDocs
from ops import pseudonym as command
from taskapi.auth.pseudonym import pseudonym
from tests.support.auth_settings import configured
from tests.support.project import ROOT

OTHERS = {
    "a secret": {"BETTER_AUTH_SECRET": SECRET},
    "a URL": {"BETTER_AUTH_URL": "http://localhost:3000"},
    "keys": {"BETTER_AUTH_JWKS_URL": "http://localhost:3000/keys"},
    "both": {"BETTER_AUTH_URL": "http://localhost:3000", "BETTER_AUTH_SECRET": SECRET},
}


@pytest.fixture(autouse=True)
def clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Have a clone with a secret, and without .env."""
    monkeypatch.setattr(tokens, "LOCAL", tmp_path)
    monkeypatch.setattr(tokens, "ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["tokens", "alice"])
    tokens.development_secret(tmp_path)
    return tmp_path


@pytest.mark.parametrize("given", OTHERS.values(), ids=OTHERS)
def test_no_token_is_made_with_a_configured_secret(
    given: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with configured(**given):
        assert tokens.development_secret_in_use() is None
        assert tokens.main() == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "only the tokens that Better Auth issues" in printed.err
    assert re.search(rf": {' and '.join(given)} (is|are) set", printed.err)
    unset = " ".join(f"{name}=" for name in given)
    assert f"development tokens: {unset} make run\n" in printed.err
    assert SECRET not in printed.err


def test_a_token_is_made_with_the_clones_own(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = (clone / "secret").read_text()
    # As make run has it, for the functions.
    for given in ({}, {"BETTER_AUTH_SECRET": own}):
        with configured(**given):
            assert tokens.development_secret_in_use() == own
            assert tokens.main() == 0

    assert capsys.readouterr().out.count(".") == 4


async def fetch_documentation() -> httpx.Response:
    docs = WithDocs(Starlette(), ROOT, tokens.development_secret_in_use())
    app = httpx.ASGITransport(docs)
    async with httpx.AsyncClient(transport=app, base_url="http://localhost") as client:
        return await client.get("/docs")


def documentation() -> httpx.Response:
    # In a thread: run() would take away the event loop that handlers use in this one.
    with ThreadPoolExecutor() as pool:
        return pool.submit(lambda: asyncio.run(fetch_documentation())).result()


@pytest.mark.parametrize("given", OTHERS.values(), ids=OTHERS)
def test_the_documentation_has_no_token_of_a_configured_secret(
    given: dict[str, str],
) -> None:
    with configured(**given):
        page = documentation()

    assert page.status_code == 200
    assert "eyJ" not in page.text


def test_the_documentation_has_a_token_of_the_clones_own(clone: Path) -> None:
    with configured(BETTER_AUTH_SECRET=(clone / "secret").read_text()):
        page = documentation()

    assert 'data-token="eyJ' in page.text


# What logs call a user


def named(user_id: str, **given: str) -> str:
    with configured(**given):
        return pseudonym(user_id)


def test_a_pseudonym_is_the_same_in_each_environment_and_needs_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:one@localhost/tasks")
    by_secret = {"BETTER_AUTH_SECRET": SECRET}
    by_keys = {"BETTER_AUTH_URL": "http://localhost:3000"}
    names = []
    for url in ("postgresql://app:one@localhost/tasks", "postgresql://localhost/b"):
        monkeypatch.setenv("DATABASE_URL", url)
        for given in (by_secret, by_keys, by_secret | by_keys):
            names.append(named("auth0|73412", **given))

    assert all(len(name) == 16 for name in names)
    # The database's password is the key only where there is no other.
    assert len(set(names)) == 3
    assert named("auth0|73412", **by_secret) == named("auth0|73412", **by_secret)
    assert named("auth0|73412", **by_secret) != named("auth0|73413", **by_secret)


def test_an_operator_can_compute_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "ROOT", Path("nowhere"))
    monkeypatch.setenv("ID", "auth0|73412")

    with configured(BETTER_AUTH_SECRET=SECRET):
        assert command.main() == 0
        assert capsys.readouterr().out == f"{pseudonym('auth0|73412')}\n"
    with configured():
        assert command.main() == 1
    assert "BETTER_AUTH" in capsys.readouterr().err
