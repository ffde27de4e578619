"""What the API answers to each error of the database, and what it logs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from local.direct import SECRET
from local.servers import Postgres
from local.waiting import eventually
from taskapi.postgres.faults import FAULTS, TOO_SLOW
from taskapi.settings import environment
from tests.support.background import meanwhile
from tests.support.connections import forget_connection
from tests.support.faults import DATABASE, Api, become
from tests.support.secret_store import Store

DATABASE_URL = environment.database_url

RAISE = """
CREATE SEQUENCE raised;
CREATE FUNCTION raise_as_titled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('raised') <= split_part(NEW.title, ' ', 3)::int THEN
        RAISE EXCEPTION 'for the test' USING ERRCODE = split_part(NEW.title, ' ', 2);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER raise BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW
    WHEN (NEW.title LIKE 'raise _____ _%') EXECUTE FUNCTION raise_as_titled();
"""
"""A title "raise 40001 2" fails twice with 40001, then succeeds."""


@pytest.fixture(scope="session")
def raising(postgres: Postgres) -> None:
    postgres.execute(RAISE, DATABASE)


def assert_unavailable(
    api: Api, meaning: str, *, retry_after: str, retried: bool
) -> None:
    """Assert the answer to a create, how often it was tried, and its log line."""
    answer = api.send("create_task", json_body={"title": "new"})

    assert answer.status == 503, answer.text
    assert answer.headers["retry-after"] == retry_after
    [message] = {row.message for row in FAULTS.values() if row.meaning == meaning}
    # The last attempt may run out of time.
    assert answer.json["message"] in (message, TOO_SLOW)
    assert api.faults[0]["message"] == meaning
    assert (len(api.faults) > 1) == retried


# What a server answers to a statement.


@pytest.mark.parametrize(
    "code", ["40001", "40P01", "25006", "53300", "25P02", "26000", "42P05"]
)
@pytest.mark.parametrize("function", ["create_task", "update_task"])
def test_repeats_what_has_changed_nothing(
    either: Api, raising: None, code: str, function: str
) -> None:
    id = either.create()["id"] if function == "update_task" else None
    either.postgres.execute("SELECT setval('raised', 1, false)", DATABASE)

    answer = either.send(function, id, json_body={"title": f"raise {code} 2"})

    assert answer.status < 300, answer.text
    assert len(either.rows()) == 1
    assert [fault["sqlstate"] for fault in either.faults] == [code, code]


@pytest.mark.parametrize(
    ("code", "meaning", "retry_after"),
    [
        ("53100", "the server's disk is full", "30"),
        ("53200", "the server is out of resources", "5"),
        ("57014", "the statement was cancelled by a server's timeout", "1"),
        ("53400", "a limit of the server's settings is exceeded", "30"),
        ("54001", "a limit of the server is exceeded", "30"),
        ("55000", "the server can't do this in its present state", "30"),
        ("22P05", "the database isn't UTF8, and can't hold this text", "30"),
        ("0P000", "a role that a setting names doesn't exist", "30"),
        ("58030", "the server failed", "5"),
        ("XX000", "the server failed", "5"),
    ],
)
def test_does_not_repeat_what_would_fail_again(
    api: Api, raising: None, code: str, meaning: str, retry_after: str
) -> None:
    api.postgres.execute("SELECT setval('raised', 1, false)", DATABASE)

    answer = api.send("create_task", json_body={"title": f"raise {code} 1"})

    assert answer.status == 503, answer.text
    assert answer.headers["retry-after"] == retry_after
    assert api.rows() == {}
    [fault] = api.faults
    assert (fault["message"], fault["sqlstate"]) == (meaning, code)
    api.works()


@pytest.mark.parametrize("code", ["22012", "23514", "42601"])
def test_a_bug_is_a_500_that_quotes_nothing(api: Api, raising: None, code: str) -> None:
    api.postgres.execute("SELECT setval('raised', 1, false)", DATABASE)

    answer = api.send("create_task", json_body={"title": f"raise {code} 1"})

    assert answer.status == 500
    assert "raise" not in api.log.getvalue().replace("_raise", "")
    assert "for the test" not in api.log.getvalue()
    api.works()


@pytest.fixture
def reading(either: Api) -> Iterator[Api]:
    """Return the functions on a database that refuses writes."""
    setting = "default_transaction_read_only"
    either.postgres.execute(f"ALTER DATABASE {DATABASE} SET {setting} = on")
    either.postgres.terminate(DATABASE)
    forget_connection()
    yield either
    either.postgres.execute(f"ALTER DATABASE {DATABASE} RESET {setting}")
    either.postgres.terminate(DATABASE)
    forget_connection()


def test_a_database_that_may_only_be_read_is_called_so_at_once(reading: Api) -> None:
    assert_unavailable(
        reading,
        "default_transaction_read_only is on, for the role or for the database",
        retry_after="30",
        retried=False,
    )
    reading.works()


def test_a_statement_timeout_is_not_repeated(
    api: Api, role: Callable[[str], str]
) -> None:
    id = api.create()["id"]
    name = role("LOGIN")
    api.postgres.execute(f"ALTER ROLE {name} SET statement_timeout = '20ms'")
    become(api, name)

    with api.postgres.locked(DATABASE):
        answer = api.send("complete_task", id)

    assert answer.status == 503, answer.text
    assert answer.json["message"] == TOO_SLOW
    assert api.rows()[id] == ("Buy groceries", False, 1)
    assert [fault["sqlstate"] for fault in api.faults] == ["57014"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"idempotency-key": "key"}, 409), ({}, 503)],
    ids=["with a key", "without"],
)
def test_a_lock_timeout_is_a_conflict_where_a_key_is_in_use(
    api: Api, role: Callable[[str], str], headers: dict[str, str], status: int
) -> None:
    name = role("LOGIN")
    api.postgres.execute(f"ALTER ROLE {name} SET lock_timeout = '20ms'")
    become(api, name)

    with api.postgres.locked(DATABASE, "idempotency_keys"):
        answer = api.send("create_task", json_body={"title": "new"}, headers=headers)

    assert answer.status == status, answer.text
    assert [fault["sqlstate"] for fault in api.faults] == ["55P03"]
    assert api.rows() == {}


@pytest.mark.parametrize(
    ("spoil", "repair", "missing"),
    [
        ("ALTER TABLE tasks RENAME TO t", "ALTER TABLE t RENAME TO tasks", "table"),
        (
            "ALTER TABLE tasks RENAME COLUMN version TO v",
            "ALTER TABLE tasks RENAME COLUMN v TO version",
            "column",
        ),
        (
            "ALTER FUNCTION rfc3339 RENAME TO r",
            "ALTER FUNCTION r RENAME TO rfc3339",
            "function",
        ),
    ],
    ids=["table", "column", "function"],
)
def test_says_that_migrations_are_missing(
    either: Api, spoil: str, repair: str, missing: str
) -> None:
    either.postgres.execute(spoil, DATABASE)
    try:
        answer = either.send("list_tasks")
    finally:
        either.postgres.execute(repair, DATABASE)

    assert answer.status == 503, answer.text
    assert answer.headers["retry-after"] == "30"
    [fault] = either.faults
    assert fault["message"].startswith(f"a {missing} is missing; apply the migrations")
    assert (
        answer.json["message"] == "The database isn't set up correctly for this service"
    )
    either.works()


# What a server answers to a client that connects.


def test_too_many_connections_are_waited_out(
    api: Api, role: Callable[[str], str]
) -> None:
    name = role("LOGIN CONNECTION LIMIT 0")
    become(api, name)

    def allow() -> None:
        eventually(lambda: api.faults)
        api.postgres.execute(f"ALTER ROLE {name} CONNECTION LIMIT 1")

    with meanwhile(allow):
        answer = api.send("create_task", json_body={"title": "new"})

    assert answer.status == 201, answer.text
    assert api.faults[0]["message"] == "the server or pooler has no connection left"


def test_too_many_connections_for_too_long(
    api: Api, role: Callable[[str], str], short_budget: None
) -> None:
    become(api, role("LOGIN CONNECTION LIMIT 0"))

    assert_unavailable(
        api,
        "the server or pooler has no connection left",
        retry_after="1",
        retried=True,
    )


REFUSED = "the server refuses the credentials in DATABASE_URL"


def test_refused_credentials_are_not_repeated(
    api: Api, role: Callable[[str], str], scram: None
) -> None:
    name = role("LOGIN PASSWORD 'right'")
    api.postgres.execute(f"GRANT needs_password TO {name}")
    become(api, f"{name}:wr0ng")

    assert_unavailable(api, REFUSED, retry_after="30", retried=False)
    assert "wr0ng" not in api.log.getvalue()
    become(api, f"{name}:right")
    api.works()


def test_a_new_password_is_read_from_the_secret_at_once(
    api: Api,
    role: Callable[[str], str],
    scram: None,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = role("LOGIN PASSWORD 'old'")
    api.postgres.execute(f"GRANT needs_password TO {name}")
    url = api.proxy.url(DATABASE)
    monkeypatch.setattr(environment, "database_url", DATABASE_URL)
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    store.put({"DATABASE_URL": url.replace("postgres@", f"{name}:old@")})
    forget_connection()
    api.works()
    api.postgres.execute(f"ALTER ROLE {name} PASSWORD 'new'")
    store.put({"DATABASE_URL": url.replace("postgres@", f"{name}:new@")})
    forget_connection()

    answer = api.send("complete_task", 1)

    assert answer.status == 404
    assert [(fault["message"], fault["again"]) for fault in api.faults] == [
        (REFUSED, True)
    ]
    assert store.reads == 2


@pytest.fixture(scope="session")
def scram(postgres: Postgres) -> None:
    """Have Postgres ask the members of a role for a password."""
    postgres.execute("CREATE ROLE needs_password")
    rules = postgres.folder / "pg_hba.conf"
    rule = "local all +needs_password scram-sha-256\n"
    rules.write_text(rule + rules.read_text())
    postgres.execute("SELECT pg_reload_conf()")
    hba = "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'scram-sha-256'"
    assert postgres.execute(hba) == [(1,)]


def test_a_role_that_may_not_log_in(api: Api, role: Callable[[str], str]) -> None:
    become(api, role("NOLOGIN"))

    assert_unavailable(api, REFUSED, retry_after="30", retried=False)


def test_a_role_without_privileges(api: Api, role: Callable[..., str]) -> None:
    become(api, role("LOGIN", privileges=False))

    assert_unavailable(
        api,
        "the role in DATABASE_URL lacks privileges",
        retry_after="30",
        retried=False,
    )


def test_a_missing_role(api: Api) -> None:
    become(api, "nobody")

    assert_unavailable(
        api,
        "the database or role in DATABASE_URL doesn't exist",
        retry_after="30",
        retried=False,
    )


def test_a_missing_database(api: Api) -> None:
    api.point(api.proxy.url("missing"))

    assert_unavailable(
        api,
        "the database or role in DATABASE_URL doesn't exist",
        retry_after="30",
        retried=False,
    )


def test_a_server_without_tls(either: Api) -> None:
    either.point(either.proxy.url(DATABASE, sslmode="require"))

    assert_unavailable(
        either,
        "this server doesn't offer TLS as DATABASE_URL requires it",
        retry_after="30",
        retried=False,
    )


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://me:s3c/ret@127.0.0.1:5432/db", "a / before the @"),
        ("postgresql://me:s3cret@host/db?sslmode=require\n", "white space"),
        ("postgresql://me:s3cret@host/db?sslmode=requrie", "bad sslmode"),
        ("postgresql://me:s3cret@host/db?pgbouncer=true", "pgbouncer"),
    ],
    ids=["slash", "line break", "bad value", "unknown parameter"],
)
def test_a_url_that_libpq_refuses_is_one_line_without_its_password(
    api: Api, url: str, reason: str
) -> None:
    api.point(url)

    answer = api.send("list_tasks")

    assert answer.status == 500
    [line] = map(json.loads, api.log.getvalue().splitlines())
    assert line["reason"].startswith("DATABASE_URL ")
    assert reason in line["reason"]
    assert line["database_ms"] < 1000
    assert "s3c" not in api.log.getvalue()


def test_a_refused_connection_is_logged_without_what_the_url_says(
    api: Api, short_budget: None
) -> None:
    api.point("postgresql://s3cretuser:s3cret@127.0.0.1:1/s3cretdb")

    answer = api.send("list_tasks")

    assert answer.status == 503
    meaning = "the connection was refused: no server listens at that host"
    assert api.faults[0]["message"] == meaning
    assert "s3cret" not in api.log.getvalue()


# What PgBouncer answers.


def test_options_that_the_pooler_refuses(pooled: Api) -> None:
    pooled.point(pooled.proxy.url(DATABASE, options="-c%20geqo%3Doff"))

    assert_unavailable(
        pooled,
        "the server or pooler refuses what DATABASE_URL asks for",
        retry_after="30",
        retried=False,
    )


def connection(url: str) -> psycopg.Connection | None:
    """Return a connection, or None while another client has the only place.

    The check that the pooler has started has it for a moment.
    """
    try:
        return psycopg.connect(url)
    except psycopg.OperationalError:
        return None


def test_a_pooler_without_places_for_clients(
    api: Api, pooler: Callable[..., str], short_budget: None
) -> None:
    url = pooler(max_client_conn=1)
    api.point(url)

    with eventually(lambda: connection(url)):
        assert_unavailable(
            api,
            "the server or pooler has no connection left",
            retry_after="1",
            retried=True,
        )
    eventually(lambda: api.send("list_tasks").status == 200)


def test_a_pooler_without_servers_left(api: Api, pooler: Callable[..., str]) -> None:
    url = pooler(default_pool_size=1, query_wait_timeout=1)
    id = api.create()["id"]
    api.point(url)

    with psycopg.connect(url) as hog:
        hog.execute("SELECT 1")

        def leave() -> None:
            eventually(lambda: api.faults)
            hog.rollback()

        with meanwhile(leave):
            answer = api.send("complete_task", id)

    assert answer.status == 200, answer.text
    assert api.rows()[id] == ("Buy groceries", True, 2)
    assert {fault["message"] for fault in api.faults} == {
        "the server or pooler has no connection left"
    }


def test_a_pooler_that_refuses_the_password(
    api: Api, pooler: Callable[..., str], folder: Path
) -> None:
    users = folder / "users"
    users.write_text('"postgres" "right"\n')
    users.chmod(0o644)
    url = pooler(auth_type="md5", auth_file=users)
    api.point(url.replace("postgres@", "postgres:wr0ng@"))

    assert_unavailable(api, REFUSED, retry_after="30", retried=False)
    assert "wr0ng" not in api.log.getvalue()


def test_a_pooler_that_cannot_reach_postgres(pooled: Api, short_budget: None) -> None:
    id = pooled.create()["id"]
    pooled.postgres.stop()
    try:
        answer = pooled.send("complete_task", id)
    finally:
        pooled.postgres.start()

    assert answer.status == 503, answer.text
    assert pooled.rows()[id] == ("Buy groceries", False, 1)
    eventually(lambda: pooled.send("list_tasks").status == 200)
