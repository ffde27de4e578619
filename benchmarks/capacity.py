"""How many users a Neon compute of each size serves: `python -m benchmarks.capacity`.

Simulates requests as they come in the busiest hours, Lambda's execution environments,
Neon's pooler and Postgres, with what `validation.py` has measured. scale.toml has the
other assumptions. Nothing is measured, so the same data gives the same table.
"""

import bisect
import random
import statistics
import sys
import tomllib
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypedDict

from simpy import Environment

from benchmarks import results
from benchmarks.calibration import WRITES, Service
from benchmarks.simulation import (
    Client,
    Cores,
    Demand,
    Machine,
    Pooler,
    Process,
    Statements,
)
from local.template import load_template
from local.tokens import ROOT

DATA = tomllib.loads((Path(__file__).parent / "scale.toml").read_text())

ROWS = tuple(DATA["compute"])
"""Sizes in CU."""

RUNS = 20_000
"""Requests of each simulation; the first quarter isn't counted."""

DAY = 86_400
FULL_CORE = 1769
"""MB of a Lambda function that has one core (AWS's page on a function's memory)."""

LEAST_SECONDS = 3
"""Of the busiest hour that a simulation covers, for a queue to show that it grows."""

TOO_LATE = 5.0
"""Seconds that a function waits for an answer (connection.ATTEMPT_TIMEOUT)."""


class World(NamedTuple):
    """What the simulation needs besides the users."""

    service: Service
    colds: Sequence[float]
    """Seconds of cold starts."""

    memory: int
    """Of a function, in MB."""

    concurrency: int
    """Executions at the same time that Lambda allows."""


class Answers(TypedDict):
    """Shares of the requests, and milliseconds of those that were answered."""

    refused: float
    """Lambda had no environment."""

    late: float
    """The function gave up."""

    cold: float
    """It began with a cold start."""

    p50: float
    p99: float
    p99_warm: float
    p99_cold: float


class Outcome(Answers):
    """What happens at the busiest time."""

    users: int
    rate: float
    """Requests in a second that came."""

    cpu: float
    """Share of the compute's cores that was used."""

    pooler: float
    """Share of one core that the pooler used."""

    environments: int
    servers: int


def load_world(sections: Mapping[str, results.Section]) -> World:
    """Return what was measured, and what template.yaml says."""
    functions = load_template(ROOT / "template.yaml").functions
    colds = sections["network"]["rows"]["list-deployed"]["cold"]["5"]
    return World(
        sections["validation"]["rows"]["service"],
        [milliseconds / 1000 for milliseconds in colds],
        max(function.memory for function in functions),
        DATA["limits"]["concurrency"]["value"],
    )


def busiest_rate(users: float) -> float:
    """Return the requests in a second of the busiest hour."""
    hours = DATA["user"]["hours"]
    share = max(hours) / sum(hours)
    return float(users * DATA["user"]["requests_a_day"] * share / 3600)


def machine(world: World, size: str) -> Machine:
    """Return a Neon compute; one of less than 1 CU is a slow core."""
    units = float(size)
    factor = 1 / (min(units, 1.0) * DATA["guesses"]["cpu"])
    service = world.service
    connections = DATA["compute"][size]["connections"]
    return Machine(
        cores=max(int(units), 1),
        wake=0.0,
        flushes=[DATA["guesses"]["commit_ms"] / 1000],
        fork=0.0,
        rest=0.0,
        server_start=service["server_start"] * factor,
        pool_size=int(connections * DATA["neon"]["pool_share"]["value"] / 100),
        statements={
            name: same_plan([factor * each for each in samples], name in WRITES)
            for name, samples in service["database"].items()
        },
        shares_plans=True,
    )


def same_plan(samples: list[float], writes: bool) -> Statements:
    return Statements(samples, samples, samples, samples, writes)


class Fleet:
    """Lambda's execution environments, those of each function for themselves."""

    def __init__(self, env: Environment, world: World) -> None:
        self.env, self.limit = env, world.concurrency
        self.idle = defaultdict[str, deque[tuple[float, Client]]](deque)
        self.busy = self.count = self.most = 0
        self.burst = DATA["limits"]["growth"]["value"]
        self.growth = self.burst / 10
        self.allowed = defaultdict[str, tuple[float, float]](lambda: (0.0, self.burst))

    def warm(self, function: str, count: int) -> None:
        """Begin with idle environments, as an earlier hour has left them."""
        self.idle[function].extend((0.0, Client()) for _ in range(count))
        self.count = self.most = self.count + count

    def take(self, function: str) -> tuple[Client, bool] | None:
        """Return an environment, and whether it is new; None if there can be none."""
        idle, now = self.idle[function], self.env.now
        while idle and idle[0][0] < now - 60 * DATA["guesses"]["idle_minutes"]:
            idle.popleft()
            self.count -= 1
        if self.busy >= self.limit:
            return None
        if idle:
            self.busy += 1
            return idle.pop()[1], False
        since, left = self.allowed[function]
        left = min(left + (now - since) * self.growth, self.burst)
        if left < 1:
            return None
        self.allowed[function] = now, left - 1
        self.busy, self.count = self.busy + 1, self.count + 1
        self.most = max(self.most, self.count)
        return Client(), True

    def give_back(self, function: str, client: Client) -> None:
        self.busy -= 1
        self.idle[function].append((self.env.now, client))


class Request(NamedTuple):
    """One that was answered, or not."""

    began: float
    seconds: float | None
    """None if Lambda refused it."""

    cold: bool


def simulate(
    world: World, size: str, users: float, requests: int = RUNS, seed: int = 1
) -> Outcome:
    """Return what happens in the middle of the busiest hour.

    With few users, so many requests take longer than this hour, up to days.
    """
    env, rng = Environment(), random.Random(seed)
    compute = machine(world, size)
    cores = Cores(env, compute.cores)
    pooler, fleet = Pooler(env, cores, compute, rng), Fleet(env, world)
    done: list[Request] = []
    speed = 1 / (min(float(size), 1.0) * DATA["guesses"]["cpu"])
    handler = FULL_CORE / world.memory
    network = DATA["guesses"]["network_ms"] / 1000
    service = world.service
    mix = DATA["user"]["mix"]
    names, bounds, total = list(mix), list[float](), 0.0
    for share in mix.values():
        bounds.append(total := total + share)

    def request(name: str) -> Process:
        began = env.now
        taken = fleet.take(name)
        if not taken:
            done.append(Request(began, None, False))
            return
        client, cold = taken
        demand = Demand(
            name,
            0.0,
            service["client"][name] * handler,
            service["pooler"][name] * speed,
        )
        if cold:
            yield env.timeout(rng.choice(world.colds))
            yield pooler.send(client, demand, "connect")
        yield env.timeout(demand.handler / 2 + network)
        yield pooler.send(client, demand)
        yield env.timeout(demand.handler / 2 + network)
        fleet.give_back(name, client)
        done.append(Request(began, env.now - began, cold))

    hours = DATA["user"]["hours"]
    highest = busiest_rate(users)
    middle = 3600 * (hours.index(max(hours)) + 0.5)
    start = middle - requests / highest / 2

    for name, share in mix.items():
        # By Little's law so many are busy on average, if a request takes 10 ms.
        fleet.warm(name, int(highest * share / total * 0.01 * 2))

    def arrive() -> Process:
        """Let requests come: at random, more of them in a busy hour."""
        for _ in range(requests):
            while True:
                yield env.timeout(rng.expovariate(highest))
                hour = int((start + env.now) // 3600) % 24
                if rng.random() * max(hours) < hours[hour]:
                    break
            at = bisect.bisect(bounds, rng.random() * total)
            env.process(request(names[at]))

    env.run(env.process(arrive()))
    end, worked, pooled = env.now, cores.worked, pooler.worked
    env.run()
    counted = [each for each in done if end / 4 <= each.began <= end]
    return {
        "users": round(users),
        "rate": round(len(counted) / (end * 3 / 4), 1),
        **summarize(counted),
        "cpu": round(worked / end / compute.cores, 3),
        "pooler": round(pooled / end, 3),
        "environments": fleet.most,
        "servers": pooler.servers,
    }


def summarize(requests: Sequence[Request]) -> Answers:
    """Return the parts and the percentiles of some requests."""
    warm, cold = (
        [r.seconds for r in requests if r.cold == cold and r.seconds is not None]
        for cold in (False, True)
    )
    both, count = [*warm, *cold], len(requests)
    return {
        "refused": share_of(count - len(both), count),
        "late": share_of(sum(each > TOO_LATE for each in both), count),
        "cold": share_of(len(cold), count),
        "p50": percentile(both, 50),
        "p99": percentile(both, 99),
        "p99_warm": percentile(warm, 99),
        "p99_cold": percentile(cold, 99),
    }


def share_of(part: int, whole: int) -> float:
    return round(part / max(whole, 1), 5)


def percentile(seconds: Sequence[float], percent: int) -> float:
    """Return milliseconds; 0 if there is nothing."""
    if len(seconds) < 2:
        return 0.0
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return round(1000 * cuts[percent - 1], 1)


def find_most(world: World, size: str, requests: int = RUNS, steps: int = 5) -> Outcome:
    """Return what happens with the most users for whom the 99th percentile is met."""
    compute = machine(world, size)
    speed = compute.cores * min(float(size), 1.0) * DATA["guesses"]["cpu"]
    mix, service = DATA["user"]["mix"], world.service
    total = sum(mix.values())
    pooler = sum(mix[name] * service["pooler"][name] for name in mix) / total
    database = sum(
        mix[name] * statistics.mean(service["database"][name]) for name in mix
    )
    # At this rate, all cores or the core of the pooler would never rest.
    limit = min(speed / (database / total + pooler), speed / compute.cores / pooler)
    low, high = 0.7 * limit, 1.02 * limit
    count = max(requests, int(LEAST_SECONDS * limit))
    world = world._replace(concurrency=DATA["limits"]["clients"]["value"])
    target, best = DATA["target"], None
    for _ in range(steps):
        rate = (low + high) / 2
        outcome = simulate(world, size, rate / busiest_rate(1), count)
        busy = max(outcome["cpu"], outcome["pooler"])
        fast = outcome["p99"] <= target["p99_ms"] and outcome["refused"] < 0.001
        if fast and busy <= target["busy"]:
            low, best = rate, outcome
        else:
            high = rate
    if best is None:
        raise ValueError(f"{size} CU serve nobody in time")
    return best


class Row(TypedDict):
    """A size, with the most users and with twice as many.

    raised: twice as many, if Lambda's limit is as high as the pooler's.
    """

    most: Outcome
    twice: Outcome
    raised: Outcome


class Rows(TypedDict):
    """The sizes, and the smallest one with few users."""

    sizes: dict[str, Row]
    few: dict[str, Outcome]


FEW = ("1000", "10000", "100000", "1000000")


def measure(names: list[str], runs: int) -> Rows:
    """Return the row of each size; runs: requests of each simulation."""
    world = load_world(results.load())
    with ProcessPoolExecutor() as pool:
        sizes = pool.map(partial(fill_row, world, runs), names)
        few = pool.map(partial(simulate, world, ROWS[0]), map(float, FEW))
        return {
            "sizes": dict(zip(names, sizes, strict=True)),
            "few": dict(zip(FEW, few, strict=True)),
        }


def fill_row(world: World, requests: int, size: str) -> Row:
    most = find_most(world, size, requests)
    twice = 2 * most["users"]
    raised = world._replace(concurrency=DATA["limits"]["clients"]["value"])
    row: Row = {
        "most": most,
        "twice": simulate(world, size, twice, requests),
        "raised": simulate(raised, size, twice, 2 * requests),
    }
    print(f"{size} CU: {row}", file=sys.stderr)
    return row


def table(rows: Rows) -> str:
    """Return the table in Markdown."""
    return results.table(
        [
            "Neon compute",
            "users",
            "requests/s",
            "CPU used",
            "pooler's core",
            "p99 of warm, all",
            "twice the users: answered, p99",
            "and with Lambda's limit raised",
        ],
        [
            [
                f"{name} CU",
                round_users(row["most"]["users"]),
                f"{row['most']['rate']:,.0f}",
                f"{row['most']['cpu']:.0%}",
                f"{row['most']['pooler']:.0%}",
                f"{row['most']['p99_warm']:.0f}, {row['most']['p99']:.0f} ms",
                *(
                    f"{max(1 - row[case]['refused'] - row[case]['late'], 0):.0%}, "
                    f"{row[case]['p99'] / 1000:.1f} s"
                    for case in ("twice", "raised")
                ),
            ]
            for name, row in rows["sizes"].items()
        ],
    )


def round_users(users: float) -> str:
    """Return two digits of a number of users, in thousands or millions."""
    rounded = float(f"{users:.2g}")
    return f"{rounded / 1e6:g} M" if rounded >= 1e6 else f"{rounded / 1e3:g} k"


if __name__ == "__main__":
    results.main("capacity", sys.modules[__name__])
