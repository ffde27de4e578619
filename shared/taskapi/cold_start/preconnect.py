"""Connect to the database, and fetch keys, while Python imports the rest.

A function imports this module before any other. Opening a connection takes several
round trips, and importing FastAPI takes about as long without using the network.
"""

from taskapi.cold_start import prefetch_secret

# isort: split
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from taskapi.cold_start.init_phase import FROM_SNAPSHOT, START
from taskapi import time_budget
from taskapi.auth.pyjwt import hmac_sha256
from taskapi.auth.signatures import signatures_for
from taskapi.cold_start import dataclass_code  # noqa: F401
from taskapi.postgres import connection
from taskapi.settings.better_auth import better_auth, has_jwks_variable
from taskapi.single_flight import wait_for


def start(reading: Future[Mapping[str, str]] | None) -> Callable[[], None]:
    """Begin to connect and to fetch keys; return a function that waits for both.

    reading: the secret; None if there is none. A failure isn't reported here: the first
    request reports it. Everything gives up after the time of one request (time_budget),
    less than the 10 s of Lambda's init phase.
    """
    pool = ThreadPoolExecutor(max_workers=2)

    def has_settings() -> bool:
        """Wait for the secret; return whether it could be read."""
        if reading is None:
            return True
        done = wait_for(reading, time_budget.remaining())
        return done is not None and done.exception() is None

    def connect() -> None:
        if has_settings():
            connection.connect_early()

    def prefetch_keys() -> None:
        if has_settings():
            signatures_for(better_auth()).prefetch_keys()

    pool.submit(connect)
    import_algorithms()
    pool.submit(prefetch_keys)

    def finish() -> None:
        pool.shutdown()
        time_budget.end()

    return finish


def import_algorithms() -> None:
    """Import what checks signatures, as far as the variables tell which that is.

    The threads would import it otherwise: two threads that import take Python's lock
    from each other all the time.
    """
    if has_jwks_variable():
        import taskapi.auth.key_set  # noqa: F401
    hmac_sha256()


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
