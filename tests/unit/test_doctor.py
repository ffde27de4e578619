"""The doctor says in plain sentences what the API checks, and what fails."""

import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import doctor
from local.direct import SECRET
from taskapi.auth.authenticate import authenticate
from taskapi.errors import Outage, Unauthorized
from taskapi.settings.secret import Secret
from tests.support.auth_settings import auth_settings, configured
from tests.support.jwks import Jwks
from tests.support.tokens import ORIGIN, claims, key, secret


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
    report = diagnosed(key("EdDSA").token(), **auth_settings("JWKS alone", jwks.url))

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
        (f"better-auth.session_token={'x' * 32}.a%3D", "Ask Better Auth for one"),
        (secret.token()[:-5], "The token is cut off: copy all of it."),
        (secret.token()[:-10], "The token is cut off: copy all of it."),
        (secret.token()[:60], "The token is cut off: copy all of it."),
        (secret.token(typ="at+jwt"), "The token's typ isn't JWT."),
        (secret.token(alg="none"), "BETTER_AUTH_URL isn't set"),
        (key("EdDSA").token(), "EdDSA, RS256, PS256, ES256, ES512 are refused"),
        (f"{secret.token()[:-5]}AAAAA", "signs with another BETTER_AUTH_SECRET"),
        ("", "No token was given"),
    ],
    ids=[
        "one word",
        "a JWE",
        "a session's cookie",
        "5 characters missing",
        "10 characters missing",
        "cut after 60 characters",
        "an access token's typ",
        "alg none",
        "by a key of the JWKS",
        "another signature",
        "nothing",
    ],
)
def test_says_what_is_wrong_with_the_rest(token: str, sentence: str) -> None:
    report = with_secret(token)

    assert "FAILED" in report
    assert sentence in report


def test_says_that_the_keys_are_not_reachable(jwks: Jwks) -> None:
    jwks.down()

    report = diagnosed(key("EdDSA").token(), **auth_settings("JWKS alone", jwks.url))

    assert (
        f"FAILED The keys are not reachable: the JWKS at {jwks.url} can't be" in report
    )
    assert f"curl -i -A 'tasks-api/1.0 (JWKS)' '{jwks.url}'" in report
    assert "at <baseURL>/jwks: set BETTER_AUTH_JWKS_URL" in report
    assert "FAILED The signature can't be checked without the JWKS." in report


def test_says_that_the_key_is_not_the_issuers(jwks: Jwks) -> None:
    token = key("EdDSA", "other").token()

    report = diagnosed(token, **auth_settings("JWKS alone", jwks.url))

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


TOKEN = secret.token()
WRAPPED = "\n  ".join(TOKEN[i : i + 60] for i in range(0, len(TOKEN), 60))
PASTED = {
    "double quotes": f'"{TOKEN}"',
    "single quotes": f"'{TOKEN}'",
    "curly quotes": f"\u201c{TOKEN}\u201d",
    "backticks": f"`{TOKEN}`",
    "a comma": f'"{TOKEN}",',
    "a semicolon": f"'{TOKEN}';",
    "lines": WRAPPED,
    "a scheme": f"Bearer {TOKEN}",
    "a scheme in lower case": f"bearer {TOKEN}",
    "a scheme and lines": f"Bearer {WRAPPED}",
    "a quoted scheme": f'"Bearer {TOKEN}"',
    "a header": f"Authorization: Bearer {TOKEN}",
    "a header of HTTP/2": f"authorization: bearer {TOKEN}",
    "a header without blanks": f"Authorization:Bearer {TOKEN}",
    "a header for curl": f"-H 'Authorization: Bearer {TOKEN}'",
    "curl": f"curl https://x.example -H 'Authorization: Bearer {TOKEN}' -d '{{}}'",
    "curl with double quotes": f'curl -H "Authorization: Bearer {TOKEN}" https://x',
    "several headers": f"Host: x\r\nAuthorization: Bearer {TOKEN}\r\nAccept: */*",
    "a property": f"{{ headers: {{ authorization: 'Bearer {TOKEN}' }} }}",
    "a template literal": f"{{ authorization: `Bearer {TOKEN}` }}",
    "JSON": json.dumps({"token": TOKEN}),
    "JSON over lines": json.dumps({"token": TOKEN}, indent=2),
    "JSON of a session": json.dumps({"user": {"id": "a"}, "session": {"jwt": TOKEN}}),
    "JSON of headers": json.dumps({"headers": {"authorization": f"Bearer {TOKEN}"}}),
    "half of JSON": f'"token": "{TOKEN}"',
    "JSON text": json.dumps(TOKEN),
    "a cookie": f"better-auth.convex_jwt={TOKEN}; Path=/; HttpOnly",
    "cookies": f"Cookie: theme=dark; jwt={TOKEN}; lang=de",
    "a variable": f"TOKEN={TOKEN}",
    "an assignment": f'const token = "{TOKEN}";',
    "a header of Better Auth's": f"set-auth-jwt: {TOKEN}",
    "a scheme twice": f"Bearer Bearer {TOKEN}",
    "an encoded blank": f"Bearer%20{TOKEN}",
    "another scheme": f"JWT {TOKEN}",
    "angle brackets": f"<{TOKEN}>",
    "parentheses and a full stop": f"({TOKEN}).",
    "an address": f"http://localhost:3000/callback?token={TOKEN}&state=1",
    "a zero-width space": f"{TOKEN}\u200b",
    "folded YAML": f"token: >-\n  {TOKEN}\n",
}


@pytest.mark.parametrize("given", PASTED.values(), ids=PASTED)
def test_finds_the_token_in_what_people_paste(given: str) -> None:
    report = with_secret(given)

    assert "ok So the API accepts this token" in report
    assert "note The pasted text is more than the token" in report
    assert TOKEN not in report


@pytest.mark.parametrize(
    "given", [TOKEN, f"\t {TOKEN} \r\n"], ids=["bare", "white space around it"]
)
def test_says_nothing_of_a_token_alone(given: str) -> None:
    assert "pasted" not in with_secret(given)


@pytest.mark.parametrize("kind", ["HS256 alone", "JWKS alone"])
def test_refuses_what_is_too_long_for_the_api_and_says_how_to_mend_it(
    jwks: Jwks, kind: str
) -> None:
    sender = secret if kind == "HS256 alone" else key("EdDSA")
    token = sender.token(claims(image=f"data:image/png;base64,{'A' * 8000}"))

    report = diagnosed(token, **auth_settings(kind, jwks.url))

    assert 'FAILED The token is over 8192 bytes. Most of it is "image", 80' in report
    assert "definePayload" in report
    assert "FAILED So the API does not accept this token." in report


@pytest.mark.parametrize("size", [5000, 5500, 5700, 5800, 6000])
def test_the_limit_is_the_apis(size: int) -> None:
    token = secret.token(claims(image="x" * size))

    report = with_secret(token)

    with configured(BETTER_AUTH_SECRET=SECRET):
        try:
            authenticate(f"Bearer {token}", "alice")
            verdict = "ok So the API accepts"
        except Unauthorized:
            verdict = "FAILED So the API does not"
    assert verdict in report
    assert (len(token) <= 8192) == verdict.startswith("ok")


def test_says_that_a_secret_has_quotes_around_it() -> None:
    report = diagnosed(secret.token(), BETTER_AUTH_SECRET=f'"{SECRET}"')

    assert "note BETTER_AUTH_SECRET has white space or quotes around it" in report
    assert SECRET not in report


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


@pytest.mark.parametrize("place", [10, -10], ids=["in its header", "in its signature"])
def test_a_blank_within_a_token_is_refused_as_by_the_api(place: int) -> None:
    assert "accepts" not in with_secret(f"{TOKEN[:place]} {TOKEN[place:]}")


def test_padding_is_refused_as_by_the_api() -> None:
    assert "accepts" not in with_secret(f"{TOKEN}=")


def test_says_why_the_secret_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise Outage("SECRET_ARN can't be read: no answer")

    monkeypatch.setattr("taskapi.settings.secrets_manager.fetch_text", fail)
    monkeypatch.setattr("taskapi.settings.secret.settings_secret", Secret())

    report = diagnosed(secret.token(), SECRET_ARN="hush")

    assert report.splitlines()[-1] == "FAILED SECRET_ARN can't be read: no answer."
    assert "hush" not in report
