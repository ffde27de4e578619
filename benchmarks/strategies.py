"""The strategies of benchmarks/attack.py: what an attacker sends and has stored."""

import json
import random
import time
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import cycle, product
from typing import NamedTuple

import psycopg

from local.direct import Answer, token

VICTIM = "victim"
SMALL_USERS = [f"small {n}" for n in range(200)]

rng = random.Random(1)
EMOJI = "".join(chr(rng.randrange(0x1F300, 0x1FB00)) for _ in range(20_000))


def emoji() -> str:
    """Return 5,000 emoji, others each time."""
    start = rng.randrange(len(EMOJI) - 5000)
    return EMOJI[start : start + 5000]


DESCRIPTIONS: dict[str, Callable[[], str]] = {
    "short": lambda: "Two litres",
    "letters": lambda: "a" * 5000,
    "folded": lambda: "\u0390" * 5000,
    "emoji": emoji,
}
"""For each, there is an attacker with 10,000 tasks that have such descriptions."""


def fill(url: str) -> None:
    """Insert the users' tasks, and 200,000 expired Idempotency-Keys."""
    owners = {f"attacker with {kind}": (kind, 10_000) for kind in DESCRIPTIONS}
    owners |= dict.fromkeys([VICTIM, *SMALL_USERS], ("short", 30))
    first = datetime.now(UTC) - timedelta(days=30)
    columns = "user_id, title, description, completed, created_at, updated_at"
    with psycopg.connect(url, autocommit=True) as connection:
        with connection.cursor().copy(f"COPY tasks ({columns}) FROM STDIN") as copy:
            for user, (kind, tasks) in owners.items():
                for n in range(tasks):
                    then = first + timedelta(seconds=n)
                    text = DESCRIPTIONS[kind]()
                    copy.write_row((user, f"Task {n:05}", text, n == 0, then, then))
        connection.execute(
            "INSERT INTO idempotency_keys"
            " SELECT 'anybody', n, '', n, now() - interval '25 hours'"
            " FROM generate_series(1, 200000) AS n"
        )
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


class Request(NamedTuple):
    """What to send, and who sends it."""

    function: str
    user: str
    id: int | None = None
    query: str = ""
    body: str | None = None
    headers: Mapping[str, str] = {}


Requests = Generator[Request, Answer, None]
"""Endless requests; each is made when the one before has been answered."""

Sender = Callable[[str], Requests]


def ordinary(_: str) -> Requests:
    """Send what small users send: list a user's tasks, and read one of them."""
    while True:
        user = rng.choice(SMALL_USERS)
        listed = yield Request("list_tasks", user)
        yield Request("get_task", user, rng.choice(listed.json)["id"])


def everyday(user: str) -> Requests:
    """Send what the victim sends."""
    while True:
        listed = yield Request("list_tasks", user)
        yield Request("get_task", user, listed.json[0]["id"])
        created = yield Request("create_task", user, body='{"title": "Buy milk"}')
        yield Request("delete_task", user, created.json["id"])


def lists(query: str) -> Sender:
    """Return a sender of lists in all orders."""

    def requests(user: str) -> Requests:
        orders = product(("created", "updated", "title"), ("asc", "desc"))
        for sort, order in cycle(orders):
            yield Request(
                "list_tasks", user, query=f"{query}&sort={sort}&order={order}"
            )

    return requests


def pages(user: str) -> Requests:
    query = ""
    while True:
        page = yield Request("list_tasks", user, query=query or "sort=title")
        query = page.headers.get("link", "").partition("?")[2].partition(">")[0]


def one_task(user: str) -> Requests:
    listed = yield Request("list_tasks", user, query="order=asc&limit=2")
    id, body = listed.json[1]["id"], json.dumps({"description": "x" * 5000})
    while True:
        yield Request("update_task", user, id, body=body)
        yield Request("complete_task", user, id)


def stale_tags(user: str) -> Requests:
    listed = yield Request("list_tasks", user)
    for task in cycle(listed.json):
        tags = ", ".join(f'"{task["id"]}-{10**6 + n}"' for n in range(500))
        yield Request("delete_task", user, task["id"], headers={"if-match": tags})


def one_key(user: str) -> Requests:
    while True:
        key = {"idempotency-key": f"of second {time.time():.0f}"}
        yield Request("create_task", user, headers=key, body='{"title": "Mine"}')


def churn(user: str) -> Requests:
    body = json.dumps({"title": "Mine", "description": emoji()}, ensure_ascii=False)
    while True:
        created = yield Request("create_task", user, body=body)
        yield Request("delete_task", user, created.json["id"])


def bad_tokens(user: str) -> Requests:
    head, claims, _ = token(user).split(".")
    bad = ("garbage", "A" * 8000, f"{head}.{claims}.{'A' * 43}", ".".join("A" * 2000))
    for each in cycle(bad):
        yield Request("list_tasks", user, headers={"authorization": f"Bearer {each}"})


def bad_json(user: str) -> Requests:
    many = json.dumps({f"key {n}": n for n in range(4_000)})
    number = f'{{"title": {"9" * 60_000}}}'
    for body in cycle(("[" * 60_000, number, many, '{"title": 1}', "x" * 100_000)):
        yield Request("create_task", user, body=body)


def everything(user: str) -> Requests:
    senders = [
        strategy.requests(user)
        for name, strategy in STRATEGIES.items()
        if name not in ("control", "everything")
    ]
    due = [next(sender) for sender in senders]
    for n, sender in cycle(enumerate(senders)):
        due[n] = sender.send((yield due[n]))


class Strategy(NamedTuple):
    """One way to attack: what is sent, and which tasks the attacker has."""

    sends: str
    requests: Sender
    tasks: str = "short"
    environments: int = 10
    """How many requests at once."""

    @property
    def user(self) -> str:
        return f"attacker with {self.tasks}"


LETTERS, FOLDED = "search=" + "a" * 199 + "b", "search=" + "%CE%90" * 199 + "b"

STRATEGIES = {
    "control": Strategy("the ordinary load once more", ordinary),
    "letters": Strategy(
        "searches for 199 `a` and a `b`, in tasks of 5,000 `a`",
        lists(LETTERS),
        "letters",
    ),
    "folded": Strategy(
        "the same with `ΐ`, which folds to three characters", lists(FOLDED), "folded"
    ),
    "crowd": Strategy(
        "the same, 30 at once, where the pooler has 20 connections",
        lists(FOLDED),
        "folded",
        environments=30,
    ),
    "list-1": Strategy(
        "lists of 200 tasks of 5,000 letters, 1 MB", lists(""), "letters"
    ),
    "list-4": Strategy("lists of 200 tasks of 5,000 emoji, 4 MB", lists(""), "emoji"),
    "pages": Strategy("lists, page by page to the last", pages),
    "filter": Strategy(
        "lists of completed tasks, where only the oldest is", lists("status=completed")
    ),
    "one-task": Strategy("updates of one task, 30 at once", one_task, environments=30),
    "stale-tags": Strategy("deletes with 500 wrong `ETag`s", stale_tags),
    "one-key": Strategy("creates at once with one `Idempotency-Key`", one_key),
    "churn": Strategy("creates of 20 kB, and deletes", churn),
    "bad-tokens": Strategy("garbage, oversized and forged tokens", bad_tokens),
    "bad-json": Strategy("nested, huge and wrong JSON", bad_json),
    "everything": Strategy("all of these in turn", everything, "emoji", 30),
}
