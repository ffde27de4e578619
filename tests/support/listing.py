"""Make rows for the tests of lists, and follow links."""

import itertools
import re
from typing import Any

import psycopg
import pytest

from tests.support.api import Client

SORTS = ["created_at", "updated_at", "title", "due_date", "priority"]
LISTS = list(itertools.product(SORTS, ["asc", "desc"]))
every_order = pytest.mark.parametrize(("sort", "order"), LISTS)


def insert(postgres: psycopg.Connection[Any], user: Client, rows: str) -> list[int]:
    """Insert the rows of a SELECT of title, completed, created_at and updated_at."""
    found = postgres.execute(
        "INSERT INTO tasks (user_id, title, completed, created_at, updated_at)"
        f" SELECT %s, * FROM ({rows.replace('%', '%%')}) AS rows RETURNING id".encode(),
        (user.user_id,),
    )
    return [id for (id,) in found]


def link(headers: dict[str, str]) -> str | None:
    """Return the query of the link to the next page."""
    if "link" not in headers:
        return None
    found = re.fullmatch(r'</api/[^?<>]*[?]([!#-;=?-~]*)>; rel="next"', headers["link"])
    assert found, headers["link"]
    return found[1]


def follow(user: Client, query: str | None) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    while query:
        answer = user.send("list_tasks", query=query)
        listed += answer.json
        query = link(answer.headers)
    return listed
