"""Tokens of the feed: malformed, altered, old, or of another user or database."""

import base64
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from taskapi.tasks import change_tokens
from taskapi.tasks.change_tokens import DAY, MAX_AGE, Database, Token
from tests.support.api import Client
from tests.support.connections import forget_connection
from tests.support.synced_copy import Copy

Postgres = psycopg.Connection[Any]


def token_of(user: Client, query: str = "") -> str:
    """Return the token of the feed's first page."""
    token: str = user.send("list_changes", query=query).json["token"]
    return token


def assert_invalid(user: Client, token: str) -> None:
    answer = user.send("list_changes", query=f"since={quote(token, safe='')}")
    assert answer.status == 422, token
    assert answer.json == {
        "error": "validation_error",
        "message": "Since must be the token of an earlier response of this operation",
        "details": {"field": "since", "constraint": "from a response"},
    }


def assert_expired(user: Client, token: str) -> None:
    answer = user.send("list_changes", query=f"since={token}")
    assert (answer.status, answer.json["error"]) == (410, "token_expired"), token


def assert_accepted(user: Client, token: str) -> None:
    assert user.send("list_changes", query=f"since={token}").status == 200


def test_no_character_of_a_token_can_be_changed(user: Client) -> None:
    token = token_of(user)

    for place, character in enumerate(token):
        for other in {"A", "B", "_", "="} - {character}:
            assert_invalid(user, token[:place] + other + token[place + 1 :])


def test_no_part_of_a_token_is_a_token(user: Client) -> None:
    token = token_of(user)

    for place in range(len(token)):
        assert_invalid(user, token[:place])
        assert_invalid(user, token[place + 1 :])


ALTERED: dict[str, Callable[[str], str]] = {
    "empty": lambda token: "",
    "a blank after it": lambda token: f"{token} ",
    "a line feed after it": lambda token: f"{token}\n",
    "padded": lambda token: token + "=" * (-len(token) % 4 or 4),
    "twice": lambda token: token * 2,
    "10 KB of it": lambda token: (token * 200)[:10_240],
    "zeros": lambda token: "A" * len(token),
    "NUL": lambda token: "\x00",
    "not ASCII": lambda token: f"{token}é",
    "a number": lambda token: "1764201600000000",
    "SQL": lambda token: "'; DROP TABLE tasks; --",
    "the other base64": lambda token: "+/" + token[2:],
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
def test_refuses_what_is_not_a_token(user: Client, alter: Callable[[str], str]) -> None:
    assert_invalid(user, alter(token_of(user)))


def test_refuses_the_cursor_of_a_list(user: Client) -> None:
    user.create()
    user.create()
    link = user.send("list_tasks", query="limit=1").headers["link"]

    assert_invalid(user, link.partition("cursor=")[2].partition(">")[0])


def test_a_cursor_cant_be_made_of_a_token(user: Client) -> None:
    """The key of both is the same."""
    signed = base64.urlsafe_b64decode(token_of(user) + "==")[:-4]
    cursor = base64.urlsafe_b64encode(signed[-16:] + signed[:-16]).decode()

    answer = user.send("list_tasks", query={"cursor": cursor.rstrip("=")})

    assert answer.status == 422


Forge = Callable[..., str]


@pytest.fixture
def forge(user: Client, postgres: Postgres) -> Forge:
    """Return a function that signs a token as the database's key would; by default, it
    is the one of a complete copy.
    """
    user.create()
    [(counter, now, identity, key)] = postgres.execute(
        "SELECT counter, (extract(epoch FROM now()) * 1000000)::bigint,"
        " database_identity(key), key FROM change_counters, cursor_keys"
        " WHERE user_id = %s",
        (user.user_id,),
    )
    database = Database(counter, 0, now, identity, key)

    def build(age: int = 0, ahead: int = 0, start_ahead: int = 0, **other: Any) -> str:
        token = Token(counter + ahead, 2**63 - 1, counter + start_ahead, now - age)
        return change_tokens.encode(token, user.user_id, database._replace(**other))

    return build


def test_accepts_the_token_of_a_complete_copy(user: Client, forge: Forge) -> None:
    assert_accepted(user, forge())


def test_refuses_a_token_that_is_signed_with_another_key(
    user: Client, forge: Forge
) -> None:
    """Its checksum is right, and so is the database."""
    assert_invalid(user, forge(key=bytes(32)))


MINUTE = 60_000_000


def test_a_token_lives_for_thirty_days(user: Client, forge: Forge) -> None:
    assert_accepted(user, forge(MAX_AGE - MINUTE))
    assert_expired(user, forge(MAX_AGE + MINUTE))


def test_a_token_from_the_future_has_expired(user: Client, forge: Forge) -> None:
    """The database's clock was wrong then. By that time, deletions of which the copy
    doesn't know would be purged before the token expires."""
    assert_accepted(user, forge(MINUTE - DAY))
    assert_expired(user, forge(-MINUTE - DAY))


def test_a_token_is_renewed_although_nothing_changes(
    user: Client, forge: Forge
) -> None:
    answer = user.send("list_changes", query=f"since={forge(MAX_AGE - MINUTE)}")
    renewed = change_tokens.decode(answer.json["token"]).token

    assert renewed.issued > change_tokens.decode(forge(MINUTE)).token.issued


def test_a_token_in_the_middle_is_not_renewed(user: Client, forge: Forge) -> None:
    """The deletions since the first page have to be reported to its reader."""
    since = forge(MAX_AGE - MINUTE)
    user.create()
    user.create()
    issued = change_tokens.decode(since).token.issued

    for expected in (True, False):
        query = f"limit=1&since={since}"
        since = user.send("list_changes", query=query).json["token"]
        assert (change_tokens.decode(since).token.issued == issued) is expected


def test_a_number_beyond_the_counter_is_from_before_a_restore(
    user: Client, forge: Forge
) -> None:
    assert_expired(user, forge(ahead=1))
    assert_expired(user, forge(start_ahead=1))


def test_a_token_is_for_its_own_user(user: Client, other: Client) -> None:
    user.create()
    other.create()

    assert_expired(other, token_of(user))


def test_the_token_of_an_erased_user_has_expired(user: Client, forge: Forge) -> None:
    token = forge()
    user.send("erase_user")

    assert_expired(user, token)
    user.create()
    assert_expired(user, token)


def test_a_user_who_was_erased_begins_again(user: Client) -> None:
    user.create()
    user.send("erase_user")
    copy = Copy(user)
    copy.read()
    user.create()

    copy.assert_complete()


def test_a_token_from_before_the_first_task_is_accepted(user: Client) -> None:
    copy = Copy(user)
    copy.read()
    user.create()

    assert len(copy.read()) == 1
    copy.assert_complete()


def test_a_user_may_be_erased_between_the_first_pages(user: Client) -> None:
    """The copy began before there was a counter."""
    since = token_of(user)
    user.create()
    user.create()
    query = f"limit=1&since={since}"
    page = user.send("list_changes", query=query).json
    assert page["more"]

    user.send("erase_user")
    user.create()

    assert_expired(user, page["token"])


@contextmanager
def copied_database(server: str, database: str) -> Iterator[str]:
    """Return the URL of a copy of a database, which nobody may use meanwhile."""
    name = database.partition("?")[0].rpartition("/")[2]
    forget_connection()
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}_copy" TEMPLATE "{name}"'.encode())
        try:
            yield database.replace(f"/{name}?", f"/{name}_copy?")
        finally:
            forget_connection()
            admin.execute(f'DROP DATABASE "{name}_copy" WITH (FORCE)'.encode())


def test_the_token_of_another_database_has_expired(
    user: Client, server: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy has the same tasks, counters and key."""
    user.create()
    token = token_of(user)

    with copied_database(server, database) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        assert_expired(user, token)
        copy = Copy(user)
        copy.assert_complete()
        assert len(copy.tasks) == 1
        monkeypatch.undo()
        forget_connection()
        assert copy.token
        assert_expired(user, copy.token)
    assert_accepted(user, token)


def test_no_token_outlives_the_key(
    user: Client, postgres: Postgres, forge: Forge
) -> None:
    """The operator replaces it after a copy of the disk was restored."""
    token = forge()
    [(key,)] = postgres.execute("SELECT key FROM cursor_keys").fetchall()
    postgres.execute("UPDATE cursor_keys SET key = sha256(key)")
    try:
        assert_expired(user, token)
    finally:
        postgres.execute("UPDATE cursor_keys SET key = %s", (key,))
    assert_accepted(user, token)


def test_the_identity_of_a_database_stays(postgres: Postgres) -> None:
    sql = "SELECT database_identity(key) FROM cursor_keys"
    first, second = (postgres.execute(sql).fetchall() for _ in itertools.repeat(0, 2))

    assert first == second
    assert len(first[0][0]) == 8


def test_a_standby_that_takes_over_has_another_identity_at_once(
    postgres: Postgres,
) -> None:
    """Its last checkpoint is of the old timeline, for minutes if it has much to write;
    each connection keeps the identity that it reads first."""
    sql = "SELECT database_identity(key) FROM cursor_keys"
    [(before,)] = postgres.execute(sql).fetchall()

    with postgres.transaction(force_rollback=True):
        postgres.execute("CREATE SCHEMA promoted")
        postgres.execute(
            "CREATE FUNCTION promoted.pg_control_recovery("
            "OUT min_recovery_end_timeline INT) RETURN 2"
        )
        postgres.execute("SET LOCAL search_path = promoted, pg_catalog, public")
        postgres.execute("SET LOCAL tasks.database = ''")
        [(after,)] = postgres.execute(sql).fetchall()

    assert after != before
