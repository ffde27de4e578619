"""Connect to the database, and fetch keys, while Python imports the rest.

A function imports this module before any other. Opening a connection takes several
round trips, and importing FastAPI takes about as long without using the network.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from taskapi.cold_start.init_phase import FROM_SNAPSHOT, START
from taskapi import time_budget
from taskapi.auth.signatures import signatures_for
from taskapi.errors import SettingsError
from taskapi.postgres import connection
from taskapi.settings import secret
from taskapi.settings.better_auth import better_auth

INIT_TIMEOUT = 10.0
"""Seconds that Lambda gives the init phase, and the code that runs after a restore."""


def start() -> Callable[[], None]:
    """Begin to connect and to fetch keys; return a function that waits for both.

    A failure isn't reported here: the first request reports it. Both give up after the
    time of one request (time_budget), less than the 10 s of Lambda's init phase:
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """
    time_budget.start(INIT_TIMEOUT)
    pool = ThreadPoolExecutor(max_workers=2)
    reading = pool.submit(secret.settings_secret.values, extension_timeout=0.0)

    def connect() -> None:
        if reading.exception() is None:
            connection.connect_early()

    pool.submit(connect)
    # This imports PyJWT, so it isn't done in the pool: two threads that import take
    # Python's lock from each other all the time.
    if reading.exception() is None:
        with suppress(SettingsError):
            pool.submit(signatures_for(better_auth()).prefetch_keys)

    def finish() -> None:
        pool.shutdown()
        time_budget.end()

    return finish


wait = start() if START and not FROM_SNAPSHOT else None


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

        register_after_restore(lambda: start()())
    elif wait:
        wait()
