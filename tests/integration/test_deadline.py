"""Each request has one deadline, whichever of the things that it needs hangs."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager

import pytest

from local.direct import ROUTES, SECRET, Answer, event
from taskapi import time_budget
from taskapi.auth import jwks
from taskapi.cold_start import preconnect, prefetch_secret
from taskapi.postgres import connection, query
from taskapi.settings import secret, secrets_manager
from tests.support.api import Client, invoke
from tests.support.auth_settings import forget
from tests.support.clock import Clock
from tests.support.connections import forget_connection
from tests.support.jwks import Jwks
from tests.support.tokens import claims, key
from tests.support.tokens import secret as hs256

DEADLINE = 0.6
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tasks"

Give = Callable[..., None]


@contextmanager
def deaf_server() -> Iterator[int]:
    """Return a port where connections are taken, and nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def deaf(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Make all the times short, and forget connection, keys and settings."""
    monkeypatch.setattr(time_budget, "REQUEST_TIMEOUT", DEADLINE)
    monkeypatch.setattr(secrets_manager, "ATTEMPT_TIMEOUT", 0.3)
    monkeypatch.setattr(secret, "TIMEOUT", DEADLINE / 3)
    monkeypatch.setattr(secret, "FIRST_TIMEOUT", DEADLINE / 2)
    monkeypatch.setattr(jwks, "TIMEOUT", DEADLINE / 3)
    monkeypatch.setattr(connection, "ATTEMPT_TIMEOUT", 60.0)
    monkeypatch.setattr(query, "ATTEMPT_TIMEOUT", 60.0)
    monkeypatch.setattr(connection, "_idle", None)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("BETTER_AUTH_JWKS_URL", raising=False)
    forget()
    with deaf_server() as port:
        yield port
    # A read that hung ends now: it must not log into another test.
    if hung := secret.settings_secret._flight._running:
        wait([hung], 60)
    forget_connection()
    forget()


def hang_secret(patch: pytest.MonkeyPatch, port: int) -> None:
    """Have Secrets Manager hang."""
    patch.setenv("SECRET_ARN", ARN)
    patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")


def remember(patch: pytest.MonkeyPatch, clock: Clock, **values: str) -> None:
    """Have values of the secret's that are due to be read again."""
    patch.setenv("SECRET_ARN", ARN)
    with pytest.MonkeyPatch.context() as once:
        once.setattr(secrets_manager, "fetch_text", lambda *_: json.dumps(values))
        secret.settings_secret.values()
    clock.now += secret.TTL


def listed(user: Client, token: str) -> Answer:
    """Return the answer, which has to come by the deadline, but for a busy machine."""
    path, headers = {"user_id": user.user_id}, {"authorization": f"Bearer {token}"}
    sent = event(ROUTES["list_tasks"], path=path, headers=headers)
    started = time.monotonic()
    answer = invoke("list_tasks", sent)
    assert time.monotonic() - started < time_budget.REQUEST_TIMEOUT + 40
    return answer


def assert_unavailable(answer: Answer, message: str) -> None:
    assert (answer.status, answer.json["message"]) == (503, message)
    assert int(answer.headers["retry-after"]) >= 1


def deaf_database(port: int) -> str:
    return f"postgresql://app@127.0.0.1:{port}/tasks?sslmode=disable"


def test_a_secret_that_hangs(
    user: Client, deaf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang_secret(monkeypatch, deaf)

    answer = listed(user, hs256.token(claims(user.user_id)))

    assert_unavailable(answer, "The settings can't be read")


@pytest.mark.parametrize("name", ["keys", "database"])
def test_keys_or_a_database_that_hang(
    user: Client, database: str, deaf: int, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    keys_hang = name == "keys"
    monkeypatch.setenv("DATABASE_URL", database if keys_hang else deaf_database(deaf))
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    monkeypatch.setenv("BETTER_AUTH_URL", f"http://127.0.0.1:{deaf}")
    sender = key("EdDSA") if keys_hang else hs256

    answer = listed(user, sender.token(claims(user.user_id)))

    assert_unavailable(
        answer,
        "The keys that check tokens can't be fetched"
        if keys_hang
        else "The database didn't answer in time",
    )


@pytest.mark.parametrize(
    ("good_keys", "good_database", "message"),
    [
        (False, False, "The keys that check tokens can't be fetched"),
        (True, False, "The database didn't answer in time"),
        (True, True, None),
    ],
    ids=["all", "secret and database", "secret alone"],
)
def test_a_secret_that_hangs_when_it_is_due_and_what_else_hangs(
    user: Client,
    database: str,
    deaf: int,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    good_keys: bool,
    good_database: bool,
    message: str | None,
) -> None:
    with Jwks().serving() as server:
        server.keys = [key("EdDSA").jwk()]
        remember(
            monkeypatch,
            clock,
            DATABASE_URL=database if good_database else deaf_database(deaf),
            BETTER_AUTH_URL=server.origin if good_keys else f"http://127.0.0.1:{deaf}",
        )
        hang_secret(monkeypatch, deaf)
        if good_keys:
            # Success takes as long as a busy machine does.
            monkeypatch.setattr(jwks, "TIMEOUT", 60.0)
            monkeypatch.setattr(
                time_budget, "REQUEST_TIMEOUT", 60.0 if good_database else 3.0
            )
        origin = server.origin
        token = key("EdDSA").token(claims(user.user_id, iss=origin, aud=origin))

        answer = listed(user, token)
        again = listed(user, token)

    if message:
        assert_unavailable(answer, message)
        assert_unavailable(again, message)
    else:
        assert (answer.status, again.status) == (200, 200)


def test_the_init_phase_ends_before_lambda_ends_it(
    deaf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang_secret(monkeypatch, deaf)
    started = time.monotonic()

    preconnect.start(prefetch_secret.prefetch())()

    assert time.monotonic() - started < DEADLINE + 40
    assert time_budget._deadline is None
