"""Recurrences: the one spelling of a rule, and what is said about a mistake."""

import re

import pytest

from taskapi.tasks.recurrence import parse_recurrence

KEPT = [
    ("", None),
    ("daily", "FREQ=DAILY"),
    ("Weekly", "FREQ=WEEKLY"),
    ("MONTHLY", "FREQ=MONTHLY"),
    ("yearly", "FREQ=YEARLY"),
    ("freq=daily", "FREQ=DAILY"),
    ("INTERVAL=1;FREQ=DAILY", "FREQ=DAILY"),
    ("INTERVAL=010;FREQ=DAILY", "FREQ=DAILY;INTERVAL=10"),
    ("FREQ=DAILY;INTERVAL=999", "FREQ=DAILY;INTERVAL=999"),
    ("COUNT=2;FREQ=DAILY;INTERVAL=2", "FREQ=DAILY;INTERVAL=2;COUNT=2"),
    ("FREQ=DAILY;UNTIL=20261231", "FREQ=DAILY;UNTIL=20261231"),
    ("FREQ=DAILY;UNTIL=20261231t170000z", "FREQ=DAILY;UNTIL=20261231T170000Z"),
    ("FREQ=WEEKLY;BYDAY=SU,MO,su", "FREQ=WEEKLY;BYDAY=MO,SU"),
    ("BYDAY=TU;FREQ=WEEKLY;COUNT=9", "FREQ=WEEKLY;COUNT=9;BYDAY=TU"),
    ("FREQ=MONTHLY;BYDAY=-1FR,+2TU,1SU,MO", "FREQ=MONTHLY;BYDAY=MO,1SU,2TU,-1FR"),
    ("FREQ=MONTHLY;BYDAY=-1MO,-2MO", "FREQ=MONTHLY;BYDAY=-2MO,-1MO"),
    ("FREQ=MONTHLY;BYMONTHDAY=-1,31,+2,01", "FREQ=MONTHLY;BYMONTHDAY=1,2,31,-1"),
    (
        "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR;UNTIL=20300101;INTERVAL=2",
        "FREQ=MONTHLY;INTERVAL=2;UNTIL=20300101;BYDAY=FR;BYMONTHDAY=13",
    ),
]


@pytest.mark.parametrize(("text", "rule"), KEPT)
def test_has_one_spelling(text: str, rule: str | None) -> None:
    assert parse_recurrence(text) == rule
    assert rule is None or parse_recurrence(rule) == rule


UNTIL = "UNTIL must be a day (20261231) or an instant in UTC (20261231T170000Z)"
BYDAY = "BYDAY must be a list of MO, TU, WE, TH, FR, SA and SU"
BYMONTHDAY = "BYMONTHDAY must be a list of days from 1 to 31"
PARTS = "Recurrence can only have the parts FREQ, INTERVAL, COUNT, UNTIL, BYDAY, BY"

REFUSED = [
    ("hourly", ""),
    (" daily", ""),
    ("da\u0131ly", ""),
    ("FREQ=DAILY;", ""),
    ("FREQ=DAILY;;COUNT=1", ""),
    ("FREQ", ""),
    ("FREQ=DAILY;COUNT", ""),
    ("FREQ=DAILY=1", ""),
    ("FREQ = DAILY", ""),
    ("FREQ=WEEKLY;BYDAY=\u017fU", ""),
    ("FREQ=DAILY;COUNT=\u0661", ""),
    ("RRULE:FREQ=DAILY", "Recurrence must come without RRULE: before it"),
    ("DTSTART=20260101;FREQ=DAILY", PARTS),
    ("FREQ=DAILY;BYHOUR=9", PARTS),
    ("FREQ=WEEKLY;WKST=MO", PARTS),
    ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1", PARTS),
    ("FREQ=DAILY;X-MINE=1", PARTS),
    ("COUNT=1", "Recurrence must have FREQ"),
    ("FREQ=DAILY;FREQ=DAILY", "Recurrence must have FREQ only once"),
    ("FREQ=DAILY;COUNT=1;COUNT=2", "Recurrence must have COUNT only once"),
    ("FREQ=HOURLY", "FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY"),
    ("FREQ=", "FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY"),
    ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be a number from 1 to 999"),
    ("FREQ=DAILY;INTERVAL=1000", "INTERVAL must be a number from 1 to 999"),
    ("FREQ=DAILY;INTERVAL=-1", "INTERVAL must be a number from 1 to 999"),
    ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL must be a number from 1 to 999"),
    ("FREQ=DAILY;COUNT=0", "COUNT must be a number from 1 to 999999"),
    ("FREQ=DAILY;COUNT=1000000", "COUNT must be a number from 1 to 999999"),
    ("FREQ=DAILY;COUNT=" + "9" * 5000, "COUNT must be a number from 1 to 999999"),
    ("FREQ=DAILY;COUNT=", "COUNT must be a number from 1 to 999999"),
    (
        "FREQ=DAILY;COUNT=1;UNTIL=20261231",
        "Recurrence must have COUNT or UNTIL, not both",
    ),
    ("FREQ=DAILY;UNTIL=2026-12-31", UNTIL),
    ("FREQ=DAILY;UNTIL=20260230", UNTIL),
    ("FREQ=DAILY;UNTIL=20261231T170000", UNTIL),
    ("FREQ=DAILY;UNTIL=20261231T240000Z", UNTIL),
    ("FREQ=DAILY;UNTIL=20261231T235960Z", UNTIL),
    ("FREQ=DAILY;UNTIL=00000101", UNTIL),
    ("FREQ=DAILY;BYDAY=MO", "Recurrence can have BYDAY only if it is WEEKLY or"),
    ("FREQ=YEARLY;BYDAY=MO", "Recurrence can have BYDAY only if it is WEEKLY or"),
    ("FREQ=WEEKLY;BYDAY=2TU", "Recurrence can number days (2TU) only with"),
    ("FREQ=WEEKLY;BYDAY=", BYDAY),
    ("FREQ=WEEKLY;BYDAY=MO,", BYDAY),
    ("FREQ=WEEKLY;BYDAY=MON", BYDAY),
    ("FREQ=MONTHLY;BYDAY=0MO", BYDAY),
    ("FREQ=MONTHLY;BYDAY=6MO", BYDAY),
    ("FREQ=MONTHLY;BYDAY=-6MO", BYDAY),
    ("FREQ=WEEKLY;BYMONTHDAY=1", "Recurrence can have BYMONTHDAY only if it is"),
    ("FREQ=YEARLY;BYMONTHDAY=1", "Recurrence can have BYMONTHDAY only if it is"),
    ("FREQ=MONTHLY;BYMONTHDAY=0", BYMONTHDAY),
    ("FREQ=MONTHLY;BYMONTHDAY=32", BYMONTHDAY),
    ("FREQ=MONTHLY;BYMONTHDAY=-2", BYMONTHDAY),
    ("FREQ=MONTHLY;BYMONTHDAY=1,", BYMONTHDAY),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as refused:
        parse_recurrence(text)

    assert bool(str(refused.value)) == bool(message)
