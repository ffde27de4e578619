"""SnapStart: each copy of a snapshot connects and gets its settings for itself."""

from local.direct import SECRET
from tests.support.auth_settings import auth_settings
from tests.support.container import Container
from tests.support.init_phase import deployed, run
from tests.support.jwks import Jwks
from tests.support.secret_store import Store
from tests.support.tokens import key

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


def test_each_copy_of_a_snapshot_reads_the_secret_with_new_credentials(
    database: str,
) -> None:
    with Store().serving() as store, Container(store.keys).serving() as container:
        store.put({"DATABASE_URL": database, "BETTER_AUTH_SECRET": SECRET})
        none = dict.fromkeys(store.keys, "")
        told = run(
            RESTORED_TWICE,
            start="snap-start",
            **deployed(store, **none, **container.environment),
        )

    assert told["settings"] is None
    assert [status for *_, status in told["copies"]] == [200, 200]
    assert store.reads == len(container.authorization) == 2
