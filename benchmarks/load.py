"""Measure many execution environments at once: `python -m benchmarks.load`.

Each environment is a process with a user of its own, who creates, lists, gets,
updates, completes and deletes a task, again and again. All start at the same moment,
without a connection, and connect through PgBouncer. Prints a table in Markdown.
"""

import argparse
import statistics
import sys
import time
import uuid
from array import array
from dataclasses import dataclass

from benchmarks.crowd import import_functions, pooled_database, run_at_once
from local.direct import invoke, user_event
from local.servers import POOL_SIZE

OPERATIONS = (
    "create_task",
    "list_tasks",
    "get_task",
    "update_task",
    "complete_task",
    "delete_task",
)


@dataclass(frozen=True)
class Load:
    """The results of a number of environments at once."""

    environments: int
    seconds: float
    latencies: list[float]
    errors: int

    def format_row(self) -> str:
        """Return the table's row; times in milliseconds."""
        cuts = statistics.quantiles(self.latencies, n=100, method="inclusive")
        times = (cuts[49], cuts[98], max(self.latencies))
        return (
            f"| {self.environments} | {len(self.latencies)} | {self.errors} "
            f"| {len(self.latencies) / self.seconds:.0f} | "
            + " | ".join(f"{1000 * value:.1f}" for value in times)
            + " |"
        )


HEADER = """\
| environments | requests | errors | requests/s | p50 ms | p99 ms | max ms |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"""


def measure(environments: int, rounds: int) -> Load:
    """Return the results of environments that each do all operations `rounds` times."""
    started = time.perf_counter()
    latencies = run_at_once(environments, lambda: work(rounds))
    seconds = time.perf_counter() - started
    expected = environments * rounds * len(OPERATIONS)
    if len(latencies) != expected:
        sys.exit(f"only {len(latencies)} of {expected} requests were answered")
    errors = sum(latency < 0 for latency in latencies)
    return Load(environments, seconds, [abs(each) for each in latencies], errors)


def work(rounds: int) -> "array[float]":
    """Return the seconds of each request, negative if it failed."""
    user_id, latencies = f"load|{uuid.uuid4().hex}", array("f")
    for _ in range(rounds):
        id: object = None
        for operation in OPERATIONS:
            writes = operation in ("create_task", "update_task")
            body = {"title": "Buy milk"} if writes else None
            about = None if operation == "list_tasks" else id
            event = user_event(user_id, operation, about, json_body=body)
            started = time.perf_counter()
            answer = invoke(operation, event)
            seconds = time.perf_counter() - started
            latencies.append(seconds if answer.status < 300 else -seconds)
            if operation == "create_task" and answer.status == 201:
                id = answer.json["id"]
    return latencies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    import_functions(OPERATIONS)
    with pooled_database() as (_, pgbouncer):
        print(HEADER)
        for environments in options.environments:
            print(measure(environments, options.rounds).format_row(), flush=True)
        servers = pgbouncer.servers()
    if servers > POOL_SIZE:
        sys.exit(f"PgBouncer had {servers} connections to Postgres")


if __name__ == "__main__":
    main()
