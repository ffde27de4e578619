"""Time a handler and its bare statement in turn, in one process.

`python operations.py EVENTS REPORT`, with one function and its layer on the path. The
report has, for each event, the seconds of the handler's call and of the bare statement.
That is the same SQL with the same parameters, but on another row, over a second
connection that is set up like the handler's.
"""

import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
from awslambdaric import bootstrap

handler = bootstrap._get_handler("app.handler")
context = bootstrap.create_lambda_context(
    None, None, int(time.time() * 1000) + 600_000, "8476a536", "arn:aws:lambda", None
)
bare = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
bare.prepare_threshold = None

APART = int(os.environ["ROWS_APART"])
"""How far the ids of the handler's row and the bare statement's row are apart."""

execute = psycopg.Connection.execute
statements: list[tuple[Any, Any]] = []


def execute_and_record(connection: Any, sql: Any, params: Any) -> Any:
    statements.append((sql, params))
    return execute(connection, sql, params)


def make_twin(sql: Any, params: Any) -> Callable[[], object]:
    """Return a function that runs the statement on another row."""
    values = dict(params) if isinstance(params, dict) else params
    if "id" in values:
        values["id"] += APART
    if "key" in values:
        values["key"] = f"bare {uuid.uuid4()}"
    return lambda: execute(bare, sql, values).fetchall()


def measure(work: Callable[[], object]) -> float:
    """Return the seconds that work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    psycopg.Connection.execute = execute_and_record  # type: ignore[assignment]
    with open(sys.argv[1]) as lines:
        events = [json.loads(line) for line in lines]
    first, *others = events
    statuses = {handler(first, context)["statusCode"]}
    report = []
    for turn, event in enumerate(others):
        # The statement of the last call, run outside the handler.
        twin = make_twin(*statements.pop())
        if turn % 2:
            alone = measure(twin)
        started = time.perf_counter()
        answer = handler(event, context)
        whole = time.perf_counter() - started
        if not turn % 2:
            alone = measure(twin)
        statuses.add(answer["statusCode"])
        report.append((whole, alone))
    with open(sys.argv[2], "w") as written:
        json.dump({"statuses": sorted(statuses), "seconds": report}, written)


main()
