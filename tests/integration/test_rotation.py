"""Secrets change while the functions run, and nothing has to be deployed."""

import io
import json

import pytest

from local.direct import ROUTES, SECRET, Answer, event
from taskapi.auth.tokens import InvalidToken
from taskapi.auth.verify import verify
from taskapi.settings import secret
from tests.support.api import Client, invoke
from tests.support.auth_settings import auth_settings
from tests.support.clock import Clock
from tests.support.jwks import Jwks
from tests.support.secret_store import Store
from tests.support.tokens import Secret, claims, key

NEW = "another secret for the tests, of 32 bytes and more"


@pytest.fixture
def rotating(user: Client, database: str, store: Store) -> Store:
    """Return the secret that holds all the settings."""
    store.put({"DATABASE_URL": database, "BETTER_AUTH_SECRET": SECRET})
    return store


def listed(user: Client, secret: str) -> Answer:
    token = Secret("HS256", "", secret.encode()).token(claims(user.user_id))
    path, headers = {"user_id": user.user_id}, {"authorization": f"Bearer {token}"}
    return invoke("list_tasks", event(ROUTES["list_tasks"], path=path, headers=headers))


def rotate(store: Store, database: str) -> None:
    store.put({"DATABASE_URL": database, "BETTER_AUTH_SECRET": NEW})


def test_a_token_of_the_new_secret_is_accepted_at_once(
    user: Client, rotating: Store, database: str
) -> None:
    before = listed(user, SECRET)
    rotate(rotating, database)

    after = listed(user, NEW)

    assert (before.status, after.status) == (200, 200)
    assert rotating.reads == 2


def test_a_token_of_the_old_secret_is_refused_from_then_on(
    user: Client, rotating: Store, database: str
) -> None:
    listed(user, SECRET)
    rotate(rotating, database)
    listed(user, NEW)

    assert listed(user, SECRET).status == 401


def test_forged_tokens_have_the_secret_read_once_in_a_cool_down(
    user: Client, rotating: Store
) -> None:
    listed(user, SECRET)

    statuses = {listed(user, "forged " * 10).status for _ in range(10)}

    assert statuses == {401}
    assert rotating.reads == 2


def test_other_failures_of_a_token_do_not_have_it_read(
    user: Client, rotating: Store
) -> None:
    listed(user, SECRET)
    expired = Secret("HS256", "", SECRET.encode()).token(claims(user.user_id, exp=1))

    with pytest.raises(InvalidToken):
        verify(expired)

    assert rotating.reads == 1


def test_no_secret_is_ever_logged(
    user: Client, rotating: Store, database: str, log: io.StringIO
) -> None:
    listed(user, SECRET)
    rotate(rotating, database)
    listed(user, NEW)
    rotating.fail("InternalServiceError")
    listed(user, "forged " * 10)

    lines = log.getvalue()
    assert [json.loads(line)["status"] for line in lines.splitlines()] == [
        200,
        200,
        401,
    ]
    assert not any(word in lines for word in (SECRET, NEW, database))


def test_secrets_that_can_not_be_read_are_a_503(user: Client, rotating: Store) -> None:
    rotating.fail("InternalServiceError")

    answer = listed(user, SECRET)

    assert (answer.status, answer.json["error"]) == (503, "service_unavailable")
    assert answer.headers["retry-after"] == "1"


def test_a_secret_that_may_not_be_read_is_a_500_that_the_log_explains(
    user: Client, rotating: Store, log: io.StringIO
) -> None:
    rotating.fail("AccessDeniedException")

    answer = listed(user, SECRET)

    assert (answer.status, answer.json["error"]) == (500, "internal_error")
    assert "SECRET_ARN can't be read" in json.loads(log.getvalue())["reason"]


def test_keys_and_secret_come_and_go_with_the_secret(
    user: Client, rotating: Store, database: str, clock: Clock
) -> None:
    by_secret = Secret("HS256", "", SECRET.encode())
    with Jwks().serving() as server:
        server.keys = [key("EdDSA").jwk()]
        told = []
        for kind in ("HS256 alone", "both", "JWKS alone", "HS256 alone"):
            given = auth_settings(kind, server.url)
            rotating.put({"DATABASE_URL": database, **given})
            clock.now += secret.COOL_DOWN
            for sender in (by_secret, key("EdDSA")):
                path = {"user_id": user.user_id}
                token = sender.token(claims(user.user_id))
                sent = event(
                    ROUTES["list_tasks"],
                    path=path,
                    headers={"authorization": f"Bearer {token}"},
                )
                told.append(invoke("list_tasks", sent).status)
        # What isn't needed any more is refused when the secret is read again.
        clock.now += secret.TTL
        told.append(invoke("list_tasks", sent).status)

    assert told == [200, 401, 200, 200, 200, 200, 200, 200, 401]
    assert server.fetches == 1
