"""DATABASE_URL: what libpq is told, what is warned of, and what is never printed."""

import io

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from taskapi import database_url
from taskapi.errors import SettingsError

POOLED = "postgresql://me:s3cret@ep-cool-rain-123-pooler.eu-central-1.aws.neon.tech/db"
DIRECT = POOLED.replace("-pooler", "")
ELSEWHERE = "postgresql://me:s3cret@db.example.com/db"


@pytest.fixture(autouse=True)
def forget() -> None:
    database_url.conninfo.cache_clear()


def told(url: str) -> dict[str, object]:
    return {**conninfo_to_dict(database_url.conninfo(url))}


@pytest.fixture
def bundle(monkeypatch: pytest.MonkeyPatch) -> str:
    """Let there be Lambda's bundle of certificates."""
    monkeypatch.setattr(
        database_url, "is_file", lambda path: path.startswith("/etc/pki")
    )
    return "/etc/pki/tls/certs/ca-bundle.crt"


@pytest.mark.parametrize("query", ["", "?sslmode=verify-full", "?sslrootcert=system"])
def test_neon_is_verified_in_full(bundle: str, query: str) -> None:
    params = told(POOLED + query)

    assert params["sslmode"] == "verify-full"
    assert params["sslrootcert"] == bundle
    assert params["channel_binding"] == "require"
    assert params["sslnegotiation"] == "direct"


@pytest.mark.parametrize(
    "said",
    [
        {"sslmode": "require"},
        {"sslmode": "verify-full", "sslrootcert": "mine.crt"},
        {"sslmode": "require", "channel_binding": "prefer"},
        {"sslmode": "require", "sslnegotiation": "postgres"},
        {"options": "endpoint=ep-cool-rain-123", "sslmode": "require"},
        {"connect_timeout": "3", "sslmode": "disable"},
    ],
    ids=lambda said: ",".join(f"{name}={value}" for name, value in said.items()),
)
@pytest.mark.parametrize("url", [POOLED, ELSEWHERE], ids=["neon", "elsewhere"])
def test_what_the_url_says_wins(url: str, said: dict[str, str], bundle: str) -> None:
    query = "&".join(f"{k}={v.replace('=', '%3D')}" for k, v in said.items())

    params = told(f"{url}?{query}")

    assert params.items() >= said.items()
    if said["sslmode"] != "verify-full":
        assert "sslrootcert" not in params


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@localhost/db",
        "postgresql://me@127.0.0.1:5433/db",
        "postgresql://me@[::1]/db",
        "postgresql://me@/db?host=/var/run/postgresql",
        "host=/tmp dbname=db",
    ],
)
def test_a_local_server_needs_no_tls(url: str, log: io.StringIO) -> None:
    assert told(url) == {**conninfo_to_dict(url)}
    assert log.getvalue() == ""


def test_other_servers_are_left_alone(bundle: str) -> None:
    url = f"{ELSEWHERE}?sslmode=require"

    assert told(url) == {**conninfo_to_dict(url)}


def test_other_servers_that_are_verified_get_the_bundle(bundle: str) -> None:
    assert told(f"{ELSEWHERE}?sslmode=verify-full")["sslrootcert"] == bundle


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"{DIRECT}?sslmode=require", ["direct endpoint"]),
        (f"{POOLED}?sslmode=require", []),
        (POOLED, ["no sslmode"]),
        (DIRECT, ["direct endpoint", "no sslmode"]),
        (ELSEWHERE, ["no sslmode"]),
        (f"{ELSEWHERE}?sslrootcert=system", []),
    ],
)
def test_warns_in_one_line_each(
    url: str, words: list[str], log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "tasks")
    database_url.conninfo(url)
    database_url.conninfo(url)

    lines = log.getvalue().splitlines()
    assert [word for word, line in zip(words, lines, strict=True) if word in line] == (
        words
    )
    assert "s3cret" not in log.getvalue()


def test_migrating_over_the_direct_endpoint_is_what_neon_advises(
    log: io.StringIO,
) -> None:
    database_url.conninfo(f"{DIRECT}?sslmode=require")

    assert log.getvalue() == ""


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@[db/db",
        "postgresql://me:s3cret@host/db?sslmod=require",
        "postgresql://me:s3cr%zzet@host/db",
        "postgres+psycopg://me:s3cret@host/db",
        "mysql://me:s3cret@host/db",
        "'postgresql://me:s3cret@host/db'",
        "psql postgresql://me:s3cret@host/db",
        "s3cret",
        "postgresql://me:s3cret@host/\udcff",
    ],
)
def test_a_malformed_url_is_not_quoted(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL is not a") as caught:
        database_url.conninfo(url)

    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("url", ["postgresql:///db", "postgresql://me:s3cret@/db", ""])
def test_a_url_without_a_host_says_so(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL names no host$"):
        database_url.conninfo(url)


def test_a_password_of_special_characters_arrives() -> None:
    url = "postgresql://me:p%40ss%20%27w%5Crd@localhost/db"

    assert told(url)["password"] == r"p@ss 'w\rd"


def test_the_parameters_are_known_to_libpq() -> None:
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}

    assert told(POOLED).keys() <= known
