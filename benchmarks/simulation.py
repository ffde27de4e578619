"""Simulate requests, the pooler and Postgres by discrete events, with SimPy.

`validation.py` predicts with `run_together` what benchmarks.load measures on this
machine; `capacity.py` predicts with the same parts what can't be measured here.
"""

import heapq
import itertools
import random
from collections import deque
from collections.abc import (
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from typing import NamedTuple

from simpy import Environment, Event

Process = Generator[Event, None, None]

SLICE = 0.0028
"""Seconds that a process computes before another gets the core. Linux gives 1.4 ms on
two cores, and looks at its timer's ticks, every 4 ms, whether they have passed."""


class Demand(NamedTuple):
    """Seconds of CPU time that one request takes, except in Postgres.

    event: to make the event, before the request begins. The handler takes about as much
    before its statement as after it. connects: whether it connects to the pooler first.
    """

    operation: str
    event: float
    handler: float
    pooler: float
    connects: bool = False


class Statements(NamedTuple):
    """Samples of the seconds of CPU time that an operation's statement takes."""

    prepare: Sequence[float]
    """To prepare and run it."""

    custom: Sequence[float]
    """Prepared, but Postgres plans it for its values, which it does five times."""

    generic: Sequence[float]
    """Prepared and planned."""

    plain: Sequence[float]
    """Not prepared."""

    writes: bool


CUSTOM_PLANS = 5
"""Of each prepared statement (PostgreSQL's documentation of PREPARE)."""


class Machine(NamedTuple):
    """What the requests run on."""

    cores: int
    wake: float
    """Seconds until an idle core runs a process that something has arrived for."""

    flushes: Sequence[float]
    """Samples of the seconds that writing the log to the disk takes."""

    fork: float
    """Seconds to fork one execution environment, one after the other."""

    rest: float
    """Seconds of CPU time that an environment takes to begin and to end."""

    server_start: float
    """Seconds of CPU time of a new connection of the pooler to Postgres."""

    pool_size: int
    statements: Mapping[str, Statements]
    session: bool = False
    """Whether Postgres is a session with a share of the cores of its own, of which it
    uses less than it has: so its processes soon run (autogroup in sched(7))."""

    shares_plans: bool = False
    """Whether the pooler prepares a client's statements on each of its connections."""


class Task:
    """A process of the operating system, which runs on a core until it sleeps."""

    def __init__(self, cores: "Cores", early: float = 0.0) -> None:
        self.cores = cores
        self.early = early
        """Virtual time by which it wakes up before the average."""
        self.used = self.deadline = self.lag = 0.0
        """Virtual times of `Cores`."""
        self.need = self.since = 0.0
        """Seconds that it still needs; when it was last accounted for."""
        self.turn, self.runs, self.done = 0, False, cores.env.event()

    def compute(self, seconds: float) -> Event:
        """Return an event that happens when it has had a core for so many seconds."""
        self.need, self.done = seconds, self.cores.env.event()
        if self.runs:
            self.cores.go_on(self)
        else:
            self.cores.wake_up(self)
        return self.done

    def sleep(self) -> None:
        """Give the core back, to wait for something."""
        if self.runs:
            self.cores.leave(self)


class Cores:
    """Cores of one speed, and Linux's scheduler (EEVDF), with one queue for all cores.

    The virtual time of a task grows while it runs. Tasks that aren't ahead of the
    average may run, that with the earliest deadline first. A task that wakes up begins
    at the average or, if it has had less than its part, before it. So a task that
    computes little needn't wait for those that compute much.
    """

    def __init__(self, env: Environment, count: int, wake: float = 0.0) -> None:
        self.env, self.count, self.wake = env, count, wake
        self.running: list[Task] = []
        self.ready: list[tuple[float, int, Task]] = []
        self.ready_used = self.latest_average = self.worked = 0.0
        self.numbers = itertools.count()

    def average(self) -> float:
        """Return the mean virtual time of the tasks that run or wait for a core."""
        count = len(self.ready) + len(self.running)
        if count:
            running = sum(task.used + self.unaccounted(task) for task in self.running)
            self.latest_average = (self.ready_used + running) / count
        return self.latest_average

    def unaccounted(self, task: Task) -> float:
        return max(self.env.now - task.since, 0.0)

    def wake_up(self, task: Task) -> None:
        average = self.average()
        task.used = average - task.lag - task.early
        task.deadline = task.used + SLICE
        if len(self.running) < self.count:
            self.start(task, self.wake)
            return
        self.push(task)
        ahead = max(self.running, key=lambda each: each.used + self.unaccounted(each))
        if ahead.used + self.unaccounted(ahead) > average and ahead.need > 0:
            best = self.pop()
            self.stop(ahead)
            self.push(ahead)
            self.start(best)

    def push(self, task: Task) -> None:
        heapq.heappush(self.ready, (task.deadline, next(self.numbers), task))
        self.ready_used += task.used

    def pop(self) -> Task:
        """Return the task that is to run next."""
        average, ahead = self.average(), []
        entry = heapq.heappop(self.ready)
        while entry[2].used > average + 1e-9 and self.ready:
            ahead.append(entry)
            entry = heapq.heappop(self.ready)
        for each in ahead:
            heapq.heappush(self.ready, each)
        self.ready_used -= entry[2].used
        return entry[2]

    def start(self, task: Task, wake: float = 0.0) -> None:
        task.runs = True
        self.running.append(task)
        self.go_on(task, wake)

    def go_on(self, task: Task, wake: float = 0.0) -> None:
        """Let a task run until it is done, or its slice ends."""
        task.since = self.env.now + wake
        task.turn += 1
        step = min(task.need, max(task.deadline - task.used, 0.0))
        timeout, turn = self.env.timeout(wake + step), task.turn
        timeout.callbacks.append(lambda _: self.end(task, turn))

    def end(self, task: Task, turn: int) -> None:
        """Give the core to the next, unless the task was stopped before."""
        if task.turn != turn or not task.runs:
            return
        self.account(task)
        if task.need <= 1e-9:
            task.need = 0.0
            task.done.succeed()
            return
        task.deadline = task.used + SLICE
        if self.ready:
            self.stop(task)
            self.push(task)
            self.start(self.pop())
        else:
            self.go_on(task)

    def account(self, task: Task) -> None:
        had, task.since = self.unaccounted(task), self.env.now
        task.used, task.need = task.used + had, task.need - had
        self.worked += had

    def stop(self, task: Task) -> None:
        self.account(task)
        task.turn, task.runs = task.turn + 1, False
        self.running.remove(task)

    def leave(self, task: Task) -> None:
        """Let a task sleep; remember by how much it has had less than its part."""
        task.lag = min(max(self.average() - task.used, 0.0), SLICE)
        self.stop(task)
        if self.ready:
            self.start(self.pop())


class Log:
    """Postgres' log: one writes it to the disk for all that have arrived by then."""

    def __init__(self, env: Environment, seconds: Callable[[], float]) -> None:
        self.env, self.seconds = env, seconds
        self.waiting: list[Event] = []
        self.writing = False

    def flush(self) -> Event:
        """Return an event that happens when the caller's commit is on the disk."""
        done = self.env.event()
        self.waiting.append(done)
        if not self.writing:
            self.writing = True
            self.env.process(self.write())
        return done

    def write(self) -> Process:
        while self.waiting:
            batch, self.waiting = self.waiting, []
            yield self.env.timeout(self.seconds())
            for done in batch:
                done.succeed()
        self.writing = False


@dataclass(eq=False)
class Server:
    """A connection of the pooler to Postgres, with its prepared statements."""

    inbox: "deque[Query]" = field(default_factory=deque)
    runs: dict[str, int] = field(default_factory=dict)
    """How often each prepared statement has run."""

    wake: Event | None = None


@dataclass(eq=False)
class Client:
    """A connection of an environment, with the statements that it has prepared.

    plans: None after one of them was missing (taskapi.postgres.execute).
    """

    plans: set[str] | None = field(default_factory=set)


@dataclass(eq=False)
class Query:
    """A message on its way; done: when its answer has arrived at the client."""

    client: Client
    demand: Demand
    done: Event
    server: Server | None = None


class Pooler:
    """PgBouncer: one process that lends connections to Postgres for a transaction.

    It opens one connection at a time, when a client waits.
    """

    def __init__(
        self, env: Environment, cores: Cores, machine: Machine, rng: random.Random
    ) -> None:
        self.env, self.cores, self.machine, self.rng = env, cores, machine, rng
        self.log = Log(env, lambda: rng.choice(machine.flushes))
        self.servers, self.opening, self.worked = 0, False, 0.0
        self.idle: list[Server] = []
        self.queue = deque[Query]()
        self.inbox = deque[tuple[str, Query]]()
        self.wake: Event | None = None
        env.process(self.work())

    def send(self, client: Client, demand: Demand, kind: str = "query") -> Event:
        """Return an event that happens when the answer has arrived."""
        query = Query(client, demand, self.env.event())
        self.receive(kind, query)
        return query.done

    def receive(self, kind: str, query: Query) -> None:
        self.inbox.append((kind, query))
        if self.wake:
            self.wake.succeed()
            self.wake = None

    def work(self) -> Process:
        task = Task(self.cores)
        while True:
            while not self.inbox:
                task.sleep()
                self.wake = self.env.event()
                yield self.wake
            kind, query = self.inbox.popleft()
            messages = 3 if query.demand.connects else 2
            seconds = query.demand.pooler / messages
            self.worked += seconds
            yield task.compute(seconds)
            if kind == "query":
                self.queue.append(query)
            else:
                query.done.succeed()
            if kind == "result" and query.server:
                self.idle.append(query.server)
            self.lend()

    def lend(self) -> None:
        """Give waiting clients a connection; open one if there is none."""
        while self.queue and self.idle:
            query, server = self.queue.popleft(), self.idle.pop()
            query.server = server
            server.inbox.append(query)
            if server.wake:
                server.wake.succeed()
                server.wake = None
        if self.queue and not self.opening and self.servers < self.machine.pool_size:
            self.servers, self.opening = self.servers + 1, True
            self.env.process(self.serve(Server()))

    def serve(self, server: Server) -> Process:
        """Be a connection's backend in Postgres."""
        task = Task(self.cores, SLICE if self.machine.session else 0.0)
        yield task.compute(self.machine.server_start)
        self.opening = False
        self.idle.append(server)
        self.lend()
        while True:
            while not server.inbox:
                task.sleep()
                server.wake = self.env.event()
                yield server.wake
            query = server.inbox.popleft()
            statement = self.machine.statements[query.demand.operation]
            kind = choose_plan(
                query.client,
                server,
                query.demand.operation,
                self.machine.shares_plans,
            )
            yield task.compute(self.rng.choice(getattr(statement, kind)))
            if statement.writes:
                task.sleep()
                yield self.log.flush()
            self.receive("result", query)


def choose_plan(client: Client, server: Server, operation: str, shares: bool) -> str:
    """Return which of `Statements` Postgres takes; remember what is prepared.

    shares: whether the pooler itself prepares what is missing.
    """
    if not shares:
        if client.plans is None:
            return "plain"
        if operation not in client.plans:
            client.plans.add(operation)
            server.runs.pop(operation, None)  # It is prepared again.
        elif operation not in server.runs:
            client.plans = None
            return "plain"
    server.runs[operation] = runs = server.runs.get(operation, 0) + 1
    if runs == 1:
        return "prepare"
    return "custom" if runs <= CUSTOM_PLANS else "generic"


def run_together(
    crowds: Sequence[tuple[Machine, Sequence[Iterable[Demand]]]], rng: random.Random
) -> Iterator[tuple[float, list[float]]]:
    """Run crowds of environments, one crowd after the other, with the same pooler.

    The environments of a crowd start at the same moment. Each sends its requests one
    after the other. Yields the seconds until the last is done, and those of each
    request.
    """
    env, first = Environment(), crowds[0][0]
    cores = Cores(env, first.cores, first.wake)
    pooler = Pooler(env, cores, first, rng)

    def work(plan: Iterable[Demand], latencies: list[float]) -> Process:
        task, client = Task(cores), Client()
        for demand in plan:
            yield task.compute(demand.event)
            started = env.now
            yield task.compute(demand.handler / 2)
            for kind in ("connect", "query") if demand.connects else ("query",):
                answer = pooler.send(client, demand, kind)
                task.sleep()
                yield answer
            yield task.compute(demand.handler / 2)
            latencies.append(env.now - started)
        yield task.compute(pooler.machine.rest)
        task.sleep()

    for machine, crowd in crowds:
        pooler.machine = machine
        began, latencies = env.now, list[float]()
        everyone = [env.process(work(plan, latencies)) for plan in crowd]
        env.run(env.all_of(everyone))
        yield machine.fork * len(everyone) + env.now - began, latencies
