"""The users, events, tokens and database that all candidates are measured with."""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from benchmarks.artifacts import Artifact
from local.direct import ROUTES, SECRET, event, token
from local.postgres import embedded_postgres_url
from taskapi.postgres.migrate import migrate

READER = "5f7c8ec7c33c6c004bbafe82"
WRITER = "60d5ec49f8d2c3001c8e4f1a"
"""User ids as Better Auth makes them. One lists, the other does the rest."""

TASKS = 10
WRITABLE = 20_000
"""How many tasks the two users have."""

FILL = """
    INSERT INTO tasks (user_id, title, description, completed)
    SELECT %(user_id)s, 'Buy groceries ' || n, 'Milk, bread and ' || n, n %% 3 = 0
      FROM generate_series(1, %(tasks)s) AS n
"""

OTHERS = """
    INSERT INTO tasks (user_id, title, description, completed)
    SELECT 'user' || n % 1000, 'Buy groceries ' || n, 'Milk', n % 3 = 0
      FROM generate_series(1, 10000) AS n
"""
"""A thousand users with ten tasks each. How many tasks a user has on average decides
whether Postgres keeps the plan of a list."""

BODIES = {
    "create_task": {"title": "Buy milk", "description": "Two litres"},
    "update_task": {"title": "Buy bread"},
}

BROWSER = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate, br, zstd",
    "accept-language": "en-GB,en;q=0.9",
    "content-length": "0",
    "origin": "https://app.example.com",
    "priority": "u=1, i",
    "referer": "https://app.example.com/",
    "sec-ch-ua": '"Chromium";v="142", "Not_A Brand";v="99"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "sec-fetch-dest": "empty",
    "sec-fetch-mode": "cors",
    "sec-fetch-site": "cross-site",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "x-amzn-trace-id": "Root=1-69566d40-000000000000000000000000",
    "x-forwarded-for": "192.0.2.1",
    "x-forwarded-port": "443",
    "x-forwarded-proto": "https",
}
"""The headers of a request from a page's script that came through API Gateway."""

LAMBDA = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_FUNCTION_NAME": "tasks",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "30",
    # Lambda always sets it, the emulator doesn't.
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "RES_OPTIONS": "timeout:1 attempts:3",
}
"""The environment that Lambda and template.yaml give a function."""

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One row of a table: a function, its settings, and the events that it answers."""

    name: str
    artifact: Artifact
    event: Callable[[], Event]
    settings: Mapping[str, str] = field(default_factory=dict)
    tasks: int = TASKS
    """How many tasks a list has."""

    def environment(self) -> dict[str, str]:
        """Return the whole environment of the function's process."""
        return LAMBDA | {"PYTHONPATH": self.artifact.python_path} | dict(self.settings)


class WrongAnswer(Exception):
    """A candidate answered wrongly; the message has its answer."""


@contextmanager
def filled_database(
    fill: Callable[[psycopg.Connection[TupleRow]], None],
) -> Iterator[str]:
    """Yield the URL of a new Postgres that fill() has filled after the migrations."""
    with (
        TemporaryDirectory() as folder,
        embedded_postgres_url(Path(folder) / "postgres") as url,
    ):
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            fill(connection)
        yield url


def fill_users(connection: psycopg.Connection[TupleRow]) -> None:
    """Insert the users' tasks."""
    # events() needs the writer's tasks to have the ids from 1 on.
    for user_id, tasks in ((WRITER, WRITABLE), (READER, TASKS)):
        connection.execute(FILL, {"user_id": user_id, "tasks": tasks})
    connection.execute(OTHERS)
    connection.execute("VACUUM (ANALYZE) tasks")


def database() -> AbstractContextManager[str]:
    """Yield the URL of a new Postgres that has the users' tasks."""
    return filled_database(fill_users)


def hs256_settings(url: str) -> dict[str, str]:
    """Return the settings for HS256 tokens."""
    return {"DATABASE_URL": url, "BETTER_AUTH_SECRET": SECRET}


sessions = itertools.count(1)


def make_claims() -> dict[str, int]:
    """Return the claims of every token: valid for any run, and different each time."""
    now = int(time.time())
    return {"iat": now, "exp": now + 6 * 3600, "session": next(sessions)}


def issue_hs256(user_id: str) -> str:
    return token(user_id, **make_claims())


def events(
    operation: str = "list_tasks",
    caller: str | None = None,
    issue: Callable[[str], str] = issue_hs256,
    first: int = 1,
) -> Callable[[], Event]:
    """Return a function that makes events of an operation.

    Each event has a token of its own, and concerns another task, from the first on.
    """
    ids = itertools.count(first)
    user_id = caller or (READER if operation == "list_tasks" else WRITER)
    body = json.dumps(BODIES[operation]) if operation in BODIES else None

    def make() -> Event:
        headers = BROWSER | {"authorization": f"Bearer {issue(user_id)}"}
        if body:
            headers["content-type"] = "application/json"
            headers["content-length"] = str(len(body))
        path = {"user_id": user_id}
        if operation not in ("list_tasks", "create_task"):
            path["task_id"] = str(next(ids))
        return event(ROUTES[operation], path=path, headers=headers, body=body)

    return make


def check(case: Case, sent: Event, answer: Mapping[str, Any]) -> None:
    """Raise unless the answer is right: wrong answers are often fast."""
    wrong = answer.get("statusCode") not in (200, 201, 204)
    if not wrong and sent["routeKey"] == ROUTES["list_tasks"]:
        wrong = len(json.loads(answer["body"])) != case.tasks
    if wrong:
        raise WrongAnswer(f"{case.name} answered {json.dumps(answer)[:2000]}")
