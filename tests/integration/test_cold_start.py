"""The init phase of a Lambda: what it opens, waits for, and leaves behind.

Each test is a process of its own, which imports a function as Lambda does.
"""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.direct import ROUTES, SECRET, event, token
from local.waiting import eventually
from tests.support.auth_settings import auth_settings
from tests.support.container import Container
from tests.support.jwks import Jwks
from tests.support.project import ROOT
from tests.support.secret_store import Store
from tests.support.tokens import key

BEFORE = """
import json, os, sys, threading
sys.path.insert(0, "functions/list_tasks")
from types import SimpleNamespace
CONTEXT = SimpleNamespace(
    aws_request_id="r", get_remaining_time_in_millis=lambda: 10_000
)
EVENT = json.loads(sys.argv[1])
told = {}
"""
AFTER = """
print(json.dumps(told))
"""


@pytest.fixture
def jwks() -> Iterator[Jwks]:
    """Serve one key, of the default algorithm."""
    with Jwks().serving() as server:
        server.keys = [key("EdDSA").jwk()]
        yield server


def run(script: str, start: str | None = "on-demand", **environment: str) -> Any:
    """Return what a script tells that runs as a Lambda starts it so."""
    user = "alice"
    sent = event(
        ROUTES["list_tasks"],
        path={"user_id": user},
        headers={"authorization": environment.pop("token", f"Bearer {token(user)}")},
    )
    settings = {"BETTER_AUTH_SECRET": SECRET, **environment}
    if start:
        settings["AWS_LAMBDA_INITIALIZATION_TYPE"] = start
    done = subprocess.run(
        [sys.executable, "-c", BEFORE + script + AFTER, json.dumps(sent)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'shared'}", **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_connects_before_powertools_and_the_framework_are_imported(
    database: str,
) -> None:
    told = run(
        """
from concurrent.futures import ThreadPoolExecutor
from taskapi.postgres import connection
packages = {"aws_lambda_powertools", "fastapi"}
submit = ThreadPoolExecutor.submit
def record(pool, work, *arguments):
    if connection.connect_early in arguments:
        told["before"] = sorted(packages & set(sys.modules))
    return submit(pool, work, *arguments)
ThreadPoolExecutor.submit = record
import app
told["after"] = sorted(packages & set(sys.modules))
told["status"] = app.handler(EVENT, CONTEXT)["statusCode"]
""",
        DATABASE_URL=database,
    )

    both = ["aws_lambda_powertools", "fastapi"]
    assert told == {"before": [], "after": both, "status": 200}


def test_the_key_for_pseudonyms_is_made_in_the_init_phase(
    database: str, jwks: Jwks
) -> None:
    told = run(
        """
import app
from taskapi.auth import pseudonym
told["made"] = pseudonym.key_from_database_url.cache_info().currsize
""",
        DATABASE_URL=database,
        BETTER_AUTH_SECRET="",
        **auth_settings("JWKS alone", jwks.url),
    )

    assert told == {"made": 1}


def test_the_first_request_takes_that_connection(database: str) -> None:
    name = uuid.uuid4().hex
    told = run(
        """
import app, psycopg
def connections():
    with psycopg.connect(os.environ["DATABASE_URL"].partition("&")[0]) as other:
        return [pid for pid, in other.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s",
            [os.environ["NAME"]])]
told["init"] = connections()
told["status"] = app.handler(EVENT, CONTEXT)["statusCode"]
told["request"] = connections()
""",
        DATABASE_URL=f"{database}&application_name={name}",
        NAME=name,
    )

    assert len(told["init"]) == 1
    assert told == {"init": told["init"], "status": 200, "request": told["init"]}


@pytest.mark.parametrize("slow", ["connection.connect", "jwks.fetch_document"])
def test_the_init_phase_is_not_over_before_both_are_there(
    database: str, jwks: Jwks, slow: str
) -> None:
    told = run(
        f"""
import time
from taskapi import time_budget
from taskapi.postgres import connection
from taskapi.auth import jwks
# Nothing gives up on a busy machine.
time_budget.start = lambda remaining: None
time_budget.REQUEST_TIMEOUT = connection.ATTEMPT_TIMEOUT = jwks.TIMEOUT = 300.0
quick = {slow}
main = threading.main_thread().ident
def slow(argument):
    # Until the main thread has nothing else to do.
    while True:
        frame = sys._current_frames()[main]
        while frame and frame.f_code.co_name != "wait_until_connected":
            frame = frame.f_back
        if frame:
            there = quick(argument)
            told["slow"] = "there"
            return there
        time.sleep(0.001)  # gives way to the imports
{slow} = slow
import app
told = told | {{"connected": connection._idle is not None}}
""",
        DATABASE_URL=database,
        **auth_settings("JWKS alone", jwks.url),
    )

    assert told == {"slow": "there", "connected": True}
    assert jwks.fetches == 1


def test_keys_are_fetched_beside_connecting(database: str, jwks: Jwks) -> None:
    told = run(
        """
from taskapi.postgres import connection
from taskapi.auth import jwks
both = threading.Barrier(2, timeout=60)
connect, fetch = connection.connect, jwks.fetch_document
connection.connect = lambda deadline: [both.wait(), connect(deadline)][1]
jwks.fetch_document = lambda url: [both.wait(), fetch(url)][1]
import app
told["connected"] = connection._idle is not None
told["status"] = app.handler(EVENT, CONTEXT)["statusCode"]
""",
        DATABASE_URL=database,
        token=f"Bearer {key('EdDSA').token()}",
        **auth_settings("JWKS alone", jwks.url),
    )

    assert told == {"connected": True, "status": 200}
    assert jwks.fetches == 1


@pytest.mark.parametrize("kind", ["HS256 alone", "JWKS alone"])
def test_threads_wait_for_the_network_and_import_nothing(
    database: str, jwks: Jwks, kind: str
) -> None:
    told = run(
        """
told["imported"] = []
class Finder:
    def find_spec(name, path=None, target=None):
        ours = name.partition(".")[0] not in sys.stdlib_module_names
        if ours and threading.current_thread() is not threading.main_thread():
            told["imported"].append(name)
sys.meta_path.insert(0, Finder)
import app
from taskapi.auth.signatures import signatures_for
told["signatures"] = signatures_for.cache_info().currsize
""",
        DATABASE_URL=database,
        **auth_settings(kind, jwks.url),
    )

    assert told == {"imported": [], "signatures": 1}


# The secret


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Serve a secret with the settings of a deployed function."""
    with Store().serving() as store:
        store.put({"DATABASE_URL": database, "BETTER_AUTH_SECRET": SECRET})
        yield store


def deployed(store: Store, **environment: str) -> dict[str, str]:
    """Return the environment of a function that reads its settings from the store."""
    return {
        "SECRET_ARN": store.arn,
        "AWS_ENDPOINT_URL": store.origin,
        "BETTER_AUTH_SECRET": "",
        **store.keys,
        **environment,
    }


def test_asks_for_the_secret_before_other_packages_are_imported(store: Store) -> None:
    told = run(
        """
class Finder:
    def find_spec(name, path=None, target=None):
        ours = {"app", "taskapi", "awslambdaric", *sys.stdlib_module_names}
        if name.partition(".")[0] not in ours and "reads" not in told:
            from taskapi.settings import secret
            told["reads"] = secret.settings_secret._flight._running is not None
sys.meta_path.insert(0, Finder)
import app
from taskapi.postgres import connection
told["connected"] = connection._idle is not None
told["status"] = app.handler(EVENT, CONTEXT)["statusCode"]
""",
        **deployed(store),
    )

    assert told == {"reads": True, "connected": True, "status": 200}
    assert store.reads == 1


def test_imports_go_on_while_the_secret_is_read(store: Store, tmp_path: Path) -> None:
    imported = tmp_path / "imported"
    store.before_answering = lambda: eventually(imported.exists, 60)

    told = run(
        """
import pathlib
class Finder:
    def find_spec(name, path=None, target=None):
        if name == "fastapi":
            pathlib.Path(os.environ["IMPORTED"]).touch()
sys.meta_path.insert(0, Finder)
# Nothing gives up on a busy machine.
from taskapi import time_budget
from taskapi.settings import secret, secrets_manager
time_budget.start = lambda remaining: None
time_budget.REQUEST_TIMEOUT = 300.0
secret.FIRST_TIMEOUT = secrets_manager.ATTEMPT_TIMEOUT = 300.0
import app
from taskapi.postgres import connection
told["connected"] = connection._idle is not None
""",
        **deployed(store, IMPORTED=str(imported)),
    )

    assert told == {"connected": True}


@pytest.mark.parametrize("kind", ["HS256", "JWKS"])
def test_reading_the_secret_imports_nothing(
    store: Store, database: str, jwks: Jwks, kind: str
) -> None:
    settings = {"BETTER_AUTH_URL": ""}
    if kind == "JWKS":
        store.put({"DATABASE_URL": database})
        settings = auth_settings("JWKS alone", jwks.url)

    told = run(
        """
told["imported"] = []
class Finder:
    def find_spec(name, path=None, target=None):
        if threading.current_thread() is not threading.main_thread():
            told["imported"].append(name)
sys.meta_path.insert(0, Finder)
import app
from taskapi.auth.signatures import signatures_for
from taskapi.postgres import connection
told["signatures"] = signatures_for.cache_info().currsize
told["connected"] = connection._idle is not None
""",
        **deployed(store, **settings),
    )

    assert told == {"imported": [], "signatures": 1, "connected": True}
    assert jwks.fetches == (kind == "JWKS")


def test_each_copy_of_a_snapshot_reads_the_secret_with_new_credentials(
    store: Store,
) -> None:
    with Container(store.keys).serving() as container:
        none = dict.fromkeys(store.keys, "")
        told = run(
            RESTORED_TWICE,
            start="snap-start",
            **deployed(store, **none, **container.environment),
        )

    assert told["settings"] is None
    assert [status for *_, status in told["copies"]] == [200, 200]
    assert store.reads == len(container.authorization) == 2


def test_throttling_in_the_init_phase_only_delays_it(store: Store) -> None:
    store.fail(*["ThrottlingException"] * 3)

    def repair() -> None:
        if store.reads > 3:
            store.repair()

    store.before_answering = repair

    told = run(
        """
import app
from taskapi.postgres import connection
told["connected"] = connection._idle is not None
told["status"] = app.handler(EVENT, CONTEXT)["statusCode"]
""",
        **deployed(store),
    )

    assert told == {"connected": True, "status": 200}
    assert store.reads == 4


def test_throttling_until_the_first_request_is_no_error(
    store: Store, tmp_path: Path
) -> None:
    over = tmp_path / "over"
    store.fail("ThrottlingException")

    def throttle_once_more() -> None:
        if over.exists():
            store.fail("ThrottlingException", "")
            store.before_answering = store.repair

    store.before_answering = throttle_once_more

    told = run(
        """
import pathlib
from taskapi.settings import secret
timeout, secret.FIRST_TIMEOUT = secret.FIRST_TIMEOUT, 0.2
import app
from taskapi.postgres import connection
told["connected"] = connection._idle is not None
secret.FIRST_TIMEOUT = timeout
pathlib.Path(os.environ["OVER"]).touch()
told["status"] = app.handler(EVENT, CONTEXT)["statusCode"]
""",
        **deployed(store, OVER=str(over)),
    )

    assert told == {"connected": False, "status": 200}


FAIL = """
from taskapi.postgres import connection, query
# Two attempts.
query.backoff = lambda attempt: 0.0 if attempt == 1 else 60.0
import app
answer = app.handler(EVENT, CONTEXT)
told["status"], told["body"] = answer["statusCode"], json.loads(answer["body"])
"""


def test_a_failure_is_reported_by_the_first_request() -> None:
    told = run(FAIL, DATABASE_URL="postgresql://user@127.0.0.1:9/db")

    assert told["status"] == 503
    assert told["body"]["message"] == "The database can't be reached"


@pytest.mark.parametrize(
    "broken", ["connection.connect", "secrets_manager.fetch_secret"]
)
def test_a_bug_is_reported_by_the_first_request(database: str, broken: str) -> None:
    told = run(
        f"""
from taskapi.settings import secrets_manager
from taskapi.postgres import connection
def bug(*args):
    raise RuntimeError
secrets_manager.fetch_secret = lambda *_: {{}}
{broken} = bug
"""
        + FAIL,
        DATABASE_URL=database,
        SECRET_ARN="arn:…",
    )

    assert (told["status"], told["body"]["error"]) == (500, "internal_error")


def test_the_early_failure_is_that_requests_first_attempt() -> None:
    told = run(
        """
import io
from taskapi.log import logger
logger.handlers[0].stream = log = io.StringIO()
"""
        + FAIL
        + "told['attempts'] = [json.loads(line).get('attempt')"
        " for line in log.getvalue().splitlines()]",
        DATABASE_URL="postgresql://user@127.0.0.1:9/db",
    )

    # The last line is the request's own.
    assert told["attempts"] == [1, 2, None]


def test_a_missing_setting_is_reported_by_the_first_request() -> None:
    told = run(FAIL)

    assert (told["status"], told["body"]["error"]) == (500, "internal_error")


def test_opens_nothing_where_this_is_no_lambda(database: str) -> None:
    told = run(
        """
import app
from taskapi.postgres import connection
told["threads"] = threading.active_count()
told["connected"] = connection._idle is not None
""",
        start=None,
        DATABASE_URL=database,
    )

    assert told == {"threads": 1, "connected": False}


@pytest.mark.parametrize("start", ["on-demand", "provisioned-concurrency"])
def test_leaves_the_interpreter_as_it_was(database: str, start: str) -> None:
    told = run(
        """
import dataclasses, gc
interval = sys.getswitchinterval()
import app
from pydantic import BaseModel
from fastapi.openapi.models import OpenAPI
told["interval"] = sys.getswitchinterval() == interval
told["collects"], told["frozen"] = gc.isenabled(), gc.get_freeze_count() > 10_000
told["config"] = dict(BaseModel.model_config)
told["built"] = OpenAPI.__pydantic_complete__
told["exec"] = "exec" in vars(dataclasses)
""",
        start=start,
        DATABASE_URL=database,
    )

    assert told == {
        "interval": True,
        "collects": True,
        "frozen": True,
        "config": {},
        "built": False,
        "exec": False,
    }


@pytest.mark.parametrize("start", ["on-demand", "snap-start"])
def test_time_zones_and_plugins_are_what_they_are_elsewhere(
    database: str, start: str
) -> None:
    told = run(
        """
import zoneinfo
before, path = dict(os.environ), zoneinfo.TZPATH
import app
told["environment"] = dict(os.environ) == before
zoneinfo.reset_tzpath()
told["path"] = zoneinfo.TZPATH == path
told["berlin"] = bool(path) and str(zoneinfo.ZoneInfo("Europe/Berlin"))
""",
        start=start,
        DATABASE_URL=database,
    )

    assert told["environment"]
    assert told["path"]
    assert told["berlin"] == "Europe/Berlin"


def test_collects_no_garbage_in_the_init_phase(database: str) -> None:
    told = run(
        """
import gc
class Finder:
    def find_spec(name, path=None, target=None):
        if name == "fastapi":
            told["collects"] = gc.isenabled()
sys.meta_path.insert(0, Finder)
import app
""",
        DATABASE_URL=database,
    )

    assert told == {"collects": False}


def test_an_old_failure_is_not_the_first_requests() -> None:
    told = run(
        """
import app
from taskapi import time_budget
from taskapi.postgres import connection
failure, connect, real = connection._failure, connection.connect, time_budget.clock
def counted(deadline):
    connects.append(deadline)
    return connect(deadline)
connection.connect = counted
time_budget.REQUEST_TIMEOUT = 0.0
connection.INIT_FAILURE_TTL = 1000.0
for seconds in (0, 1000, 3600):
    connects, connection._failure = [], failure
    time_budget.clock = lambda: real() + seconds
    told[seconds] = app.handler(EVENT, CONTEXT)["statusCode"], len(connects)
""",
        start="provisioned-concurrency",
        DATABASE_URL="postgresql://user@127.0.0.1:9/db",
    )

    assert told == {"0": [503, 0], "1000": [503, 1], "3600": [503, 1]}


@pytest.mark.parametrize(
    ("seconds", "fetches"), [(0, 1), (1000, 2)], ids=["young", "old"]
)
def test_keys_that_were_not_there_are_fetched_again_where_that_is_old(
    database: str, jwks: Jwks, seconds: int, fetches: int
) -> None:
    jwks.status = 500
    told = run(
        f"""
import time
real = time.monotonic
from taskapi.auth import key_set
from taskapi.auth.signatures import signatures_for
from taskapi.settings.better_auth import better_auth
key_set.FAILURE_COOL_DOWN = key_set.COOL_DOWN = 1000.0
import app
signatures_for(better_auth())._keys._clock = lambda: real() + {seconds}
told["status"] = app.handler(EVENT, CONTEXT)["statusCode"]
""",
        start="provisioned-concurrency",
        DATABASE_URL=database,
        token=f"Bearer {key('EdDSA').token()}",
        **auth_settings("JWKS alone", jwks.url),
    )

    assert told == {"status": 503}
    assert jwks.fetches == fetches


def test_what_was_deferred_still_works(database: str) -> None:
    told = run(
        """
import app
app.app.openapi_version
told["routes"] = list(app.app.openapi()["paths"])
""",
        DATABASE_URL=database,
    )

    assert told == {"routes": ["/api/{user_id}/tasks"]}


# A snapshot

RESTORED_TWICE = """
import app, snapshot_restore_py
from taskapi.settings import secret
from taskapi.postgres import connection, query
told["connected"] = connection._idle is not None
told["settings"] = secret.settings_secret._values
told["imported"] = {"cryptography", "taskapi.auth.jwks", "jwt"} <= set(sys.modules)
told["threads"] = threading.active_count()
copies = []
for _ in range(2):
    reading, writing = os.pipe()
    if not os.fork():
        for hook, args, kwargs in snapshot_restore_py.get_after_restore():
            hook(*args, **kwargs)
        [(backend,)] = query.query("SELECT pg_backend_pid()", {})
        answer = app.handler(EVENT, CONTEXT)["statusCode"]
        copy = [backend, query.rng.random(), answer]
        os.write(writing, json.dumps(copy).encode())
        os._exit(0)
    os.wait()
    copies.append(json.loads(os.read(reading, 1000)))
told["copies"] = copies
"""


def test_two_copies_of_a_snapshot_share_nothing(database: str) -> None:
    told = run(RESTORED_TWICE, start="snap-start", DATABASE_URL=database)

    (one, chance, status), (other, other_chance, other_status) = told.pop("copies")
    assert told == {
        "connected": False,
        "settings": None,
        "imported": True,
        "threads": 1,
    }
    assert one != other
    assert chance != other_chance
    assert status == other_status == 200


def test_each_copy_of_a_snapshot_fetches_the_keys(database: str, jwks: Jwks) -> None:
    told = run(
        RESTORED_TWICE,
        start="snap-start",
        DATABASE_URL=database,
        token=f"Bearer {key('EdDSA').token()}",
        **auth_settings("JWKS alone", jwks.url),
    )

    assert [status for *_, status in told["copies"]] == [200, 200]
    # One before the snapshot would be one more, or one less.
    assert jwks.fetches == 2


def test_a_restored_copy_has_the_secret_from_after_the_snapshot(
    database: str,
) -> None:
    told = run(
        """
import app, snapshot_restore_py
os.environ["DATABASE_URL"] = os.environ["LATE"]
for hook, args, kwargs in snapshot_restore_py.get_after_restore():
    hook(*args, **kwargs)
from taskapi.postgres import connection
told["connected"] = connection._idle is not None
told["status"] = app.handler(EVENT, CONTEXT)["statusCode"]
""",
        start="snap-start",
        LATE=database,
    )

    assert told == {"connected": True, "status": 200}
