"""Settings from variables, and from a secret that moto's Secrets Manager holds."""

import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError

from taskapi import time_budget
from taskapi.errors import ServiceUnavailable, SettingsError
from taskapi.settings import secret, secret_sources, secrets_manager
from taskapi.settings.better_auth import better_auth
from taskapi.settings.environment import database_url
from taskapi.settings.secrets_manager import provider
from tests.support.clock import Clock
from tests.support.secret_store import Store

KEY = "a secret of Better Auth's, over 32 bytes"


def test_reads_all_settings_from_the_secret_in_one_read(store: Store) -> None:
    url = "postgresql://user:password@host/db"
    store.put({"DATABASE_URL": url, "BETTER_AUTH_SECRET": KEY})

    assert database_url() == url
    assert better_auth().secret == KEY.encode()
    assert store.reads == 1


def test_a_variable_wins_over_the_secret(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put({"DATABASE_URL": "from the secret"})
    monkeypatch.setenv("DATABASE_URL", "from the variable")

    assert database_url() == "from the variable"
    assert store.reads == 0


def test_keeps_what_it_read_for_five_minutes(store: Store, clock: Clock) -> None:
    store.put({"DATABASE_URL": "old"})
    database_url()
    store.put({"DATABASE_URL": "new"})

    clock.now += secret.TTL - 1
    before = database_url()
    clock.now += 1
    after = database_url()

    assert (before, after) == ("old", "new")
    assert store.reads == 2


def test_reads_again_at_once_where_something_does_not_work(store: Store) -> None:
    store.put({"DATABASE_URL": "old"})
    database_url()
    store.put({"DATABASE_URL": "new"})

    assert secret.settings_secret.reread()
    assert database_url() == "new"


def test_says_where_reading_again_brought_nothing_new(store: Store) -> None:
    store.put({"DATABASE_URL": "old"})
    database_url()

    assert not secret.settings_secret.reread()
    assert store.reads == 2


def test_the_first_read_has_longer_than_those_that_values_outlive(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put({"DATABASE_URL": "first"})
    monkeypatch.setattr(secret, "TIMEOUT", 0.0)

    assert database_url() == "first"


def test_a_read_that_hangs_leaves_time_for_the_request(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put({"DATABASE_URL": "good"})
    database_url()
    clock.now += secret.TTL
    over = threading.Event()
    monkeypatch.setattr(secret_sources, "fetch_text", lambda *_: over.wait(60) and "{}")

    time_budget.start(time_budget.MARGIN + 2)
    url, left = database_url(), time_budget.remaining()
    time_budget.end()
    over.set()

    assert url == "good"
    assert left > 0


def test_reads_again_once_in_a_cool_down(store: Store, clock: Clock) -> None:
    store.put({"DATABASE_URL": "old"})
    database_url()
    secret.settings_secret.reread()
    store.put({"DATABASE_URL": "new"})

    within = secret.settings_secret.reread()
    clock.now += secret.COOL_DOWN
    after = secret.settings_secret.reread()

    assert (within, after) == (False, True)
    assert store.reads == 3


def test_has_nothing_to_read_again_without_a_secret(clock: Clock) -> None:
    assert not secret.settings_secret.reread()


@pytest.mark.parametrize("code", ["InternalServiceError", "AccessDeniedException"])
def test_the_last_good_values_serve_on(store: Store, clock: Clock, code: str) -> None:
    store.put({"DATABASE_URL": "old"})
    database_url()
    store.fail(code)
    clock.now += secret.TTL

    assert database_url() == "old"
    assert not secret.settings_secret.reread()


def test_asks_again_after_a_cool_down_where_it_failed(
    store: Store, clock: Clock
) -> None:
    store.put({"DATABASE_URL": "old"})
    database_url()
    store.put({"DATABASE_URL": "new"})
    store.fail("InternalServiceError")
    clock.now += secret.TTL
    database_url()
    store.failure = None
    failed = store.reads

    within = database_url()
    clock.now += secret.COOL_DOWN
    after = database_url()

    assert (within, after) == ("old", "new")
    assert store.reads == failed + 1


def test_a_denied_secret_is_one_line(store: Store) -> None:
    store.fail("AccessDeniedException")

    with pytest.raises(SettingsError, match=r"^SECRET_ARN can't be read: .*Denied"):
        database_url()


def test_a_missing_secret_is_one_line(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_ARN", store.arn + "-another")

    with pytest.raises(SettingsError, match=r"^SECRET_ARN can't be read: .*NotFound"):
        database_url()


def made(kind: type[Exception]) -> Exception:
    """Return an exception of botocore's; what it is made with differs too much."""
    error = kind.__new__(kind)
    error.args = ("what happened",)
    vars(error)["response"] = {"Error": {"Code": "InternalServiceError"}}
    if not issubclass(kind, exceptions.ClientError):
        vars(error)["response"] = None
    return error


BOTOCORE = {
    name: made(kind)
    for name, kind in vars(exceptions).items()
    if isinstance(kind, type)
    and issubclass(kind, exceptions.BotoCoreError | exceptions.ClientError)
}
CODES = {
    code: exceptions.ClientError({"Error": {"Code": code}}, "GetSecretValue")
    for code in [
        *sorted(secrets_manager.PERMANENT_ERRORS),
        "ExpiredTokenException",
        "InternalFailure",
        "InternalServiceError",
        "InternalServerError",
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestExpired",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "503",
        "",
    ]
}
OTHERS: dict[str, Exception] = {
    "no code": exceptions.ClientError({}, "GetSecretValue"),
    "malformed answer": ResponseParserError("x"),
    "not JSON": json.JSONDecodeError("x", "y", 0),
    "no SecretString": KeyError("SecretBinary"),
    "a socket's": ConnectionResetError(104, "reset"),
    "a timeout": TimeoutError(),
    "a bug": AttributeError("NoneType"),
    "memory": MemoryError(),
    "recursion": RecursionError(),
}
FAILURES = {**BOTOCORE, **CODES, **OTHERS}

OUTAGES = {
    "CapacityNotAvailableError",
    "ChecksumError",
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "ConnectionError",
    "CredentialRetrievalError",
    "EndpointConnectionError",
    "HTTPClientError",
    "IncompleteReadError",
    "MetadataRetrievalError",
    "ProxyConnectionError",
    "ReadTimeoutError",
    "ResponseStreamingError",
    "SSLError",
    "TokenRetrievalError",
    "ClientError",
    "EventStreamError",
    *(CODES.keys() - secrets_manager.PERMANENT_ERRORS),
    *(OTHERS.keys()),
}


def test_the_last_good_values_serve_on_whatever_fails(
    store: Store, clock: Clock, log: io.StringIO
) -> None:
    store.put({"DATABASE_URL": "old"})
    database_url()

    for name, failure in FAILURES.items():
        store.failure = failure
        clock.now += secret.TTL
        reads = store.reads
        assert {database_url() for _ in range(5)} == {"old"}, name
        assert store.reads == reads + 1, name
        assert not secret.settings_secret.reread(), name

    assert log.getvalue().count("can't be read again") >= len(FAILURES)


def test_without_values_an_outage_is_a_503_and_a_wrong_stack_a_500(
    store: Store, clock: Clock
) -> None:
    outages, lines = set(), []
    for name, failure in FAILURES.items():
        store.failure = failure
        clock.now += secret.COOL_DOWN
        try:
            database_url()
        except ServiceUnavailable:
            outages.add(name)
        except SettingsError as error:
            lines.append(str(error))

    assert outages == OUTAGES
    assert all(re.match(r"SECRET_ARN can't be read: \S[^\n]*$", line) for line in lines)
    assert store.arn not in "".join(lines)


def test_an_outage_is_asked_about_once_in_its_cool_down(
    store: Store, clock: Clock
) -> None:
    store.fail("InternalServiceError")
    for _ in range(5):
        with pytest.raises(ServiceUnavailable):
            database_url()
    assert store.reads == 1

    clock.now += secret.FAILURE_COOL_DOWN
    store.failure = None
    store.put({"DATABASE_URL": "new"})

    assert database_url() == "new"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_DEFAULT_REGION", None),
        ("AWS_PROFILE", "nobody"),
        ("AWS_ENDPOINT_URL", "hush"),
    ],
)
def test_a_wrong_environment_is_one_line(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    monkeypatch.setattr(secrets_manager, "provider", provider.__wrapped__)
    monkeypatch.delenv(name, raising=False)
    if value:
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=r"^SECRET_ARN can't be read: [^\n]*$"):
        database_url()


@pytest.mark.parametrize(
    "given",
    ['{"DATABASE_URL": "hush"}', "hush hush", "arn:aws:\n", "x" * 3000, "ärn:hush"],
    ids=["the secret itself", "blanks", "a line", "too long", "not ASCII"],
)
def test_what_is_no_arn_is_one_line_that_does_not_quote_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("SECRET_ARN", given)

    with pytest.raises(SettingsError, match=r"^SECRET_ARN isn't the ARN") as raised:
        database_url()

    assert "hush" not in str(raised.value)
    assert store.reads == 0


def test_a_binary_secret_is_read_too(store: Store) -> None:
    store.client.put_secret_value(
        SecretId=store.arn, SecretBinary=b'{"DATABASE_URL": "binary"}'
    )

    assert database_url() == "binary"


def test_a_missing_key_is_named(store: Store) -> None:
    store.put({"BETTER_AUTH_SECRET": KEY})

    with pytest.raises(SettingsError, match=r"^DATABASE_URL is not set$"):
        database_url()


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        '["hunter2"]',
        '{"DATABASE_URL": ["hunter2"]}',
        '"hunter2"',
        "{hunter2",
        r'{"DATABASE_URL": "hunter2\ud800"}',
    ],
    ids=["text", "array", "not a string", "string", "cut off", "a surrogate"],
)
def test_a_malformed_secret_is_one_line_that_does_not_quote_it(
    store: Store, text: str
) -> None:
    store.put(text)

    with pytest.raises(SettingsError) as raised:
        database_url()

    assert str(raised.value) == (
        "SECRET_ARN must name a secret that is a JSON object of strings"
    )
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("read", "line"),
    [
        (database_url, "DATABASE_URL is not set"),
        (
            better_auth,
            "Neither BETTER_AUTH_SECRET nor BETTER_AUTH_URL is set: "
            "one of them is needed to check tokens",
        ),
    ],
    ids=["DATABASE_URL", "Better Auth"],
)
def test_a_missing_setting_is_one_line(
    clock: Clock, read: Callable[[], object], line: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        read()

    assert str(raised.value) == line


def test_settings_do_not_show_the_secret(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", KEY)

    assert KEY not in repr(better_auth())


# AWS's Parameters and Secrets extension, which can't be had outside of Lambda: what it
# answers is as its documentation has it, "not ready" as functions that ask too early
# get it.


class Extension(ThreadingHTTPServer):
    """Answers as the extension does, for one secret."""

    def __init__(self, arn: str, text: str) -> None:
        super().__init__(("127.0.0.1", 0), ExtensionHandler)
        self.arn, self.text = arn, text
        self.refusals = 0
        self.status = 200
        self.raw: bytes | None = None
        self.requests = 0


class ExtensionHandler(BaseHTTPRequestHandler):
    server: Extension

    def do_GET(self) -> None:
        url, extension = urlsplit(self.path), self.server
        extension.requests += 1
        if extension.refusals:
            extension.refusals -= 1
            self.answer(400, b"not ready to serve traffic, please wait")
        elif self.headers["X-Aws-Parameters-Secrets-Token"] != "session":
            self.answer(401, b"")
        elif extension.raw is not None:
            self.answer(extension.status, extension.raw)
        elif (url.path, parse_qs(url.query)) == (
            "/secretsmanager/get",
            {"secretId": [extension.arn]},
        ):
            answer = {"ARN": extension.arn, "SecretString": extension.text}
            self.answer(200, json.dumps(answer).encode())
        else:
            self.answer(400, b"no such secret")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def extension(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Extension]:
    store.put({"DATABASE_URL": "from Secrets Manager"})
    server = Extension(store.arn, '{"DATABASE_URL": "from the extension"}')
    monkeypatch.setenv(
        "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", str(server.server_port)
    )
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_asks_the_extension_first(extension: Extension, store: Store) -> None:
    assert database_url() == "from the extension"
    assert store.reads == 0


def test_waits_until_the_extension_is_ready(extension: Extension, store: Store) -> None:
    extension.refusals = 3

    assert database_url() == "from the extension"
    assert (extension.requests, store.reads) == (4, 0)


def test_does_not_wait_for_the_extension_in_the_init_phase(
    extension: Extension,
) -> None:
    extension.refusals = 1

    with pytest.raises(secret_sources.NotReady):
        secret.settings_secret.values(extension_timeout=0.0)
    assert database_url() == "from the extension"


def test_an_extension_that_is_never_ready_is_given_up(
    extension: Extension, store: Store
) -> None:
    extension.refusals = 1000

    assert (
        secret.settings_secret.values(extension_timeout=0.05)["DATABASE_URL"]
        == "from Secrets Manager"
    )


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, b"an error"),
        (401, b""),
        (200, b""),
        (200, b"<html>"),
        (200, b"{}"),
        (200, b'{"SecretString": null}'),
        (200, b"\xff\xfe"),
        (200, b"[" * 100_000),
        (200, b" " * 300_000),
    ],
    ids=[
        "an error",
        "its token refused",
        "nothing",
        "HTML",
        "an empty object",
        "null",
        "not UTF-8",
        "nested too deep",
        "a lot of blanks",
    ],
)
def test_secrets_manager_is_asked_where_the_extension_fails(
    extension: Extension, store: Store, status: int, answer: bytes
) -> None:
    extension.status, extension.raw = status, answer

    assert database_url() == "from Secrets Manager"
    assert store.reads == 1


@pytest.mark.parametrize("port", ["9", "99999", "http"])
def test_secrets_manager_is_asked_where_nothing_listens(
    extension: Extension, store: Store, monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", port)

    assert database_url() == "from Secrets Manager"
    assert store.reads == 1
