"""Settings from variables, and from a secret that a stand-in for AWS holds."""

import base64
import io
import threading
from collections.abc import Callable
from typing import Any

import pytest

from taskapi import single_flight, time_budget
from taskapi.errors import Outage, ServiceUnavailable, SettingsError
from taskapi.settings import secret, secrets_manager
from taskapi.settings.better_auth import better_auth
from taskapi.settings.environment import database_url
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
    monkeypatch.setattr(
        secrets_manager, "fetch_text", lambda *_: over.wait(60) and "{}"
    )

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
    store.repair()
    failed = store.reads

    within = database_url()
    clock.now += secret.COOL_DOWN
    after = database_url()

    assert (within, after) == ("old", "new")
    assert store.reads == failed + 1


FAILURES: dict[str, Exception] = {
    "an outage": Outage("SECRET_ARN can't be read: why"),
    "a wrong stack": SettingsError("SECRET_ARN can't be read: why"),
    "a bug": AttributeError("NoneType"),
    "memory": MemoryError(),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_the_last_good_values_serve_on_whatever_fails(
    store: Store,
    clock: Clock,
    log: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
) -> None:
    store.put({"DATABASE_URL": "old"})
    database_url()
    reads = []

    def fail(arn: str, timeout: float) -> str:
        reads.append(arn)
        raise failure

    monkeypatch.setattr(secrets_manager, "fetch_text", fail)
    clock.now += secret.TTL

    assert {database_url() for _ in range(5)} == {"old"}
    assert len(reads) == 1
    assert not secret.settings_secret.reread()
    assert log.getvalue().count("can't be read again") == 2


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        ("an outage", ServiceUnavailable),
        ("a wrong stack", SettingsError),
        ("a bug", AttributeError),
    ],
)
def test_without_values_an_outage_is_a_503_and_a_wrong_stack_a_500(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    failure: str,
    raised: type[Exception],
) -> None:
    def fail(arn: str, timeout: float) -> str:
        raise FAILURES[failure]

    monkeypatch.setattr(secrets_manager, "fetch_text", fail)

    with pytest.raises(raised):
        database_url()


def test_an_outage_is_asked_about_once_in_its_cool_down(
    store: Store, clock: Clock
) -> None:
    store.fail("InternalServiceError")
    for _ in range(5):
        with pytest.raises(ServiceUnavailable):
            database_url()
    assert store.reads == 1

    clock.now += secret.FAILURE_COOL_DOWN
    store.repair()
    store.put({"DATABASE_URL": "new"})

    assert database_url() == "new"


def test_values_take_what_was_read_ahead(store: Store) -> None:
    store.put({"DATABASE_URL": "early"})

    reading = secret.settings_secret.prefetch()

    assert reading
    assert reading.result(60)
    assert database_url() == "early"
    assert store.reads == 1


def test_values_wait_for_what_is_being_read_ahead(store: Store) -> None:
    store.put({"DATABASE_URL": "early"})
    asked = threading.Event()
    store.before_answering = lambda: asked.wait(60)

    secret.settings_secret.prefetch()
    threading.Timer(0.01, asked.set).start()

    assert database_url() == "early"
    assert store.reads == 1


def test_a_failure_to_read_ahead_is_no_failed_request(store: Store) -> None:
    store.put({"DATABASE_URL": "late"})
    store.fail("ThrottlingException")
    reading = secret.settings_secret.prefetch()
    assert reading
    assert isinstance(reading.exception(60), Outage)
    store.repair()

    assert database_url() == "late"
    assert store.reads == 2


def test_a_request_reads_again_if_what_it_waits_for_fails(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Lambda froze the read of the init phase, its time is over."""
    store.put({"DATABASE_URL": "late"})
    store.fail("ThrottlingException")
    waits = threading.Event()

    def throttle_once() -> None:
        waits.wait(60)
        store.before_answering = store.repair

    def wait_for(*arguments: Any) -> object:
        waits.set()
        return single_flight.wait_for(*arguments)

    store.before_answering = throttle_once
    monkeypatch.setattr(secret, "wait_for", wait_for)

    secret.settings_secret.prefetch()

    assert database_url() == "late"
    assert store.reads == 2


def test_reads_nothing_ahead_without_a_secret(clock: Clock) -> None:
    assert secret.settings_secret.prefetch() is None


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
    encoded = base64.b64encode(b'{"DATABASE_URL": "binary"}').decode()
    store.secret = {"SecretBinary": encoded}

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
