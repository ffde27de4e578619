"""What a cold start does first: it connects while Python imports the rest.

Opening a connection takes several round trips, and importing FastAPI takes about as
long without using the network. So each function imports this module first of all, and
waits for it last (`wait_until_connected`): no freeze falls into a handshake.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from taskapi.cold_start.init_phase import FROM_SNAPSHOT, START
from taskapi import secret, settings, time_budget
from taskapi.auth import tokens
from taskapi.errors import SettingsError
from taskapi.postgres import connection as db

INIT_TIMEOUT = 10.0
"""Seconds that Lambda gives the init phase, and what comes after a restore."""


def start() -> Callable[[], None]:
    """Begin to connect, and to fetch keys beside that; return what waits for both.

    Failures aren't reported here: the first request meets them again. All of it has
    the time of one request, which is less than the 10 s of Lambda's init phase:
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """
    time_budget.start(INIT_TIMEOUT)
    pool = ThreadPoolExecutor(max_workers=2)
    reading = pool.submit(secret.held.values, patience=0.0)

    def connect() -> None:
        if reading.exception() is None:
            db.connect_early()

    pool.submit(connect)
    # This imports PyJWT, and not in the pool: two threads that import take Python's
    # lock from each other all the time, and two that wait for the network do not.
    if reading.exception() is None:
        with suppress(SettingsError):
            pool.submit(tokens.signatures(settings.better_auth()).prepare)

    def finish() -> None:
        pool.shutdown()
        time_budget.end()

    return finish


wait = start() if START and not FROM_SNAPSHOT else None


def wait_until_connected() -> None:
    """Wait until the connection is there or has failed.

    A snapshot is restored many times, so it holds neither a connection nor a setting,
    and nothing random: all that comes after it is restored. What any token may need
    is imported before.
    """
    if FROM_SNAPSHOT:
        from snapshot_restore_py import register_after_restore

        import taskapi.auth.jwks
        import taskapi.auth.signatures  # noqa: F401

        register_after_restore(lambda: start()())
    elif wait:
        wait()
