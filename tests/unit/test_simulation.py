"""The simulation obeys known laws, and docs/scale.md follows from its data."""

import math
import random
import re
from collections.abc import Iterator

import pytest
from simpy import Environment

from benchmarks import results, scale, validation
from benchmarks.capacity import DATA, World, load_world, simulate
from benchmarks.simulation import Cores, Process, Task


def wait_in_queue(cores: int, load: float, customers: int) -> tuple[float, float]:
    """Return the mean seconds of a customer, and how many there are on average.

    Each needs a millisecond on average, and they come at random.
    """
    env, rng = Environment(), random.Random(7)
    queue, seconds = Cores(env, cores), list[float]()
    present = area = changed = 0.0

    def count(by: int) -> None:
        nonlocal present, area, changed
        area += present * (env.now - changed)
        present, changed = present + by, env.now

    def customer() -> Process:
        count(1)
        came, task = env.now, Task(queue)
        yield task.compute(rng.expovariate(1000))
        task.sleep()
        count(-1)
        seconds.append(env.now - came)

    def arrive() -> Process:
        for _ in range(customers):
            yield env.timeout(rng.expovariate(1000 * load * cores))
            env.process(customer())

    env.process(arrive())
    env.run()
    return sum(seconds) / customers, area / env.now


def erlang_c(cores: int, load: float) -> float:
    """Return the mean seconds in an M/M/c queue with a service of 1 ms (Erlang)."""
    offered = cores * load
    full = offered**cores / math.factorial(cores) / (1 - load)
    some = sum(offered**n / math.factorial(n) for n in range(cores))
    return 0.001 * (1 + full / (full + some) / (cores * (1 - load)))


@pytest.mark.parametrize(("cores", "load"), [(1, 0.5), (2, 0.7), (8, 0.8)])
def test_cores_are_a_queue_as_erlang_computed_it(cores: int, load: float) -> None:
    seconds, _ = wait_in_queue(cores, load, 8_000)

    assert seconds == pytest.approx(erlang_c(cores, load), rel=0.06)


def test_obeys_littles_law() -> None:
    seconds, present = wait_in_queue(2, 0.7, 8_000)

    assert present == pytest.approx(2 * 0.7 * 1000 * seconds, rel=0.03)


def test_the_same_seed_gives_the_same_result(world: World) -> None:
    first, second = (simulate(world, "1", 1e6, 800, seed=3) for _ in range(2))

    assert first == second
    assert first["refused"] == 0


def test_lambda_refuses_what_a_small_compute_cannot_answer(world: World) -> None:
    users = 4 * results.load()["capacity"]["rows"]["sizes"]["0.25"]["most"]["users"]

    outcome = simulate(world._replace(concurrency=100), "0.25", users, 2000)

    assert outcome["refused"] > 0.4


def test_the_simulation_predicts_what_was_measured() -> None:
    assert validation.missed(results.load()["validation"]["rows"]) == []


def test_twice_the_users_are_too_many() -> None:
    for row in results.load()["capacity"]["rows"]["sizes"].values():
        assert row["most"]["p99"] <= DATA["target"]["p99_ms"]
        assert row["twice"]["refused"] + row["twice"]["late"] > 0.2


def quoted() -> Iterator[tuple[str, dict[str, object]]]:
    for section in ("limits", "neon"):
        yield from DATA[section].items()


@pytest.mark.parametrize("name", [name for name, _ in quoted()])
def test_every_quota_has_a_source_and_a_date(name: str) -> None:
    quota = dict(quoted())[name]
    ours = {"file", "measured"} & quota.keys()

    assert ours or re.match("https://", str(quota["source"]))
    assert ours or re.search(r"20\d\d-\d\d", str(quota["read"]))


def test_every_limit_is_computed() -> None:
    assert scale.REACHED.keys() == DATA["limits"].keys()


def test_each_limit_is_reached_in_one_step() -> None:
    facts = scale.gather(results.load())
    steps = [name for step in scale.plan_all(facts) for name in step.runs_out]
    within = {
        name for name, at in scale.reached(facts).items() if at <= scale.STEPS[-1]
    }

    assert sorted(steps) == sorted(within)


def test_more_users_cost_more() -> None:
    plans = scale.plan_all(scale.gather(results.load()))

    assert sorted(plans, key=lambda step: step.usd) == plans


@pytest.fixture(scope="module")
def world() -> World:
    return load_world(results.load())
