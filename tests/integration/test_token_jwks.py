"""The handlers and the issuer: rotation, outages, bad settings, and what is logged."""

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.direct import ROUTES, Answer, event
from taskapi.auth.signatures import signatures_for
from taskapi.auth.verify import verify
from taskapi.postgres import connection
from taskapi.settings.better_auth import better_auth
from tests.support.api import Client, invoke
from tests.support.auth_settings import auth_settings, configured, forget
from tests.support.jwks import Jwks
from tests.support.tokens import ORIGIN, claims, key, secret


@pytest.fixture
def jwks(database: str) -> Iterator[Jwks]:
    """Return the JWKS of the issuer that the API is configured for."""
    with Jwks().serving() as server:
        server.keys = [key("EdDSA").jwk()]
        with configured(**auth_settings("JWKS alone", server.url)):
            yield server


def listed(user: Client, token: str) -> Answer:
    path, headers = {"user_id": user.user_id}, {"authorization": f"Bearer {token}"}
    return invoke("list_tasks", event(ROUTES["list_tasks"], path=path, headers=headers))


def by(name: str, user: Client) -> str:
    """Return a token of the user's, signed with the issuer's EdDSA key of that name."""
    return key("EdDSA", name).token(claims(user.user_id))


def test_keys_rotate_while_it_runs(user: Client, jwks: Jwks) -> None:
    assert listed(user, by("issuer", user)).status == 200
    jwks.keys = [key("EdDSA", "new").jwk()]

    assert listed(user, by("new", user)).status == 200
    assert listed(user, by("issuer", user)).status == 401


def test_without_the_keys_it_can_not_say(
    user: Client, jwks: Jwks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWKS_COOL_DOWN", "0")
    jwks.status = 500

    answer = listed(user, by("issuer", user))

    assert answer.status == 503
    assert answer.json == {
        "error": "service_unavailable",
        "message": "The keys that check tokens can't be fetched",
    }
    assert answer.headers["retry-after"] == "1"
    jwks.status = 200
    assert listed(user, by("issuer", user)).status == 200


def test_no_token_and_no_jwt_are_refused_without_the_keys(
    user: Client, jwks: Jwks
) -> None:
    jwks.down()

    assert listed(user, "nonsense").status == 401
    assert listed(user, "").status == 401
    assert listed(user, secret.token()).status == 401


def test_the_last_good_keys_serve_on(user: Client, jwks: Jwks) -> None:
    assert listed(user, by("issuer", user)).status == 200
    jwks.down()

    assert listed(user, by("new", user)).status == 401
    assert listed(user, by("issuer", user)).status == 200


def test_many_requests_at_once_fetch_once(user: Client, jwks: Jwks) -> None:
    signatures_for(better_auth()).prefetch_keys()
    token = by("issuer", user)

    with ThreadPoolExecutor(10) as threads:
        users = list(threads.map(verify, [token] * 10))

    assert users == [user.user_id] * 10
    assert jwks.fetches == 1


def test_logs_why_the_keys_can_not_be_fetched(
    user: Client, jwks: Jwks, log: io.StringIO
) -> None:
    jwks.down()
    token = by("issuer", user)

    listed(user, token)

    line = json.loads(log.getvalue().splitlines()[-1])
    assert line["status"] == 503
    assert "refused" in line["jwks"]
    assert line["request_id"]
    assert not any(part in log.getvalue() for part in token.split("."))


BAD = {
    "BETTER_AUTH_SECRET is shorter than 32 bytes": {"BETTER_AUTH_SECRET": "hush"},
    "BETTER_AUTH_URL is not a URL": {"BETTER_AUTH_URL": "hush"},
    "BETTER_AUTH_URL must begin with https://": {"BETTER_AUTH_URL": "http://hush"},
    "Neither BETTER_AUTH_SECRET nor BETTER_AUTH_URL": {},
}


@pytest.mark.parametrize("message", BAD)
def test_logs_a_bad_setting_and_never_its_value(
    user: Client, log: io.StringIO, message: str
) -> None:
    with configured(**BAD[message]):
        answer = listed(user, secret.token())

    assert answer.status == 500
    line = json.loads(log.getvalue().splitlines()[-1])
    assert line["reason"].startswith(message)
    assert "hush" not in log.getvalue()
    assert "BETTER_AUTH" not in answer.text


@pytest.mark.parametrize(
    ("url", "problem"),
    [("", "not set"), ("postgresql://app:hush\udcff@localhost/db", "not UTF-8")],
    ids=["none", "not UTF-8"],
)
def test_names_a_bad_database_url_where_it_keys_the_pseudonyms(
    user: Client,
    jwks: Jwks,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    problem: str,
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setattr(connection, "_idle", None)

    answer = listed(user, by("issuer", user))

    assert answer.status == 500
    line = json.loads(log.getvalue().splitlines()[-1])
    assert line["reason"] == f"DATABASE_URL is {problem}"
    assert "hush" not in log.getvalue()


def test_logs_the_failed_check_with_the_request_and_not_the_token(
    user: Client, log: io.StringIO
) -> None:
    token = secret.token(claims(user.user_id, exp=1))

    answer = listed(user, token)

    line = json.loads(log.getvalue().splitlines()[-1])
    assert "expired" in line["reason"]
    assert line["request_id"] == answer.headers["x-request-id"]
    assert not any(part in log.getvalue() for part in token.split("."))
    assert "expired" not in answer.text.replace("Invalid or expired JWT token", "")


def test_the_issuer_is_the_origin_whatever_serves_the_keys(
    user: Client, jwks: Jwks
) -> None:
    jwks.paths.clear()
    own = key("EdDSA").token(claims(user.user_id, iss=jwks.origin, aud=jwks.origin))

    with configured(BETTER_AUTH_URL=jwks.origin):
        assert listed(user, own).status == 200
        assert listed(user, by("issuer", user)).status == 401
    assert jwks.paths[0] == "/api/auth/jwks"
    assert jwks.origin != ORIGIN


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    yield
    forget()
