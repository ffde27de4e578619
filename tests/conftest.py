"""A real Postgres for all tests, with a database for each worker."""

import io
import math
import os
import shutil
import tempfile
import textwrap
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.direct import SECRET
from local.postgres import embedded_postgres_url
from taskapi.log import logger
from taskapi.postgres.migrate import migrate
from taskapi.settings import secret, secrets_manager
from tests.support.api import API_URL, Client
from tests.support.clock import Clock
from tests.support.connections import forget_connection
from tests.support.secret_store import AWS_ENVIRONMENT, NAMES, Store


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """With API_URL, leave out tests that look into a function's process."""
    if API_URL:
        inside = {"log", "monkeypatch", "clock", "store", "new_database"}
        within = [i for i in items if inside & set(getattr(i, "fixturenames", ()))]
        config.hook.pytest_deselected(items=within)
        items[:] = [item for item in items if item not in within]


def pytest_make_parametrize_id(val: object) -> str | None:
    """Return an id that shows a case's value; pytest would only count."""
    if isinstance(val, dict | list | tuple):
        return textwrap.shorten(ascii(val), 60, placeholder="…")
    if isinstance(val, str) and len(val) > 100:
        return f"{val[:20]!a} and so on, {len(val)} characters"
    return None


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for this run, shared by all its workers."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def server(testrun_uid: str) -> Iterator[str]:
    """Return the URL of a server that all workers share.

    Its folder isn't in pytest's, which only the user that runs pytest can read:
    Postgres doesn't run as root.
    """
    folder = Path(tempfile.gettempdir()) / f"taskapi-{testrun_uid}"
    with embedded_postgres_url(folder / "postgres") as url:
        yield url
    if not (folder / "postgres" / "postmaster.pid").exists():
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_database(server: str) -> Iterator[str]:
    """Return the URL of an empty database."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield server.replace("/postgres?", f"/{name}?")
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of this worker's database, migrated."""
    if API_URL:
        yield os.environ["DATABASE_URL"]
        return
    server: str = request.getfixturevalue("server")
    name = f"worker_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    url = server.replace("/postgres?", f"/{name}?")
    migrate(url)
    os.environ["DATABASE_URL"] = url
    os.environ["BETTER_AUTH_SECRET"] = SECRET
    yield url
    forget_connection()


@pytest.fixture
def user(database: str) -> Client:
    """Return a user that no other test uses."""
    return Client(f"auth0|{uuid.uuid4().hex}")


@pytest.fixture
def other(database: str) -> Client:
    """Return another user."""
    return Client(f"auth0|{uuid.uuid4().hex}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what the functions log from now on: a line of JSON for each request."""
    stream = io.StringIO()
    monkeypatch.setattr(logger.handlers[0], "stream", stream)
    return stream


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Remove all settings and the cached secret; return the secret's clock."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    clock = Clock()
    monkeypatch.setattr(secret, "settings_secret", secret.Secret(clock))
    return clock


@pytest.fixture
def store(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Return a new secret, which SECRET_ARN names."""
    with Store().serving() as store:
        for name, value in AWS_ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SECRET_ARN", store.arn)
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", store.origin)
        # A test that wants retries has none of their pauses.
        monkeypatch.setattr(secrets_manager, "backoff", lambda attempt: math.inf)
        yield store
