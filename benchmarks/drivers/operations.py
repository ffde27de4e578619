"""A handler's whole call beside its bare statement, again and again, in one process.

`python operations.py EVENTS REPORT`, with one function on the path, and its layer. The
report has, for each event, the seconds of the handler's call and those of the bare
statement: the same SQL with the same parameters, but on a row of its own, over a
connection that is set up as the handler's.
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
"""How far from the handler's row the bare statement's is."""

execute = psycopg.Connection.execute
statements: list[tuple[Any, Any]] = []


def recorded(connection: Any, sql: Any, params: Any) -> Any:
    statements.append((sql, params))
    return execute(connection, sql, params)


def bare_twin(sql: Any, params: Any) -> Callable[[], object]:
    """Return what runs a statement on another row."""
    values = dict(params) if isinstance(params, dict) else params
    if "id" in values:
        values["id"] += APART
    if "key" in values:
        values["key"] = f"bare {uuid.uuid4()}"
    return lambda: execute(bare, sql, values).fetchall()


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    psycopg.Connection.execute = recorded  # type: ignore[assignment]
    with open(sys.argv[1]) as lines:
        events = [json.loads(line) for line in lines]
    first, *others = events
    statuses = {handler(first, context)["statusCode"]}
    report = []
    for turn, event in enumerate(others):
        # The last call's statement: the handler has no part in when it is run.
        twin = bare_twin(*statements.pop())
        if turn % 2:
            alone = seconds(twin)
        started = time.perf_counter()
        answer = handler(event, context)
        whole = time.perf_counter() - started
        if not turn % 2:
            alone = seconds(twin)
        statuses.add(answer["statusCode"])
        report.append((whole, alone))
    with open(sys.argv[2], "w") as written:
        json.dump({"statuses": sorted(statuses), "seconds": report}, written)


main()
