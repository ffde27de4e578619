"""The init phase of a Lambda: what it opens, waits for, and leaves behind.

Each test is a process of its own, which imports a function as Lambda does.
"""

import uuid

import pytest

from tests.support.auth_settings import auth_settings
from tests.support.init_phase import run
from tests.support.jwks import Jwks
from tests.support.tokens import key


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
