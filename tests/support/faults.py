"""The functions on a database that a test can break."""

import io
import json
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from local.direct import Answer
from local.servers import Postgres
from taskapi import time_budget
from taskapi.postgres import connection, query
from taskapi.postgres.connection import ATTEMPT_TIMEOUT
from taskapi.settings import environment
from tests.support.api import Client
from tests.support.connections import forget_connection
from tests.support.proxy import Proxy

DATABASE = "faults"


@dataclass
class Api:
    """The functions on one database, called by one user."""

    client: Client
    postgres: Postgres
    proxy: Proxy
    log: io.StringIO

    @property
    def faults(self) -> list[dict[str, Any]]:
        """Return the log lines of failures."""
        lines = map(json.loads, self.log.getvalue().splitlines())
        return [line for line in lines if line["level"] == "WARNING"]

    def point(self, url: str) -> None:
        """Make the functions use another database."""
        forget_connection()
        environment.database_url = lambda: url

    def send(self, function: str, id: object = None, **request: Any) -> Answer:
        return self.client.send(function, id, **request)

    def create(self, title: str = "Buy groceries", **fields: Any) -> dict[str, Any]:
        return self.client.create(title, **fields)

    def recur(self, id: int) -> None:
        """Give a task a rule, without the functions."""
        self.postgres.execute(
            "UPDATE tasks SET recurrence = 'FREQ=DAILY', due_on = '2040-01-01'"
            f" WHERE id = {id}",
            DATABASE,
        )

    def rows(self, user_id: str | None = None) -> dict[int, tuple[str, bool, int]]:
        """Return the rows of a user by id: title, completed, version."""
        found = self.postgres.execute(
            "SELECT id, title, completed, version FROM tasks"
            f" WHERE user_id = '{user_id or self.client.user_id}'",
            DATABASE,
        )
        return {row[0]: row[1:] for row in found}  # type: ignore[misc]

    def running(self) -> list[str]:
        """Return the statements that the functions' database is running."""
        rows = self.postgres.execute(
            "SELECT query FROM pg_stat_activity"
            f" WHERE datname = '{DATABASE}' AND state = 'active'"
        )
        return [str(query) for [query] in rows]

    def works(self) -> None:
        """Assert that the next request succeeds, with the usual time budget."""
        with (
            patch.object(
                time_budget, "REQUEST_TIMEOUT", 8.0 + connection.CANCEL_TIMEOUT
            ),
            patch.object(query, "ATTEMPT_TIMEOUT", ATTEMPT_TIMEOUT),
        ):
            answer = self.send("list_tasks")
        assert answer.status == 200, answer.text


def become(api: Api, role: str) -> None:
    api.point(api.proxy.url(DATABASE).replace("postgres@", f"{role}@"))
