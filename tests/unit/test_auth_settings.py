"""The settings of Better Auth: what they turn on, and what is said of a bad one."""

import base64
import io
import json
import re
import secrets
import uuid
from collections.abc import Callable, Mapping

import pytest

from local.direct import SECRET
from taskapi.errors import SettingsError
from taskapi.settings import hs256_secret
from taskapi.settings.better_auth import (
    BetterAuth,
    Expected,
    better_auth,
    parse_better_auth,
)
from tests.support.auth_settings import configured
from tests.support.project import ROOT

ANY = Expected(None, None)
URL = "https://auth.example.com"


def read(given: Mapping[str, str]) -> BetterAuth:
    with configured(**given):
        return better_auth()


def test_a_secret_turns_hs256_on() -> None:
    config = read({"BETTER_AUTH_SECRET": SECRET})

    assert config == BetterAuth(SECRET.encode(), None, ANY, ANY)


def test_a_url_turns_the_jwks_on() -> None:
    config = read({"BETTER_AUTH_URL": URL})

    assert config.secret is None
    assert config.jwks_url == f"{URL}/api/auth/jwks"
    assert config.by_jwks == Expected(URL, URL)


def test_a_url_leaves_the_claims_of_hs256_alone() -> None:
    config = read({"BETTER_AUTH_URL": URL, "BETTER_AUTH_SECRET": SECRET})

    assert config.by_secret == ANY


def test_issuer_and_audience_are_for_both_worlds() -> None:
    given = {"BETTER_AUTH_ISSUER": "me", "BETTER_AUTH_AUDIENCE": "you"}

    config = read({"BETTER_AUTH_URL": URL, "BETTER_AUTH_SECRET": SECRET, **given})

    assert config.by_secret == config.by_jwks == Expected("me", "you")


def test_the_keys_may_be_elsewhere() -> None:
    keys = "https://cdn.example.com/keys.json?version=2"

    config = read({"BETTER_AUTH_URL": URL, "BETTER_AUTH_JWKS_URL": keys})

    assert config.jwks_url == keys
    assert config.by_jwks == Expected(URL, URL)


def test_keys_without_a_url_are_enough() -> None:
    config = read({"BETTER_AUTH_JWKS_URL": f"{URL}/keys"})

    assert config.jwks_url == f"{URL}/keys"
    assert config.by_jwks == ANY


ADDRESSES = {
    "https://auth.example.com/": ("https://auth.example.com", "/api/auth/jwks"),
    "https://auth.example.com:443": ("https://auth.example.com", "/api/auth/jwks"),
    "https://auth.example.com:8443": (
        "https://auth.example.com:8443",
        "/api/auth/jwks",
    ),
    "HTTPS://Auth.Example.COM": ("https://auth.example.com", "/api/auth/jwks"),
    "https://example.com/auth": ("https://example.com", "/auth/api/auth/jwks"),
    "https://example.com/api/auth": ("https://example.com", "/api/auth/jwks"),
    "https://example.com/api/auth/": ("https://example.com", "/api/auth/jwks"),
    "http://localhost:3000": ("http://localhost:3000", "/api/auth/jwks"),
    "http://localhost:80": ("http://localhost", "/api/auth/jwks"),
    "http://127.0.0.1:3000": ("http://127.0.0.1:3000", "/api/auth/jwks"),
    "http://127.1.2.3": ("http://127.1.2.3", "/api/auth/jwks"),
    "http://[::1]:3000": ("http://[::1]:3000", "/api/auth/jwks"),
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_takes_an_address_as_better_auth_does(url: str) -> None:
    origin, path = ADDRESSES[url]

    config = read({"BETTER_AUTH_URL": url})

    assert config.jwks_url == origin + path
    assert config.by_jwks == Expected(origin, origin)


NOT_URLS = [
    "hush",
    "localhost:3000",
    "https://",
    "https:///path",
    "https://hu sh",
    "https://hush\n",
    "https://hush:port",
    "https://hush:99999",
    "https://user:pass@hush",
    "https://hush#part",
    "https://hush\\@hush",
    "https://hüsh.com",
    "https://[::1",
]
NOT_SAFE = [
    "http://hush",
    "http://localhost.hush",
    "http://127.0.0.1.hush",
    "http://0.0.0.0:3000",
    "http://192.168.1.2:3000",
    "http://10.0.0.1",
    "http://169.254.169.254",
    "ftp://localhost/keys",
    "file://localhost/etc/passwd",
    "data://localhost/keys",
]


@pytest.mark.parametrize("name", ["BETTER_AUTH_URL", "BETTER_AUTH_JWKS_URL"])
@pytest.mark.parametrize("value", NOT_URLS + NOT_SAFE)
def test_one_line_names_a_bad_url_and_never_its_value(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as error:
        read({name: value, "BETTER_AUTH_SECRET": SECRET})

    message = str(error.value)
    assert message.startswith(f"{name} ")
    assert ("is not a URL" in message) == (value in NOT_URLS)
    assert "hush" not in message
    assert "\n" not in message


@pytest.mark.parametrize("secret", ["x", "x" * 31, "é" * 15])
def test_a_short_secret_is_refused(secret: str) -> None:
    with pytest.raises(SettingsError, match="BETTER_AUTH_SECRET is shorter than 32"):
        read({"BETTER_AUTH_SECRET": secret})


@pytest.mark.parametrize(
    "secret", [secrets.token_hex(16), "äöüÄÖÜßéèêâîôûñ€§"[:16]], ids=["hex", "bytes"]
)
def test_a_secret_is_measured_in_bytes(secret: str) -> None:
    assert read({"BETTER_AUTH_SECRET": secret}).secret == secret.encode()


@pytest.mark.parametrize(
    "make",
    [
        lambda: secrets.token_hex(16),
        lambda: secrets.token_urlsafe(32),
        lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
        lambda: str(uuid.uuid4()),
    ],
    ids=["hex", "urlsafe", "openssl", "uuid"],
)
def test_random_secrets_are_accepted(make: Callable[[], str]) -> None:
    assert not any(
        hs256_secret.is_placeholder(secret) or hs256_secret.is_repetition(secret)
        for secret in (make() for _ in range(1000))
    )


PLACEHOLDERS = [
    "only where tokens are HS256: the same as on Better Auth's side",
    "better-auth-secret-12345678901234567890",
    "better-auth-secret-123456789-123456789",
    "BETTER_AUTH_SECRET_BETTER_AUTH_SECRET",
    "change-me-change-me-please-change-me!",
    "CHANGE_ME_TO_SOMETHING_LONG_AND_RANDOM",
    "changeit-changeit-before-production",
    "change this to a long random string",
    "please-replace-this-with-a-real-secret",
    "your-secret-key-of-at-least-32-characters",
    "your_super_secret_jwt_key_goes_right_here",
    "your-256-bit-secret-your-256-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    "insert-your-better-auth-secret-in-here",
    "put the secret here, at least 32 bytes",
    "<the output of: openssl rand -base64 32>",
    "<your secret of 32 bytes, or more of them>",
    "${BETTER_AUTH_SECRET_FROM_THE_ENVIRONMENT}",
    "{{ resolve:secretsmanager:better-auth:x }}",
    "$(openssl rand -base64 32) in the shell",
    "[32 random bytes, of a password manager]",
    "super-secret-key-for-my-little-project",
    "django-insecure-abcd1234abcd1234abcd1234",
    "keyboard cat keyboard cat keyboard cat",
    "correct horse battery staple, and more",
    "0123456789abcdef0123456789abcdef",
    "12345678901234567890123456789012",
    "abcdefghijklmnopqrstuvwxyz0123456789",
]
REPETITIONS = ["x" * 32, "0" * 64, "ab" * 16, "é" * 16, "password" * 4, "Secret12" * 5]


@pytest.mark.parametrize("secret", PLACEHOLDERS + REPETITIONS)
def test_a_secret_that_others_know_is_refused_in_one_line(secret: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read({"BETTER_AUTH_SECRET": secret})

    assert re.match(
        "BETTER_AUTH_SECRET (is from an example|repeats)[^\n]*openssl rand",
        str(raised.value),
    )


FILES = [
    path
    for pattern in ("*.md", "*.toml", "*.yaml", "*.json", "docs/*.md", "parameters/*")
    for path in ROOT.glob(pattern)
] + [
    path
    for folder in ("examples", "events", "ops", ".github")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".md", ".yaml", ".yml", ".json", ".ts", ".js", ".py", ".toml"}
    and "node_modules" not in path.parts
]
SECRETS = (
    r"(?:BETTER_AUTH_)?SECRET[\"']?\s*[:=]\s*(?:\"([^\"\n]+)\"|'([^'\n]+)'|(\S.*))"
)


def test_no_example_works_as_a_secret() -> None:
    found = [
        (path.name, value)
        for path in FILES
        for groups in re.findall(SECRETS, path.read_text(encoding="utf-8"))
        for value in filter(None, groups)
    ]

    assert found
    for _, value in found:
        # An expression, such as os.environ["X"] or a parameter, isn't a value.
        if len(value.encode()) >= 32 and not re.search(r"[\]\)\w]\.|\(|!Ref", value):
            with pytest.raises(SettingsError):
                read({"BETTER_AUTH_SECRET": value})


AROUND = {
    "a newline": f"{SECRET}\n",
    "a carriage return": f"{SECRET}\r\n",
    "blanks": f" {SECRET} ",
    "a tab": f"\t{SECRET}",
    "a no-break space": f"{SECRET}\u00a0",
    "a BOM": f"\ufeff{SECRET}",
    "double quotes": f'"{SECRET}"',
    "single quotes": f"'{SECRET}'",
    "one quote": f'{SECRET}"',
    "curly quotes": f"\u201c{SECRET}\u201d",
    "backticks": f"`{SECRET}`",
    "an escaped newline": f"{SECRET}\\n",
}


@pytest.mark.parametrize("value", AROUND.values(), ids=AROUND)
def test_white_space_or_quotes_around_a_secret_are_kept_and_logged_once(
    value: str, log: io.StringIO
) -> None:
    with configured(BETTER_AUTH_SECRET=value):
        parse_better_auth.cache_clear()
        for _ in range(3):
            assert better_auth().secret == value.encode()

    [line] = log.getvalue().splitlines()
    assert json.loads(line)["level"] == "WARNING"
    assert "white space or quotes" in line
    assert SECRET not in line


@pytest.mark.parametrize("value", [SECRET, f"{SECRET} 'x' y", "a b\tc'd" + SECRET])
def test_nothing_is_logged_of_a_usual_secret(value: str, log: io.StringIO) -> None:
    parse_better_auth.cache_clear()
    read({"BETTER_AUTH_SECRET": value})

    assert log.getvalue() == ""


@pytest.mark.parametrize(
    "given", [{}, {"BETTER_AUTH_SECRET": ""}, {"BETTER_AUTH_ISSUER": URL}]
)
def test_something_must_be_set(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="BETTER_AUTH_SECRET nor BETTER_AUTH_URL"):
        read(given)


def test_the_secret_is_not_in_a_repr() -> None:
    assert SECRET not in repr(read({"BETTER_AUTH_SECRET": SECRET}))
