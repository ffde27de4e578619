"""Many execution environments at once: processes that each serve one event."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import Any

from local.direct import ROUTES, SECRET, Answer
from taskapi import time_budget
from taskapi.errors import TooManyRequests
from taskapi.postgres import connection, query
from taskapi.postgres.faults import FAULTS, NO_READ_TURN, NO_WRITE_TURN
from tests.support.api import Client

_barrier: Barrier | None = None


class Crowd:
    """One environment for each request; all requests begin at the same moment.

    They are forked from a process that has only imported the functions and this module,
    because threads and connections of the process that runs the tests don't survive a
    fork.
    """

    def __init__(self, size: int, database: str) -> None:
        context = multiprocessing.get_context("forkserver")
        functions = [f"functions.{name}.app" for name in ROUTES]
        context.set_forkserver_preload([__name__, *functions])
        self.size = size
        self.pool = ProcessPoolExecutor(
            size, context, initialize, (context.Barrier(size), database)
        )

    def send(self, *requests: tuple[Client, str, dict[str, Any]]) -> list[Answer]:
        """Send each request from an environment of its own; return the answers."""
        assert len(requests) == self.size
        sent = [self.pool.submit(send_with_others, *request) for request in requests]
        return [answer.result(timeout=300) for answer in sent]


def be_patient() -> None:
    """Make this process wait as long as a crowd takes on a busy machine."""
    for module in (connection, query):
        module.ATTEMPT_TIMEOUT = 200.0  # type: ignore[attr-defined]
    time_budget.REQUEST_TIMEOUT = 200.0
    for code in (NO_READ_TURN, NO_WRITE_TURN):
        FAULTS[code] = FAULTS[code]._replace(retry_for=200.0)


def initialize(barrier: Barrier, database: str) -> None:
    global _barrier
    _barrier = barrier
    os.environ |= {"DATABASE_URL": database, "BETTER_AUTH_SECRET": SECRET}
    be_patient()
    # Only what waits for a turn is sent again. Postgres ends a deadlock after a second,
    # and a second attempt would hide it.
    query.may_retry = lambda fault, *_: fault.error is TooManyRequests


def send_with_others(client: Client, function: str, request: dict[str, Any]) -> Answer:
    """Connect, wait until all the others have connected, then send."""
    assert _barrier
    client.send("get_task", 1)
    _barrier.wait(timeout=300)
    return client.send(function, **request)
