"""Time a handler and its bare statement in turn, in one process.

`python operations.py EVENTS REPORT`, with one function and its layer on the path. The
report has, for each event, the seconds of the handler's call and of the bare statement.
That is the same SQL with the same parameters, sent in the same way, but on another row,
over a second connection that is set up like the handler's.
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

APART = int(os.environ["ROWS_APART"])
"""How far the ids of the handler's row and the bare statement's row are apart."""

Execute = Callable[..., Any]
statements: list[tuple[Any, ...]] = []


def record_statements(module: Any) -> Execute:
    """Have the module's execute() remember its arguments; return the original."""
    execute: Execute = module.execute

    def execute_and_record(connection: Any, *arguments: Any) -> Any:
        statements.append(arguments)
        return execute(connection, *arguments)

    module.execute = execute_and_record
    return execute


def second_connection() -> Callable[..., object]:
    """Return a function that runs a statement on another connection than the handler.

    The bare handler sends statements with psycopg, this API by its own execute().
    """
    try:
        from taskapi.postgres import connection, query
    except ImportError:
        execute = record_statements(psycopg.Connection)
        bare = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        bare.prepare_threshold = None
        return lambda *arguments: execute(bare, *arguments).fetchall()
    execute = record_statements(query)
    own = connection.connect(time.monotonic() + 10)
    own.deadline = float("inf")
    return lambda *arguments: execute(own, *arguments)


def make_twin(
    run: Callable[..., object], sql: Any, params: Any, *options: Any
) -> Callable[[], object]:
    """Return a function that runs the statement on another row."""
    values = dict(params) if isinstance(params, dict) else params
    if "id" in values:
        values["id"] += APART
    if "key" in values:
        values["key"] = f"bare {uuid.uuid4()}"
    return lambda: run(sql, values, *options)


def measure(work: Callable[[], object]) -> float:
    """Return the seconds that work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    run = second_connection()
    with open(sys.argv[1]) as lines:
        events = [json.loads(line) for line in lines]
    first, *others = events
    statuses = {handler(first, context)["statusCode"]}
    report = []
    for turn, event in enumerate(others):
        # The statement of the last call, run outside the handler.
        twin = make_twin(run, *statements.pop())
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
