"""The parameters of a list: which are refused, and why."""

import pytest

from tests.support.api import Client

LIMIT = "Limit must be a whole number from 1 to 200, in decimal digits"
BAD_LIMITS = {
    "zero": "0",
    "201": "201",
    "a word": "ten",
    "empty": "",
    "31 digits": str(10**30),
    "5,000 digits": "1" * 5000,
    "plus": "%2B5",
    "a plus for a blank": "+5",
    "minus": "-5",
    "underscore": "1_0",
    "decimals": "10.0",
    "exponent": "1e1",
    "hexadecimal": "0x10",
    "a blank before": "%205",
    "a line feed after": "5%0A",
    "full-width": "%EF%BC%95",
    "Arabic": "%D9%A5",
    "true": "true",
    "NUL": "5%00",
    "a list": "5,6",
}
BAD_QUERIES = {f"limit={limit}": LIMIT for limit in BAD_LIMITS.values()} | {
    "status=done": "Status must be all, pending or completed",
    "status=": "Status must be all, pending or completed",
    "sort=id": "Sort must be created, updated or title",
    "order=down": "Order must be asc or desc",
    "search=": "Search must be between 1 and 200 characters",
    "search=" + "x" * 201: "Search must be between 1 and 200 characters",
    "search=%00": "Search must not contain control characters",
}


@pytest.mark.parametrize(
    ("query", "message"), BAD_QUERIES.items(), ids=[query[:40] for query in BAD_QUERIES]
)
def test_refuses_a_bad_query(user: Client, query: str, message: str) -> None:
    answer = user.send("list_tasks", query=query)

    assert answer.status == 422
    assert answer.json["error"] == "validation_error"
    assert answer.json["message"] == message
    assert answer.json["details"]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("limit", ["2", "02", "0000000002", "%32"])
def test_takes_a_limit_in_decimal_digits(user: Client, limit: str) -> None:
    for _ in range(3):
        user.create()

    assert len(user.send("list_tasks", query=f"limit={limit}").json) == 2


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("limit=1&limit=2", ["a", "b"]),
        ("limit=none&limit=1", ["a"]),
        ("status=completed&status=pending", ["a", "b"]),
        ("search=a&search=b", ["b"]),
        ("sort=created&order=asc&sort=title&order=desc", ["b", "a"]),
    ],
)
def test_of_a_parameter_that_is_sent_twice_the_last_counts(
    user: Client, query: str, titles: list[str]
) -> None:
    user.create("b")
    user.create("a")

    answer = user.send("list_tasks", query=query)

    assert [task["title"] for task in answer.json] == titles
