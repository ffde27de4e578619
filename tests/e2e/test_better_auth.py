"""Tokens of a real Better Auth open the API through the local gateway."""

import json
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from urllib.error import HTTPError

import jwt
import pytest

from local.direct import SECRET
from local.doctor import findings
from local.waiting import eventually
from tests.support.auth_settings import configured
from tests.support.better_auth.server import (
    FOLDER,
    MODULES,
    BetterAuth,
    User,
    better_auth,
    install,
)
from tests.support.gateway import Client, serving
from tests.support.ports import free_port
from tests.support.project import ROOT
from tests.support.tokens import ALGORITHMS


@contextmanager
def api(database: str, **given: str) -> Iterator[Client]:
    """Serve the API with these settings of Better Auth, on the tests' database."""
    with pytest.MonkeyPatch.context() as patch, configured(**given):
        patch.setenv("DATABASE_URL", database)
        with serving(ROOT) as client:
            yield client


def status(client: Client, user: User, token: str) -> int:
    headers = [("authorization", f"Bearer {token}")]
    return client("GET", f"/api/{user.id}/tasks", headers).status


@pytest.fixture(scope="module")
def shared_issuer() -> Iterator[BetterAuth]:
    """Return Better Auth as it is by default, which no test stops or changes."""
    with better_auth() as issuer:
        yield issuer


@pytest.fixture
def issuer() -> Iterator[BetterAuth]:
    """Return Better Auth as it is by default, on a port that it can have again."""
    with better_auth(port=free_port()) as issuer:
        yield issuer


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_accepts_tokens_of_its_keys(database: str, algorithm: str) -> None:
    with (
        better_auth(algorithm) as issuer,
        api(database, BETTER_AUTH_URL=issuer.origin) as client,
    ):
        alice, bob = issuer.sign_up(), issuer.sign_up()
        token = issuer.token(alice)

        assert jwt.get_unverified_header(token)["alg"] == algorithm
        assert status(client, alice, token) == 200
        assert status(client, bob, token) == 401


def test_accepts_tokens_of_its_secret(database: str) -> None:
    with (
        better_auth("HS256") as issuer,
        api(database, BETTER_AUTH_SECRET=SECRET) as client,
    ):
        user = issuer.sign_up()
        token = issuer.token(user)

        assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
        assert status(client, user, token) == 200


def test_accepts_the_token_that_comes_with_a_session(
    database: str, shared_issuer: BetterAuth
) -> None:
    user = shared_issuer.sign_up()
    headers, text = shared_issuer.request("/api/auth/get-session", cookie=user.cookie)

    assert json.loads(text)["user"]["id"] == user.id
    with api(database, BETTER_AUTH_URL=shared_issuer.origin) as client:
        assert status(client, user, headers["set-auth-jwt"]) == 200


def test_refuses_the_session_itself(database: str, shared_issuer: BetterAuth) -> None:
    user = shared_issuer.sign_up()
    session = user.cookie.partition("=")[2]

    with api(
        database, BETTER_AUTH_URL=shared_issuer.origin, BETTER_AUTH_SECRET=SECRET
    ) as client:
        assert status(client, user, session) == 401
        assert status(client, user, session.partition(".")[0]) == 401


def test_keys_rotate_while_the_api_runs(database: str, issuer: BetterAuth) -> None:
    with api(database, BETTER_AUTH_URL=issuer.origin) as client:
        user = issuer.sign_up()
        old = issuer.token(user)
        assert status(client, user, old) == 200
        issuer.rotate()
        new = issuer.token(user)

        kids = {jwt.get_unverified_header(token)["kid"] for token in (old, new)}
        assert len(kids) == 2
        assert status(client, user, new) == 200
        assert status(client, user, old) == 200


def test_better_auth_stops_and_starts_again(database: str, issuer: BetterAuth) -> None:
    with api(database, BETTER_AUTH_URL=issuer.origin) as client:
        user = issuer.sign_up()
        token = issuer.token(user)
        assert status(client, user, token) == 200

        issuer.stop()
        assert status(client, user, token) == 200

        with better_auth(port=issuer.port) as restarted:
            newcomer = restarted.sign_up()
            assert status(client, newcomer, restarted.token(newcomer)) == 200


def test_better_auth_comes_back_with_new_keys_and_make_run_waits_a_second_for_them(
    database: str, issuer: BetterAuth, capfd: pytest.CaptureFixture[str]
) -> None:
    with api(database, BETTER_AUTH_URL=issuer.origin) as client:
        user = issuer.sign_up()
        assert status(client, user, issuer.token(user)) == 200
        issuer.stop()
        with better_auth(port=issuer.port) as restarted:
            first = restarted.sign_up()
            old = restarted.token(first)
            assert status(client, first, old) == 200
        with better_auth(port=issuer.port) as restarted:
            second = restarted.sign_up()
            token = restarted.token(second)
            eventually(lambda: status(client, second, token) == 200)
            assert status(client, first, old) == 401

    # The terminal says why.
    assert "its kid isn't in the JWKS" in capfd.readouterr().err


def test_keys_are_below_a_base_url_that_has_a_path(database: str) -> None:
    install()
    module = MODULES / f".auth-{uuid.uuid4().hex}.mjs"
    source = (FOLDER / "auth.mjs").read_text()
    base = "baseURL: process.env.BETTER_AUTH_URL + '/auth',"
    module.write_text(source.replace("betterAuth({", f"betterAuth({{ {base}", 1))

    with better_auth(module=module) as issuer:
        module.unlink()
        _, text = issuer.request("/auth/jwks")
        assert json.loads(text)["keys"]
        keys = f"{issuer.origin}/auth/jwks"
        with api(
            database, BETTER_AUTH_URL=issuer.origin, BETTER_AUTH_JWKS_URL=keys
        ) as client:
            user = issuer.sign_up("/auth")
            assert status(client, user, issuer.token(user, "/auth")) == 200


def test_the_api_starts_before_better_auth(database: str, issuer: BetterAuth) -> None:
    token = issuer.token(user := issuer.sign_up())
    issuer.stop()

    with api(database, BETTER_AUTH_URL=issuer.origin) as client:
        assert status(client, user, token) == 503
        with better_auth(port=issuer.port) as restarted:
            newcomer = restarted.sign_up()
            token = restarted.token(newcomer)
            eventually(lambda: status(client, newcomer, token) == 200)


def test_refuses_another_better_auth(database: str, shared_issuer: BetterAuth) -> None:
    with (
        better_auth() as other,
        api(database, BETTER_AUTH_URL=shared_issuer.origin) as client,
    ):
        stranger = other.sign_up()

        assert status(client, stranger, other.token(stranger)) == 401


# What docs/tokens.md tells to do, done to the letter


SECTIONS = ["With Better Auth's own keys (its default)", "With a shared secret (HS256)"]


def blocks(heading: str) -> tuple[str, dict[str, str]]:
    """Return the section's auth.js, and the settings that it gives this API."""
    text = (ROOT / "docs/tokens.md").read_text()
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    [source] = re.findall(r"```js\n(.*?)```", section, re.S)
    [_theirs, ours] = re.findall(r"```sh\n(.*?)```", section, re.S)
    return source, dict(line.split("=", 1) for line in ours.splitlines())


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_documentation_followed_to_the_letter(database: str, heading: str) -> None:
    source, given = blocks(heading)
    install()
    module = MODULES / f".auth-{uuid.uuid4().hex}.mjs"
    module.write_text(source)

    with better_auth(module=module) as issuer:
        module.unlink()
        values = {"BETTER_AUTH_URL": issuer.origin, "BETTER_AUTH_SECRET": SECRET}
        with api(database, **{name: values[name] for name in given}) as client:
            user = issuer.sign_up()
            token = issuer.token(user)

            assert status(client, user, token) == 200
            assert {finding.kind for finding in findings(token)} <= {"ok", "note"}


@pytest.mark.parametrize("reachable", [True, False])
def test_deleting_an_account_deletes_its_tasks_first(
    database: str, reachable: bool
) -> None:
    text = (ROOT / "docs/frontend.md").read_text()
    section = text.partition("## Deleting an account\n")[2].partition("\n## ")[0]
    [source] = re.findall(r"```js\n(.*?)```", section, re.S)
    install()
    module = MODULES / f".auth-{uuid.uuid4().hex}.mjs"
    port = free_port()
    with api(database, BETTER_AUTH_URL=f"http://localhost:{port}") as client:
        url = f"http://127.0.0.1:{client.port if reachable else free_port()}"
        module.write_text(source.replace("${process.env.API_URL}", url))
        with better_auth(port=port, module=module) as issuer:
            module.unlink()
            user = issuer.sign_up()
            tasks = f"/api/{user.id}/tasks"
            headers = [("authorization", f"Bearer {issuer.token(user)}")]
            body = b'{"title": "a"}'
            sent = [*headers, ("content-type", "application/json")]
            assert client("POST", tasks, sent, body).status == 201
            password = {"password": "correct horse battery"}

            with nullcontext() if reachable else pytest.raises(HTTPError):
                issuer.request("/api/auth/delete-user", password, user.cookie)

            left = json.loads(client("GET", tasks, headers).body)
    assert len(left) == (0 if reachable else 1)


def test_nothing_is_skipped_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PATH", os.devnull)

    with pytest.raises(pytest.fail.Exception, match="node and npm are needed"):
        install()
