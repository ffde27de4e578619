"""The secret is read in the init phase, before Python imports other packages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.direct import SECRET
from local.waiting import eventually
from tests.support.auth_settings import auth_settings
from tests.support.init_phase import deployed, run
from tests.support.jwks import Jwks
from tests.support.secret_store import Store


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """Serve a secret with the settings of a deployed function."""
    with Store().serving() as store:
        store.put({"DATABASE_URL": database, "BETTER_AUTH_SECRET": SECRET})
        yield store


def test_connects_to_secrets_manager_before_tls_is_imported(store: Store) -> None:
    told = run(
        """
from taskapi import tcp
dial = tcp.dial
def record(*address):
    told["imported"] = sorted({"http.client", "ssl"} & set(sys.modules))
    dial(*address)
tcp.dial = record
import app
told["unused"] = len(tcp._dialled)
""",
        **deployed(store),
    )

    assert told == {"imported": [], "unused": 0}
    assert store.reads == 1


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
