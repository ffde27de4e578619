"""The simulation's parameters, from what usage.py has measured."""

import os
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypedDict

from benchmarks.load import OPERATIONS
from benchmarks.simulation import CUSTOM_PLANS, Demand, Machine, Statements
from benchmarks.usage import ROUNDS, Times, Usage
from local.servers import POOL_SIZE

AUTOGROUP = Path("/proc/sys/kernel/sched_autogroup_enabled")

WRITES = ("create_task", "update_task", "complete_task", "delete_task")


class Service(TypedDict):
    """What requests take, in seconds of CPU time.

    client, pooler: of each operation, in a crowd. database: samples of each, prepared.
    """

    client: dict[str, float]
    pooler: dict[str, float]
    database: dict[str, list[float]]
    server_start: float
    task_bytes: float
    """On the disk, with indexes."""


class Calibration(NamedTuple):
    """The parameters of the simulation: of one environment, or of several."""

    machine: Machine
    requests: list[list[Demand]]
    """Samples of each request of an environment, in their order."""


def calibrate(usage: Usage, row: str) -> Calibration:
    """Return the parameters of the environments of a row."""
    if row not in usage.crowds:
        rest = statistics.mean(crowd.rest for crowd in usage.crowds["10"])
        return Calibration(machine(usage, 1.0, rest), demands(usage.prepared))
    crowds, plain = usage.crowds[row], [t for times in usage.plain for t in times]
    pooler, database = (
        statistics.mean(crowded) / statistics.mean(alone)
        for crowded, alone in (
            ([crowd.pooler for crowd in crowds], [t.pooler for t in plain]),
            ([crowd.database for crowd in crowds], [t.database for t in plain]),
        )
    )
    # What an environment of a crowd reads of the pooler is what all of them take.
    usual = [
        pooler * statistics.mean(times.pooler for times in same)
        for same in zip(*usage.plain, strict=True)
    ]
    times = [
        [t._replace(pooler=own) for t, own in zip(times, usual, strict=True)]
        for crowd in crowds
        for times in crowd.times
    ]
    rest = statistics.mean(crowd.rest for crowd in crowds)
    return Calibration(machine(usage, database, rest), demands(times))


def machine(usage: Usage, factor: float, rest: float) -> Machine:
    """Return this machine, where Postgres takes so many times what it takes alone."""
    size = len(OPERATIONS)
    server_start = statistics.median(
        sum(each.database for each in new[:size])
        - sum(each.database for each in old[:size])
        for new, old in zip(usage.first, usage.prepared, strict=True)
    )

    def samples(runs: list[list[Times]], number: int, *rounds: int) -> list[float]:
        return [
            factor * times[size * round + number].database
            for times in runs
            for round in range(*rounds)
        ]

    return Machine(
        cores=os.cpu_count() or 1,
        wake=usage.wake,
        flushes=usage.flushes,
        fork=usage.fork,
        rest=rest,
        server_start=factor * server_start,
        pool_size=POOL_SIZE,
        session=AUTOGROUP.exists() and AUTOGROUP.read_text().strip() == "1",
        statements={
            operation: Statements(
                prepare=samples(usage.prepared, number, 1),
                custom=samples(usage.prepared, number, 1, CUSTOM_PLANS),
                generic=samples(usage.prepared, number, CUSTOM_PLANS + 1, ROUNDS),
                plain=samples(usage.plain, number, 1, ROUNDS),
                writes=operation in WRITES,
            )
            for number, operation in enumerate(OPERATIONS)
        },
    )


def demands(runs: list[list[Times]]) -> list[list[Demand]]:
    return [
        [
            Demand(
                OPERATIONS[number % len(OPERATIONS)],
                times.event,
                times.handler,
                times.pooler,
                connects=number == 0,
            )
            for times in same
        ]
        for number, same in enumerate(zip(*runs, strict=True))
    ]


def describe_service(calibrations: list[Calibration], task_bytes: float) -> Service:
    """Return what a request takes that isn't an environment's first."""
    later = range(len(OPERATIONS), ROUNDS * len(OPERATIONS))

    def average(part: Callable[[Demand], float], operation: str) -> float:
        values = (
            part(demand)
            for calibration in calibrations
            for number in later
            for demand in calibration.requests[number]
            if demand.operation == operation
        )
        return round(statistics.mean(values), 7)

    return {
        "client": {
            name: average(lambda demand: demand.handler, name) for name in OPERATIONS
        },
        "pooler": {
            name: average(lambda demand: demand.pooler, name) for name in OPERATIONS
        },
        "database": {
            name: thin(
                sample
                for calibration in calibrations
                for sample in calibration.machine.statements[name].generic
            )
            for name in OPERATIONS
        },
        "server_start": round(
            statistics.median(c.machine.server_start for c in calibrations), 7
        ),
        "task_bytes": round(task_bytes),
    }


def thin(samples: Iterable[float], count: int = 20) -> list[float]:
    """Return a few samples that stand for all: their quantiles."""
    cuts = statistics.quantiles(samples, n=2 * count, method="inclusive")
    return [round(cut, 7) for cut in cuts[::2]]
