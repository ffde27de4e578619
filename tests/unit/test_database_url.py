"""DATABASE_URL: what libpq gets, what is logged, and what is never printed."""

import io

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from taskapi.errors import SettingsError
from taskapi.postgres import conninfo
from taskapi.postgres.conninfo import to_conninfo
from taskapi.postgres.diagnosis import describe

POOLED = "postgresql://me:s3cret@ep-cool-rain-123-pooler.eu-central-1.aws.neon.tech/db"
DIRECT = POOLED.replace("-pooler", "")
ELSEWHERE = "postgresql://me:s3cret@db.example.com/db"


@pytest.fixture(autouse=True)
def forget() -> None:
    to_conninfo.cache_clear()


def libpq_parameters(url: str) -> dict[str, object]:
    return {**conninfo_to_dict(to_conninfo(url))}


@pytest.fixture
def bundle(monkeypatch: pytest.MonkeyPatch) -> str:
    """Make it look as if Lambda's certificates were here; return their path."""
    monkeypatch.setattr(conninfo, "is_file", lambda path: path.startswith("/etc/pki"))
    return "/etc/pki/tls/certs/ca-bundle.crt"


@pytest.mark.parametrize("query", ["", "?sslmode=verify-full", "?sslrootcert=system"])
def test_neon_is_verified_in_full(bundle: str, query: str) -> None:
    params = libpq_parameters(POOLED + query)

    assert params["sslmode"] == "verify-full"
    assert params["sslrootcert"] == bundle
    assert params["channel_binding"] == "require"
    assert params["sslnegotiation"] == "direct"


@pytest.mark.parametrize(
    "stated",
    [
        {"sslmode": "require"},
        {"sslmode": "verify-full", "sslrootcert": __file__},
        {"sslmode": "require", "channel_binding": "prefer"},
        {"sslmode": "require", "sslnegotiation": "postgres"},
        {"options": "endpoint=ep-cool-rain-123", "sslmode": "require"},
        {"connect_timeout": "3", "sslmode": "disable"},
    ],
    ids=",".join,
)
@pytest.mark.parametrize("url", [POOLED, ELSEWHERE], ids=["neon", "elsewhere"])
def test_what_the_url_says_wins(url: str, stated: dict[str, str], bundle: str) -> None:
    query = "&".join(f"{k}={v.replace('=', '%3D')}" for k, v in stated.items())

    params = libpq_parameters(f"{url}?{query}")

    assert params.items() >= stated.items()
    if stated["sslmode"] != "verify-full":
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
    assert libpq_parameters(url) == {**conninfo_to_dict(url), "client_encoding": "UTF8"}
    assert log.getvalue() == ""


def test_other_servers_are_left_alone(bundle: str) -> None:
    url = f"{ELSEWHERE}?sslmode=require"

    assert libpq_parameters(url) == {**conninfo_to_dict(url), "client_encoding": "UTF8"}


def test_text_travels_in_utf8_whatever_the_url_says() -> None:
    url = f"{ELSEWHERE}?sslmode=require&client_encoding=latin1"

    assert libpq_parameters(url)["client_encoding"] == "UTF8"


def test_other_servers_that_are_verified_get_the_bundle(bundle: str) -> None:
    assert libpq_parameters(f"{ELSEWHERE}?sslmode=verify-full")["sslrootcert"] == bundle


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
    to_conninfo(url)
    to_conninfo(url)

    lines = log.getvalue().splitlines()
    assert [word for word, line in zip(words, lines, strict=True) if word in line] == (
        words
    )
    assert "s3cret" not in log.getvalue()


def test_migrating_over_the_direct_endpoint_is_what_neon_advises(
    log: io.StringIO,
) -> None:
    to_conninfo(f"{DIRECT}?sslmode=require")

    assert log.getvalue() == ""


MALFORMED = {
    "white space before it": (f" {ELSEWHERE}", "white space"),
    "a line break after it": (f"{ELSEWHERE}?sslmode=require\n", "white space"),
    "a Windows line break after it": (f"{ELSEWHERE}\r\n", "white space"),
    "a line break in it": (ELSEWHERE.replace("db.", "db\n."), "line break"),
    "a NUL": (ELSEWHERE.replace("s3cret", "s3\0cret"), "invisible character"),
    "a NUL between name and value": ("host=h password=s3cret\0", "NUL"),
    "a zero-width space": (f"{ELSEWHERE}\u200b", "invisible character"),
    "a byte order mark": (f"\ufeff{ELSEWHERE}", "not a Postgres URL"),
    "a no-break space": (f"{ELSEWHERE}\u00a0", "white space"),
    "a semicolon": (f"{ELSEWHERE};", "semicolon"),
    "a variable": ("${DATABASE_URL}", "not a Postgres URL"),
    "JSON": (f'{{"DATABASE_URL": "{ELSEWHERE}"}}', "not a Postgres URL"),
    ".NET's form": ("Host=h;Username=me;Password=s3cret", "know"),
    "an @ in a password of two words": ("host=h password=a@b s3cret=1", "know;"),
    "a bad byte": (f"{ELSEWHERE}\udcff", "not UTF-8"),
    "quotes": (f"'{ELSEWHERE}'", "quotes"),
    "double quotes": (f'"{ELSEWHERE}"', "quotes"),
    "a quote at the end": (f"{ELSEWHERE}'", "quote"),
    "angle brackets": (f"<{ELSEWHERE}>", "brackets"),
    "its own name": (f"DATABASE_URL={ELSEWHERE}", "its own name"),
    "a line of a shell script": (f"export DATABASE_URL='{ELSEWHERE}'", "its own name"),
    "a line of YAML": (f"DATABASE_URL: {ELSEWHERE}", "its own name"),
    "a psql command": (f"psql '{ELSEWHERE}'", "psql command"),
    "a JDBC URL": (f"jdbc:{ELSEWHERE}", "JDBC"),
    "a page of the console": ("https://console.neon.tech/app/x", "web address"),
    "SQLAlchemy with asyncpg": (
        ELSEWHERE.replace("postgresql", "postgresql+asyncpg"),
        "postgresql+asyncpg://",
    ),
    "SQLAlchemy with psycopg2": (
        ELSEWHERE.replace("postgresql", "postgres+psycopg2"),
        "postgres+psycopg2://",
    ),
    "Prisma's own": ("prisma://accelerate.prisma-data.net/?api_key=s3cret", "prisma"),
    "MySQL": ("mysql://me:s3cret@host/db", "mysql://"),
    "an unknown scheme": ("s3cret://me@host/db", "must be postgresql://"),
    "capitals": (ELSEWHERE.replace("postgresql", "POSTGRESQL"), "postgresql://"),
    "no scheme": ("me:s3cret@host/db", "must be postgresql://"),
    "one slash": ("postgresql:/me:s3cret@host/db", "must be postgresql://"),
    "a password alone": ("s3cret", "not a Postgres URL"),
    "a slash in the password": ("postgresql://me:s3/cret@host/db", "/ as %2F"),
    "digits, then a slash": ("postgresql://me:12/s3cret@host:5432/db", "/ as %2F"),
    "an @ in the password": ("postgresql://me:s3@cret@host/db", "@ as %40"),
    "a slash, then a question mark": ("postgresql://me:s3/c?ret@host/db", "percent"),
    "a percent sign": ("postgresql://me:s3cr%et@host/db", "% as %25"),
    "half a code": ("postgresql://me:s3cr%4@host/db", "percent-encoded"),
    "an encoded NUL": ("postgresql://me:s3cr%00et@host/db", "percent-encoded"),
    "a space": ("postgresql://me:s3 cret@host/db", "percent-encoded"),
    "a bracket": ("postgresql://me:s3cret@[db/db", "bracket"),
    "more after a bracket": ("postgresql://me:s3cret@[::1]x/db", "bracket"),
    "IPv6 without brackets": ("postgresql://me:s3cret@::1/db", "no host"),
    "no host": ("postgresql://me:s3cret@/db", "no host"),
    "nothing but a database": ("postgresql:///db", "no host"),
    "an empty host of two": ("postgresql://me:s3cret@a,/db", "no host"),
    "nothing": ("", "not a Postgres URL"),
    "a placeholder": ("postgresql://me:s3cret@<host>/db", "host's name"),
    "no @": ("postgresql://me:s3cret", "port"),
    "a port of letters": ("postgresql://me:s3cret@host:pg/db", "1 to 65535"),
    "port 0": ("postgresql://me:s3cret@host:0/db", "1 to 65535"),
    "port 65536": ("postgresql://me:s3cret@host:65536/db", "1 to 65535"),
    "one port too many": ("postgresql://me:s3cret@host/db?port=1,2", "port"),
    "a bad second port": ("postgresql://me:s3cret@a:1,b:x/db", "1 to 65535"),
    "Prisma's parameter": (f"{ELSEWHERE}?pgbouncer=true", "know: pgbouncer"),
    "another parameter": (f"{ELSEWHERE}?sslmod=require", "know: sslmod"),
    "a parameter of a password": ("postgresql://me:a/b?s3cret=c@h/db", "percent"),
    "a password as parameter": (f"{ELSEWHERE}?password=a&s3cret=b", "know;"),
    "a parameter twice equal": (f"{ELSEWHERE}?sslmode=a=b", "name=value"),
    "a parameter without value": (f"{ELSEWHERE}?sslmode", "name=value"),
    "key and value": ("host=h password=s3cret pgbouncer=true", "know: pgbouncer"),
    "a password in two words": ("host=h password=a s3cret=b", "know;"),
    "an open quote": ("host=h password='s3cret", "not a Postgres URL"),
    "a bad sslmode": (f"{ELSEWHERE}?sslmode=on", "verify-full"),
    "a bad channel_binding": (f"{ELSEWHERE}?channel_binding=on", "require"),
    "a bad sslnegotiation": (f"{ELSEWHERE}?sslnegotiation=on", "direct"),
    "weak, but direct": (
        f"{ELSEWHERE}?sslmode=prefer&sslnegotiation=direct",
        "needs an sslmode",
    ),
    "weak, but the system's roots": (
        f"{ELSEWHERE}?sslmode=require&sslrootcert=system",
        "needs sslmode=verify-full",
    ),
    "bad target_session_attrs": (f"{ELSEWHERE}?target_session_attrs=rw", "read-write"),
    "bad load_balance_hosts": (f"{ELSEWHERE}?load_balance_hosts=1", "random"),
    "a bad gssencmode": (f"{ELSEWHERE}?gssencmode=1", "prefer"),
    "a bad sslcertmode": (f"{ELSEWHERE}?sslcertmode=1", "allow"),
    "a bad connect_timeout": (f"{ELSEWHERE}?connect_timeout=3s", "whole number"),
    "a bad keepalives_idle": (f"{ELSEWHERE}?keepalives_idle=x", "whole number"),
    "a bad tcp_user_timeout": (f"{ELSEWHERE}?tcp_user_timeout=1.5", "whole number"),
    "a bad require_auth": (f"{ELSEWHERE}?require_auth=x", "require_auth"),
    "a bad TLS version": (
        f"{ELSEWHERE}?ssl_min_protocol_version=1.2",
        "ssl_min_protocol_version",
    ),
    "TLS versions that exclude each other": (
        f"{ELSEWHERE}?ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.2",
        "ssl_max_protocol_version, ssl_min_protocol_version",
    ),
    "two bad values": (
        f"{ELSEWHERE}?require_auth=x&max_protocol_version=9",
        "max_protocol_version, require_auth",
    ),
    "a socket's folder that is too long": (f"host=/{'x' * 100}", "host"),
    "an abstract socket that is too long": (f"host=@{'x' * 100}", "host"),
    "an empty part of a host": ("postgresql://me:s3cret@a..b/db", "host's name"),
    "a part of a host that is too long": (
        f"postgresql://me:s3cret@{'a' * 64}.test/db",
        "host's name",
    ),
    "a host that is too long": (
        f"postgresql://me:s3cret@{'a.' * 130}test/db",
        "host's name",
    ),
    "colons that aren't an address": ("postgresql://me:s3cret@[1:2]/db", "address"),
    "a bad protocol version": (f"{ELSEWHERE}?max_protocol_version=9", "max_protocol"),
    "a missing service": (f"{ELSEWHERE}?service=none", "service"),
    "a missing CA file": (
        f"{ELSEWHERE}?sslmode=verify-full&sslrootcert=/s3cret.pem",
        "sslrootcert",
    ),
    "a missing certificate": (f"{ELSEWHERE}?sslcert=/s3cret.pem", "sslcert"),
    "a missing key": (f"{ELSEWHERE}?sslkey=/s3cret.pem", "sslkey"),
    "a name as hostaddr": (f"{ELSEWHERE}?hostaddr=s3cret", "IP address"),
    "a hostaddr too many": (f"{ELSEWHERE}?hostaddr=1.1.1.1,1.1.1.2", "number of hosts"),
}


@pytest.mark.parametrize(("url", "words"), MALFORMED.values(), ids=MALFORMED)
def test_says_at_once_what_is_wrong_and_quotes_nothing(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL ") as caught:
        to_conninfo(url)

    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@host:pg/db",
        "postgresql://me:s3cret@host:0/db",
        "postgresql://me:s3cret@host/db?port=x",
        "postgresql://me:s3cret@ho%20st/db",
        "postgresql://me:s3cret@host:65536",
    ],
)
def test_does_not_blame_a_password_that_is_right(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        to_conninfo(url)

    assert "password" not in str(caught.value)


MARK = "Xq7Zw9Kv2Jy4"
"""Twelve characters. No four of them in a row are in any message."""

SPECIAL = [*"@:/?#%&=+ '\"\\[]<>,;|$!~^`{}()*\n\t", "%zz", "%2F", "://", "=a&b="]
passwords = st.lists(
    st.sampled_from([*SPECIAL, "", "5", "12"]), min_size=2, max_size=4
).map(
    lambda parts: "".join(a + b for a, b in zip(parts, [*thirds(), ""], strict=False))
)


def thirds() -> list[str]:
    return [MARK[:4], MARK[4:8], MARK[8:]]


forms = st.sampled_from(
    [
        "postgresql://app:{}@127.0.0.1:1/db",
        "postgresql://app:{}@127.0.0.1:1/db?sslmode=require",
        "postgresql://{}@127.0.0.1:1/db",
        "postgresql://app:{}",
        "postgresql://app@127.0.0.1:1/db?password={}",
        "postgresql://app@127.0.0.1:1/{}",
        "postgresql://app:x@[{}]:1/db",
        "postgresql:/{}@127.0.0.1:1/db",
        "host=127.0.0.1 port=1 password={}",
        "host=127.0.0.1 port=1 password={} sslmode=require",
        "host=127.0.0.1 port=1 password='{}' dbname=db",
        "'postgresql://app:{}@127.0.0.1:1/db'",
        "postgresql+asyncpg://app:{}@127.0.0.1:1/db",
        "{}",
        "app:{}@127.0.0.1/db",
    ]
)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(form=forms, password=passwords, cut=st.integers(0, 60))
@example(form="postgresql://app@127.0.0.1:1/{}", password="?Xq7Z=a&b=w9Kv", cut=0)
def test_no_part_of_a_password_is_in_what_may_be_printed(
    form: str, password: str, cut: int
) -> None:
    url = form.format(password)
    url = url[: len(url) - cut] if cut < 12 else url

    printed = attempt(url)

    for start in range(len(MARK) - 3):
        assert MARK[start : start + 4] not in printed


def attempt(url: str) -> str:
    """Return what a command prints that connects to url, without DNS."""
    try:
        complete = to_conninfo(url)
        psycopg.connect(make_conninfo(complete, hostaddr="127.0.0.1", port="1"))
    except SettingsError as error:
        return str(error)
    except psycopg.Error as error:
        return describe(error)
    return ""


def test_a_password_of_special_characters_arrives() -> None:
    url = "postgresql://me:p%40ss%20%27w%5Crd@localhost/db"

    assert libpq_parameters(url)["password"] == r"p@ss 'w\rd"


def test_the_parameters_are_known_to_libpq() -> None:
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}

    assert libpq_parameters(POOLED).keys() <= known
