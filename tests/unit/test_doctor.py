"""The doctor says in plain sentences what the API checks, and what fails."""

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import doctor
from tests.api import SECRET
from tests.better_auth.world import (
    ORIGIN,
    Jwks,
    claims,
    configured,
    key,
    secret,
    world_settings,
)


@pytest.fixture(autouse=True)
def without_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    monkeypatch.setattr(doctor, "LOCAL", tmp_path)


@pytest.fixture
def jwks() -> Iterator[Jwks]:
    with Jwks().serving() as server:
        server.keys = [key("EdDSA").jwk()]
        yield server


def diagnosed(token: str, **given: str) -> str:
    """Return the report on a token."""
    with configured(**given):
        return "\n".join(f"{kind} {text}" for kind, text in doctor.findings(token))


def with_secret(token: str, **given: str) -> str:
    return diagnosed(token, BETTER_AUTH_SECRET=SECRET, **given)


def test_says_that_all_is_well(jwks: Jwks) -> None:
    report = diagnosed(key("EdDSA").token(), **world_settings("JWKS alone", jwks.url))

    assert "FAILED" not in report
    assert f"are checked with {jwks.url}" in report
    assert f'iss must be "{ORIGIN}"' in report
    assert "The JWKS holds: issuer-EdDSA (EdDSA)." in report
    assert "ok So the API accepts this token for /api/alice/tasks." in report


WRONG: dict[str, Callable[[], dict[str, object]]] = {
    "The token expired 3 minutes ago (exp).": lambda: {"exp": time.time() - 185},
    "The token isn't valid for another 59 minutes (nbf).": lambda: {
        "nbf": time.time() + 3600
    },
    'Wrong issuer: iss is "https://x", not "http://localhost:3000".': lambda: {
        "iss": "https://x"
    },
    'Wrong audience: aud is "https://x", not "http://localhost:3000".': lambda: {
        "aud": "https://x"
    },
    "Exp is missing.": lambda: {"exp": ...},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_says_what_is_wrong_with_the_claims(sentence: str) -> None:
    given = {"BETTER_AUTH_ISSUER": ORIGIN, "BETTER_AUTH_AUDIENCE": ORIGIN}

    report = with_secret(secret.token(claims(**WRONG[sentence]())), **given)

    assert f"FAILED {sentence}" in report
    assert "ok The signature is right." in report
    assert "FAILED So the API does not accept this token." in report


def test_says_all_that_is_wrong_at_once() -> None:
    token = key("EdDSA").token(claims(exp=1, sub=""))

    report = with_secret(token)

    assert "The token's alg isn't HS256, and BETTER_AUTH_URL isn't set." in report
    assert "The token expired" in report
    assert "Sub isn't text" in report


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("session-token", "The token isn't a JWT: three base64url segments."),
        ("a.b.c.d.e", "Five parts are an encrypted one"),
        (secret.token(typ="at+jwt"), "The token's typ isn't JWT."),
        (secret.token(alg="none"), "BETTER_AUTH_URL isn't set"),
        (key("EdDSA").token(), "EdDSA, RS256, PS256, ES256, ES512 are refused"),
        (f"{secret.token()[:-5]}AAAAA", "signs with another BETTER_AUTH_SECRET"),
        ("", "No token was given"),
    ],
)
def test_says_what_is_wrong_with_the_rest(token: str, sentence: str) -> None:
    report = with_secret(token)

    assert "FAILED" in report
    assert sentence in report


def test_says_that_the_keys_are_not_reachable(jwks: Jwks) -> None:
    jwks.down()

    report = diagnosed(key("EdDSA").token(), **world_settings("JWKS alone", jwks.url))

    assert "FAILED The keys are not reachable: the JWKS can't be fetched" in report
    assert "FAILED The signature can't be checked without the JWKS." in report


def test_says_that_the_key_is_not_the_issuers(jwks: Jwks) -> None:
    token = key("EdDSA", "other").token()

    report = diagnosed(token, **world_settings("JWKS alone", jwks.url))

    assert "FAILED The token's kid isn't in the JWKS." in report


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"BETTER_AUTH_SECRET": "hush"}, "BETTER_AUTH_SECRET is shorter than 32 bytes"),
        ({"BETTER_AUTH_URL": "http://hush"}, "BETTER_AUTH_URL must begin with https"),
        ({"BETTER_AUTH_URL": "hush"}, "BETTER_AUTH_URL is not a URL"),
        ({}, "Neither BETTER_AUTH_SECRET nor BETTER_AUTH_URL is set"),
    ],
)
def test_says_which_setting_is_bad(given: dict[str, str], sentence: str) -> None:
    report = diagnosed(secret.token(), **given)

    assert report.startswith(f"FAILED {sentence}")
    assert "hush" not in report


def test_takes_the_secret_that_make_run_has_made(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)

    report = diagnosed(secret.token())

    assert "development secret" in report
    assert "ok So the API accepts this token" in report


@pytest.mark.parametrize("how", ["environment", "standard input"])
@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_takes_the_token_from(
    how: str,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = f"{prefix}{secret.token()}"
    if how == "environment":
        monkeypatch.setenv("TOKEN", given)
    else:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{given}\n"))

    with configured(BETTER_AUTH_SECRET=SECRET):
        code = doctor.main()

    output = capsys.readouterr().out
    assert code == 0
    assert "ok      So the API accepts this token" in output
    assert SECRET not in output


def test_exits_with_1_where_something_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "nonsense")

    with configured(BETTER_AUTH_SECRET=SECRET):
        assert doctor.main() == 1
