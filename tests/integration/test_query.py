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
STATUS = "Status must be all, pending or completed; incomplete and active mean pending"
SORT = "Sort must be created_at, updated_at, title, due_date or priority"
PRIORITY = (
    "Priority must be one or more of low, medium, high and urgent, separated by commas"
)
TAG_LENGTH = "A tag must be between 1 and 50 characters"
TIME_ZONE = (
    "Time zone must be the name of a time zone in the IANA database, such as "
    "Europe/Berlin"
)
DUE_FROM = (
    "Due from must be a day (2026-03-09) or a time with an offset "
    "(2026-03-09T17:00:00Z)"
)
DUE_BEFORE = DUE_FROM.replace("from", "before")
PLUS = (
    "Due from has a space where an offset begins: send + as %2B "
    "(2026-03-09T17:00:00%2B01:00), or the time in UTC with Z"
)
PLUS_OF_ZONE = (
    "Time zone has a space where its name has a plus: send + as %2B (Etc/GMT%2B5)"
)
BAD_QUERIES = {f"limit={limit}": LIMIT for limit in BAD_LIMITS.values()} | {
    "status=done": STATUS,
    "status=": STATUS,
    "status=Pending": STATUS,
    "sort=id": SORT,
    "sort=": SORT,
    "sort=due": SORT,
    "order=down": "Order must be asc or desc",
    "search=": "Search must be between 1 and 200 characters",
    "search=" + "x" * 201: "Search must be between 1 and 200 characters",
    "search=%00": "Search must not contain control characters",
    "priority=": PRIORITY,
    "priority=highest": PRIORITY,
    "priority=high,": PRIORITY,
    "priority=low,,high": PRIORITY,
    "priority=high;low": PRIORITY,
    "tags=": TAG_LENGTH,
    "tags=a,": TAG_LENGTH,
    "tags=a,%20,b": TAG_LENGTH,
    "tags=" + "x" * 51: TAG_LENGTH,
    "tags=a%00b": "A tag must not contain control characters",
    "tags=" + ",".join(map(str, range(21))): "At most 20 tags are allowed, not 21",
    "due_from=": DUE_FROM,
    "due_from=today": DUE_FROM,
    "due_from=2026-3-9": DUE_FROM,
    "due_from=2026-03-09T17:00:00": DUE_FROM,
    "due_from=2026-02-30": "Due from must be a day and a time that exist",
    "due_from=1969-12-31": "Due from must be in the years 1970 to 9999, also in UTC",
    "due_from=2026-03-09T17:00:00+01:00": PLUS,
    "due_before=": DUE_BEFORE,
    "due_before=2026-03-09T17:00": DUE_BEFORE,
    "due_before=10000-01-01": DUE_BEFORE,
    "time_zone=": TIME_ZONE,
    "time_zone=Berlin%20": TIME_ZONE,
    "time_zone=Europe/Atlantis": TIME_ZONE,
    "time_zone=europe/berlin": TIME_ZONE,
    "time_zone=CET-1": TIME_ZONE,
    "time_zone=Etc/GMT+5": PLUS_OF_ZONE,
    "time_zone=GMT+0": PLUS_OF_ZONE,
    "time_zone=New%20York": TIME_ZONE,
    "time_zone=Mars/Base&due_from=2026-03-09&status=pending": TIME_ZONE,
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
        ("priority=urgent&priority=medium", ["a", "b"]),
    ],
)
def test_of_a_parameter_that_is_sent_twice_the_last_counts(
    user: Client, query: str, titles: list[str]
) -> None:
    user.create("b")
    user.create("a")

    answer = user.send("list_tasks", query=query)

    assert [task["title"] for task in answer.json] == titles
