"""Connect to the database, and fetch keys, while Python imports the rest.

A function imports this module before any other. Opening a connection takes several
round trips, and importing Powertools and FastAPI takes about as long without using the
network.
"""

from taskapi.cold_start import prefetch_secret

# isort: split
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from taskapi.cold_start.init_phase import FROM_SNAPSHOT, START
from taskapi import time_budget
from taskapi.cold_start import dataclass_code  # noqa: F401
from taskapi.postgres import connection
from taskapi.single_flight import wait_for


def start(reading: Future[Mapping[str, str]] | None) -> Callable[[], None]:
    """Begin to connect and to fetch keys; return a function that waits for both.

    reading: the secret; None if there is none. A failure isn't reported here: the first
    request reports it. Everything gives up after the time of one request (time_budget),
    less than the 10 s of Lambda's init phase.
    """
    pool = ThreadPoolExecutor(max_workers=2)

    def with_settings(work: Callable[[], None]) -> None:
        """Wait for the secret, and call work if it could be read."""
        done = reading and wait_for(reading, time_budget.remaining())
        if reading is None or (done and done.exception() is None):
            work()

    pool.submit(with_settings, connection.connect_early)
    pool.submit(with_settings, import_auth())

    def finish() -> None:
        pool.shutdown()
        time_budget.end()

    return finish


def import_auth() -> Callable[[], None]:
    """Import the logger and what checks tokens; return a function that gets the keys.

    The variables tell which algorithms it imports, as far as they can. A thread would
    import the others: two threads that import take Python's lock from each other all
    the time.
    """
    from taskapi.auth.pseudonym import pseudonym_key
    from taskapi.auth.pyjwt import hmac_sha256
    from taskapi.auth.signatures import signatures_for
    from taskapi.settings.better_auth import better_auth, has_jwks_variable

    if has_jwks_variable():
        import taskapi.auth.key_set  # noqa: F401
    hmac_sha256()

    def get_keys() -> None:
        signatures_for(better_auth()).prefetch_keys()
        pseudonym_key()

    return get_keys


wait = start(prefetch_secret.reading) if START and not FROM_SNAPSHOT else None


def wait_until_connected() -> None:
    """Wait until connecting has ended, so that Lambda can't freeze it halfway.

    A snapshot is restored many times, so it must hold no connection, no setting and no
    random number: connecting begins after the restore. The modules that any token may
    need are imported before.
    """
    if FROM_SNAPSHOT:
        from snapshot_restore_py import register_after_restore

        import taskapi.auth.key_set
        import taskapi.auth.verify  # noqa: F401

        register_after_restore(lambda: start(prefetch_secret.prefetch())())
    elif wait:
        wait()
