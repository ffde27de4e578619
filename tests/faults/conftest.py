"""A Postgres for these tests, a PgBouncer, and a proxy in front of each."""

import io
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from local.direct import SECRET
from local.servers import PGBOUNCER, PgBouncer, Postgres, running_postgres
from taskapi import time_budget
from taskapi.postgres import connection, query
from taskapi.postgres.connection import ATTEMPT_TIMEOUT, CANCEL_TIMEOUT
from taskapi.postgres.migrate import migrate
from taskapi.settings import environment
from tests.support.api import Client
from tests.support.connections import forget_connection
from tests.support.faults import DATABASE, Api
from tests.support.proxy import Proxy


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Return a folder for servers.

    It isn't in pytest's folder, which only root can read if root runs the tests: the
    servers don't run as root.
    """
    with TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Iterator[Postgres]:
    with running_postgres(folder / "postgres") as server:
        server.execute(f"CREATE DATABASE {DATABASE}")
        migrate(server.url(DATABASE))
        yield server


@pytest.fixture(scope="session")
def pgbouncer(postgres: Postgres, folder: Path) -> Iterator[PgBouncer]:
    if not PGBOUNCER and not os.environ.get("CI"):
        pytest.skip("PgBouncer isn't installed: apt-get install pgbouncer")
    server = PgBouncer(folder / "pgbouncer", postgres)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def direct_proxy(postgres: Postgres) -> Iterator[Proxy]:
    with Proxy(postgres.socket) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def pooled_proxy(pgbouncer: PgBouncer) -> Iterator[Proxy]:
    with Proxy(pgbouncer.socket) as proxy:
        yield proxy


@pytest.fixture
def api_on(
    postgres: Postgres, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Proxy], Api]]:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)
    monkeypatch.setattr(environment, "database_url", environment.database_url)
    monkeypatch.setattr(query, "FIRST_PAUSE", query.FIRST_PAUSE / 10)

    def build(proxy: Proxy) -> Api:
        proxy.reset()
        api = Api(Client(f"auth0|{uuid.uuid4().hex}"), postgres, proxy, log)
        api.point(proxy.url(DATABASE))
        return api

    yield build
    forget_connection()


@pytest.fixture
def api(api_on: Callable[[Proxy], Api], direct_proxy: Proxy) -> Iterator[Api]:
    """Return the functions on Postgres itself."""
    yield api_on(direct_proxy)
    direct_proxy.reset()
    direct_proxy.accept()


@pytest.fixture
def pooled(api_on: Callable[[Proxy], Api], pooled_proxy: Proxy) -> Iterator[Api]:
    """Return the functions on PgBouncer."""
    yield api_on(pooled_proxy)
    pooled_proxy.reset()
    pooled_proxy.accept()


@pytest.fixture(params=["api", "pooled"], ids=["direct", "pooled"])
def either(request: pytest.FixtureRequest) -> Api:
    """Return the functions on Postgres itself, then on PgBouncer."""
    api: Api = request.getfixturevalue(request.param)
    return api


@pytest.fixture
def short_attempts(monkeypatch: pytest.MonkeyPatch) -> float:
    """Make the timeout of an attempt ten times shorter, and return it."""
    timeout = ATTEMPT_TIMEOUT / 10
    monkeypatch.setattr(query, "ATTEMPT_TIMEOUT", timeout)
    return timeout


@pytest.fixture
def short_budget(short_attempts: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the whole time budget ten times shorter, except for cancelling."""
    statement = time_budget.REQUEST_TIMEOUT - CANCEL_TIMEOUT
    budget = statement / 10 + CANCEL_TIMEOUT
    monkeypatch.setattr(time_budget, "REQUEST_TIMEOUT", budget)


@pytest.fixture
def cancelling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a cancellation as much time as a busy machine needs."""
    for module in (connection, query):
        monkeypatch.setattr(module, "CANCEL_TIMEOUT", CANCEL_TIMEOUT + 30.0)
    longer = time_budget.REQUEST_TIMEOUT + 30.0
    monkeypatch.setattr(time_budget, "REQUEST_TIMEOUT", longer)


@pytest.fixture
def role(postgres: Postgres) -> Iterator[Callable[[str], str]]:
    """Return a function that creates a role with some options, and returns its name."""
    made: list[str] = []

    def make(options: str = "LOGIN", *, privileges: bool = True) -> str:
        name = f"role_{len(made)}"
        made.append(name)
        postgres.execute(f"CREATE ROLE {name} {options}", DATABASE)
        if privileges:
            postgres.execute(f"GRANT pg_read_all_data, pg_write_all_data TO {name}")
            postgres.execute(
                f"GRANT USAGE ON SEQUENCE tasks_id_seq TO {name}", DATABASE
            )
        return name

    yield make
    for name in made:
        postgres.execute(f"DROP OWNED BY {name}", DATABASE)
        postgres.execute(f"DROP ROLE {name}")


@pytest.fixture
def pooler(postgres: Postgres, pgbouncer: PgBouncer) -> Iterator[Callable[..., str]]:
    """Return a function that starts another PgBouncer, and returns its URL."""
    started: list[PgBouncer] = []

    def start(**settings: object) -> str:
        folder = pgbouncer.folder.parent / f"another-{len(started)}"
        another = PgBouncer(folder, postgres, **settings)
        another.start()
        started.append(another)
        return another.url(DATABASE)

    yield start
    for another in started:
        another.stop()
        another.remove()
