"""The settings of Better Auth: what they turn on, and what is said of a bad one."""

from collections.abc import Mapping

import pytest

from taskapi.errors import SettingsError
from taskapi.settings import BetterAuth, Expected, better_auth
from tests.api import SECRET
from tests.better_auth.world import configured

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


@pytest.mark.parametrize("secret", ["x" * 32, "é" * 16])
def test_a_secret_is_measured_in_bytes(secret: str) -> None:
    assert read({"BETTER_AUTH_SECRET": secret}).secret == secret.encode()


def test_a_secret_keeps_its_blanks() -> None:
    assert (
        read({"BETTER_AUTH_SECRET": f" {SECRET}\n"}).secret == f" {SECRET}\n".encode()
    )


@pytest.mark.parametrize(
    "given", [{}, {"BETTER_AUTH_SECRET": ""}, {"BETTER_AUTH_ISSUER": URL}]
)
def test_something_must_be_set(given: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="BETTER_AUTH_SECRET nor BETTER_AUTH_URL"):
        read(given)


def test_the_secret_is_not_in_a_repr() -> None:
    assert SECRET not in repr(read({"BETTER_AUTH_SECRET": SECRET}))
