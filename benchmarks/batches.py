"""Compare a batch of 100 updates with 100 requests: `python -m benchmarks.batches`.

Both are warm and take turns, in one process that calls the functions directly.
"""

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from typing import TypedDict

from benchmarks import results
from benchmarks.far import far_away
from benchmarks.services import services
from benchmarks.world import WRITER
from local.direct import SECRET, invoke, user_event
from taskapi.tasks.batch import MOST_OPERATIONS

FAR = "20"
ROWS = {"0": "on this machine", "5": "5 ms each way", FAR: "20 ms each way"}
"""By the milliseconds each way to the database."""

RUNS = 5


class Row(TypedDict):
    """Milliseconds of each run: all requests together, and the batch."""

    requests: list[float]
    batch: list[float]


def measure(names: list[str], runs: int) -> dict[str, Row]:
    """Return the row of each distance."""
    with ExitStack() as running:
        near = running.enter_context(services())
        far = [name for name in names if name != "0"]
        places = far_away(near, *(int(name) / 1000 for name in far))
        urls = dict(zip(far, running.enter_context(places), strict=True))
        urls["0"] = near
        return {name: measure_place(urls[name].database, runs) for name in names}


def measure_place(url: str, runs: int) -> Row:
    """Return the row for the database at this URL, from a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(time_runs, url, runs).result()


def time_runs(url: str, runs: int) -> Row:
    os.environ |= {"DATABASE_URL": url, "BETTER_AUTH_SECRET": SECRET}
    # The functions log to standard output.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    row: Row = {"requests": [], "batch": []}
    for run in range(runs + 1):
        requests, batch = time_requests(f"request {run}"), time_batch(f"batch {run}")
        if run:  # The first one connects.
            row["requests"].append(requests)
            row["batch"].append(batch)
    return row


IDS = range(1, 1 + MOST_OPERATIONS)


def time_requests(title: str) -> float:
    body = {"title": title}
    sent = [user_event(WRITER, "update_task", id, json_body=body) for id in IDS]
    started = time.perf_counter()
    statuses = {invoke("update_task", each).status for each in sent}
    took = time.perf_counter() - started
    assert statuses == {200}
    return round(took * 1000, 1)


def time_batch(title: str) -> float:
    changes = {"title": title}
    operations = [{"op": "update", "id": id, "changes": changes} for id in IDS]
    sent = user_event(WRITER, "batch_tasks", json_body={"operations": operations})
    started = time.perf_counter()
    answer = invoke("batch_tasks", sent)
    took = time.perf_counter() - started
    assert {each["status"] for each in answer.json["results"]} == {200}
    return round(took * 1000, 1)


def ratio(row: Row) -> float:
    """Return the time of the batch as a multiple of the requests' time."""
    return statistics.median(row["batch"]) / statistics.median(row["requests"])


def table(rows: Mapping[str, Row]) -> str:
    """Return the table in Markdown."""
    return results.table(
        ["the database", "100 requests, ms", "a batch of 100, ms", "ratio"],
        [
            [
                ROWS[name],
                results.least_and_median(row["requests"]),
                results.least_and_median(row["batch"]),
                f"{ratio(row):.3f}",
            ]
            for name, row in rows.items()
        ],
    )


if __name__ == "__main__":
    results.main("batches", sys.modules[__name__])
