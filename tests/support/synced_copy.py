"""A client that keeps a copy of a user's tasks, and only applies changes to it."""

from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from tests.support.api import Client

Change = dict[str, Any]


@dataclass
class Copy:
    """The tasks by id, and the token of the last response."""

    user: Client
    limit: int = 200
    tasks: dict[int, dict[str, Any]] = field(default_factory=dict)
    token: str | None = None

    def read_page(self) -> tuple[list[Change], bool]:
        """Apply a page; return its changes, and whether there are more."""
        query: dict[str, object] = {"limit": self.limit}
        if self.token is not None:
            query["since"] = self.token
        answer = self.user.send("list_changes", query=urlencode(query))
        while answer.status == 503:
            answer = self.user.send("list_changes", query=urlencode(query))
        assert answer.status == 200, answer.text
        for change in answer.json["changes"]:
            if change["task"] is None:
                assert change.keys() == {"id", "task", "deleted_at"}
                self.tasks.pop(change["id"], None)
            else:
                assert change.keys() == {"id", "task"}
                self.tasks[change["id"]] = change["task"]
        self.token = answer.json["token"]
        return answer.json["changes"], answer.json["more"]

    def read(self) -> list[Change]:
        """Apply all pages; return their changes."""
        changes, more = self.read_page()
        while more:
            page, more = self.read_page()
            changes += page
        return changes

    def listed(self) -> list[dict[str, Any]]:
        """Return the tasks as a list has them."""
        newest_last = itemgetter("created_at", "id")
        return sorted(self.tasks.values(), key=newest_last, reverse=True)

    def assert_complete(self) -> None:
        """Assert that the copy is what a list returns, after reading the changes."""
        self.read()
        assert self.listed() == self.user.pages()
