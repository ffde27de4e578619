"""What runs out with how many users: the tables and the chart of docs/scale.md.

Everything is computed from results.json and scale.toml. `make scale` writes it.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import yaml

from benchmarks import results
from benchmarks.calibration import WRITES
from benchmarks.capacity import DATA, FULL_CORE, busiest_rate, round_users
from benchmarks.picture import Reach, draw_reaches
from local.tokens import ROOT
from ops import costs

Sections = Mapping[str, results.Section]

STEPS = (1e3, 1e4, 1e5, 1e6, 1e7, 1e8)
GB = 1e9
DAYS = costs.MONTH / 24


class Facts(NamedTuple):
    """Numbers that several limits need."""

    rate: float
    """Requests in a second of one user, in the busiest hour."""

    seconds: float
    """That a function takes for a warm request."""

    cold: float
    """Seconds of a cold start."""

    pooler: float
    """Seconds of the pooler's CPU time for a request."""

    statement: float
    """Seconds that a statement has a connection."""

    write: float
    """Seconds of a write: so long another of the same user waits."""

    user_bytes: float
    """Of a user's tasks on the disk."""

    hot_bytes: float
    """Of them, on average, those that are read on a day."""

    wal_bytes: float
    """That a user's writes add to the log in a day."""

    most: Mapping[str, float]
    """Users that a compute of each size serves."""


def gather(sections: Sections) -> Facts:
    user, guesses = DATA["user"], DATA["guesses"]
    service = sections["validation"]["rows"]["service"]
    rows = sections["capacity"]["rows"]["sizes"]
    mix: dict[str, float] = user["mix"]
    total = sum(mix.values())

    def average(values: Mapping[str, float]) -> float:
        return sum(mix[name] * values[name] for name in mix) / total

    commits = {name: guesses["commit_ms"] / 1000 * (name in WRITES) for name in mix}
    database = {name: statistics.mean(service["database"][name]) for name in mix}
    # Completing a task is an update.
    written = sections["change_writes"]["rows"]
    wal = {
        name: written[name.removesuffix("_task").replace("complete", "update")][
            "with all"
        ][1]
        if name in WRITES
        else 0
        for name in mix
    }
    statement = average(database) + average(commits)
    statement_of_writes = (
        statistics.mean(database[name] for name in mix if name in WRITES)
        + guesses["commit_ms"] / 1000
    )
    user_bytes = user["tasks"] * service["task_bytes"]
    return Facts(
        rate=busiest_rate(1),
        seconds=average(service["client"]) * FULL_CORE / costs.counts()["memory_mb"]
        + 2 * guesses["network_ms"] / 1000
        + statement,
        cold=statistics.median(
            sections["network"]["rows"]["list-deployed"]["cold"]["5"]
        )
        / 1000,
        pooler=average(service["pooler"]),
        statement=statement,
        write=statement_of_writes,
        user_bytes=user_bytes,
        hot_bytes=user_bytes * guesses["active_share"] * guesses["hot_share"],
        wal_bytes=user["requests_a_day"] * average(wal),
        most={size: row["most"]["users"] for size, row in rows.items()},
    )


def cached_bytes(size: str) -> float:
    share = DATA["neon"]["cache_share"]["value"] / 100
    return float(DATA["compute"][size]["memory"] * GB * share)


def throttle_rate() -> float:
    parameters = yaml.safe_load((ROOT / "parameters" / "prod.yaml").read_text())
    return float(parameters["ThrottleRate"])


def value(name: str) -> float:
    return float(DATA["limits"][name]["value"])


def busiest_share() -> float:
    """Return the share of requests to the route that gets most of them."""
    mix = DATA["user"]["mix"].values()
    return float(max(mix) / sum(mix))


REACHED: dict[str, Callable[[Facts], float]] = {
    "throttle": lambda facts: throttle_rate() / busiest_share() / facts.rate,
    "gateway": lambda facts: value("gateway") / facts.rate,
    "new_account": lambda facts: 10 * value("new_account") / facts.rate,
    "concurrency": lambda facts: min(
        10 * value("concurrency") / facts.rate,
        value("concurrency") / facts.seconds / facts.rate,
    ),
    "storm": lambda facts: value("storm") / (0.9 * facts.cold) / facts.rate,
    "growth": lambda facts: (
        value("growth") / (facts.cold * busiest_share()) / facts.rate
    ),
    "secrets": lambda facts: value("secrets") / facts.rate,
    "clients": lambda facts: value("clients") / facts.cold / facts.rate,
    "servers": lambda facts: (
        DATA["compute"]["0.25"]["connections"]
        * DATA["neon"]["pool_share"]["value"]
        / 100
        / facts.statement
        / facts.rate
    ),
    "pooler": lambda facts: 1 / facts.pooler / facts.rate,
    "cpu_small": lambda facts: facts.most["0.25"],
    "cpu_large": lambda facts: facts.most["16"],
    "memory_small": lambda facts: cached_bytes("0.25") / facts.hot_bytes,
    "memory_large": lambda facts: cached_bytes("16") / facts.hot_bytes,
    "storage": lambda facts: value("storage") * GB / facts.user_bytes,
}
"""With how many users each limit of scale.toml is reached."""


def reached(facts: Facts) -> dict[str, float]:
    return {name: compute(facts) for name, compute in REACHED.items()}


class Step(NamedTuple):
    """What so many users need."""

    users: float
    rate: float
    cells: int
    size: str
    storage_gb: float
    wal_gb: float
    """In a day."""

    usd: float
    """In a month."""

    runs_out: list[str]
    """The limits that are reached since the step before."""


def plan(facts: Facts, users: float, before: float) -> Step:
    """Return the smallest computes that serve these users, and what they cost."""
    room: float = DATA["guesses"]["headroom"]

    def cells(size: str) -> int:
        cpu = users / (room * facts.most[size])
        memory = users * facts.hot_bytes / cached_bytes(size)
        return max(math.ceil(cpu), math.ceil(memory))

    size = next((size for size in DATA["compute"] if cells(size) == 1), "16")
    storage, wal = users * facts.user_bytes / GB, users * facts.wal_bytes / GB
    load = costs.Load(
        requests=users * DATA["user"]["requests_a_day"] * DAYS,
        duration_ms=1000 * facts.seconds,
        cold_share=0.001,
        neon_cu=cells(size) * float(size),
        neon_gb=storage,
        neon_history_gb=wal,
    )
    return Step(
        users,
        users * facts.rate,
        cells(size),
        size,
        storage,
        wal,
        sum(line.usd for line in costs.lines(load)),
        [name for name, at in reached(facts).items() if before < at <= users],
    )


def plan_all(facts: Facts) -> list[Step]:
    before = (0.0, *STEPS)
    return [
        plan(facts, users, least) for users, least in zip(STEPS, before, strict=False)
    ]


def steps_table(sections: Sections) -> str:
    """Return the table of the steps."""
    return words_table(
        [
            *("users", "requests/s", "Neon", "tasks", "log a day", "USD a month"),
            "what runs out on the way here",
        ],
        [
            [
                round_users(step.users),
                f"{step.rate:,.0f}" if step.rate >= 10 else f"{step.rate:.1f}",
                f"{step.size} CU"
                if step.cells == 1
                else f"{step.cells} x {step.size} CU",
                gigabytes(step.storage_gb),
                gigabytes(step.wal_gb),
                two_digits(step.usd),
                ", ".join(DATA["limits"][name]["name"] for name in step.runs_out)
                or "-",
            ]
            for step in plan_all(gather(sections))
        ],
    )


def words_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, all to the left."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def two_digits(number: float) -> str:
    return f"{float(f'{number:.2g}'):,.0f}"


def gigabytes(number: float) -> str:
    rounded = float(f"{number:.2g}")
    for unit, size in (("TB", 1000.0), ("GB", 1.0)):
        if rounded >= size:
            return f"{rounded / size:g} {unit}"
    return f"{rounded * 1000:g} MB"


def limits_table(sections: Sections) -> str:
    """Return the table of the limits, those that are reached first at the top."""
    found = sorted(reached(gather(sections)).items(), key=lambda item: item[1])
    return words_table(
        ["what", "until", "how much", "then"],
        [
            [
                f"[{limit['name']}]({where(limit)})",
                round_users(at),
                limit_value(name) + limit["what"],
                limit["then"],
            ]
            for name, at in found
            for limit in [DATA["limits"][name]]
        ],
    )


def where(limit: Mapping[str, str]) -> str:
    """Return the link to where a limit is from."""
    if "measured" in limit:
        return "#how-many-users-one-compute-serves"
    return limit["source"] if "source" in limit else f"../{limit['file']}"


def limit_value(name: str) -> str:
    if name == "throttle":
        return f"{throttle_rate():,.0f} "
    number = DATA["limits"][name].get("value")
    return f"{number:,} " if number else ""


def sources_list(sections: Sections) -> str:
    """Return a list of the pages, and when they said so."""
    del sections
    quoted = [*DATA["limits"].values(), *DATA["neon"].values()]
    pages = {(each["source"], each["read"]) for each in quoted if "source" in each}
    return "\n".join(f"- <{source}> ({read})" for source, read in sorted(pages))


def few_table(sections: Sections) -> str:
    """Return the table of cold starts."""
    return results.table(
        ["users", "requests/s", "cold starts", "p99 of warm", "p99 of cold", "p99"],
        [
            [
                round_users(row["users"]),
                f"{row['rate']:.1f}",
                f"{row['cold']:.2%}",
                *(
                    f"{row[key]:.0f} ms" if row[key] else "-"
                    for key in ("p99_warm", "p99_cold", "p99")
                ),
            ]
            for row in sections["capacity"]["rows"]["few"].values()
        ],
    )


def answer_list(sections: Sections) -> str:
    """Return the answer, in the order in which things happen."""
    facts = gather(sections)
    at = {name: round_users(users) for name, users in reached(facts).items()}
    first, *_, last = plan_all(facts)
    lines = (
        f"**Today, nothing.** {first.users:,.0f} users send {first.rate:.1f} requests "
        f"a second in the busiest hour, for {two_digits(first.usd)} USD a month.",
        "**Numbers that you raise by asking or deploying:** the 10 executions at once "
        f"of a new AWS account, with {at['new_account']} users, and `ThrottleRate`, "
        f"with {at['throttle']}. Do it on the first day.",
        f"**The memory of the smallest compute**, with {at['memory_small']} users. Let "
        "Neon scale up to 16 CU, which it does by itself.",
        f"**A deploy in the busiest hour**, with {at['storm']} users: all environments "
        "start at once, and Lambda refuses some requests. Deploy in a quiet hour.",
        f"**One database**, with {at['memory_large']} users: the memory of 16 CU. Give "
        "groups of users a Neon project each (cells).",
        f"**API Gateway and Lambda**, with {at['gateway']} users. AWS raises their "
        "limits for those who ask.",
        f"**Up to {last.users:,.0f} users, nothing new:** {last.cells} cells, "
        f"{two_digits(last.usd)} USD a month, which are "
        f"{100 * last.usd / last.users:.1f} cents a user.",
    )
    return "\n".join(f"{n}. {line}" for n, line in enumerate(lines, 1))


def user_list(sections: Sections) -> str:
    """Return what is assumed about a user, and what that makes."""
    facts, user, guesses = gather(sections), DATA["user"], DATA["guesses"]
    hours = user["hours"]
    writes = sum(share for name, share in user["mix"].items() if name in WRITES)
    return (
        f"- {user['requests_a_day']} requests a day, {writes}% of them writes. The "
        f"busiest hour has {max(hours) * 24 / sum(hours):.1f} times the mean.\n"
        f"- {user['tasks']} tasks, which take {facts.user_bytes / 1000:,.0f} KB with "
        f"their indexes. {guesses['active_share']:.0%} of the users come on a day, and "
        f"read {guesses['hot_share']:.0%} of their tasks.\n"
        f"- {facts.wal_bytes / 1000:.0f} KB of Postgres' log a day.\n"
        f"- At most {two_digits(1 / facts.write)} writes a second: each counts in a "
        "row of the user's own, and waits for the commit of the one before."
    )


def draw(sections: Sections) -> str:
    """Return the chart: how far each limit reaches."""
    found = sorted(reached(gather(sections)).items(), key=lambda item: item[1])
    return draw_reaches(
        "How many users until it runs out",
        [
            Reach(
                DATA["limits"][name]["name"].replace("`", ""),
                at,
                round_users(at),
                "legacy" if name in ("new_account", "throttle") else "here",
            )
            for name, at in found
        ],
        STEPS,
    )


TABLES: dict[str, Callable[[Sections], str]] = {
    "scale_answer": answer_list,
    "scale_steps": steps_table,
    "scale_limits": limits_table,
    "scale_user": user_list,
    "scale_few": few_table,
    "scale_sources": sources_list,
}
