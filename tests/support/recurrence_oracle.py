"""The next occurrence of a rule, by python-dateutil and Python's time zones."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from unittest.mock import patch
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

LAST_YEAR = 2150
"""dateutil would search for a day that never comes until the last year of datetime."""


class Case(NamedTuple):
    """The arguments of next_occurrence()."""

    rule: str
    start: datetime
    is_day: bool
    zone: str
    after: datetime


def to_moment(local: datetime, zone: str) -> datetime:
    """Return the moment of a local time, by RFC 5545: fold=0 is its rule."""
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def has_ended(case: Case, occurrence: datetime, number: int) -> bool:
    """Return whether an occurrence is after the end of the rule."""
    if count := re.search(r"COUNT=(\d+)", case.rule):
        return number > int(count[1])
    if until := re.search(r"UNTIL=(\w+)", case.rule):
        end = datetime.fromisoformat(until[1])
        if end.tzinfo is None:
            return occurrence.date() > end.date()
        if case.is_day:
            return occurrence.date() > end.astimezone(ZoneInfo(case.zone)).date()
        return to_moment(occurrence, case.zone) > end
    return False


def is_late_enough(case: Case, occurrence: datetime) -> bool:
    """Return whether an occurrence is after the moment, or after its day."""
    if case.is_day:
        return occurrence.date() > case.after.astimezone(ZoneInfo(case.zone)).date()
    return to_moment(occurrence, case.zone) > case.after


def next_occurrence(case: Case) -> datetime | None:
    """Return the local time of the next occurrence, None if none is by LAST_YEAR."""
    for number, occurrence in occurrences(case):
        if has_ended(case, occurrence, number):
            return None
        if is_late_enough(case, occurrence):
            return occurrence
    return None


def next_number(case: Case) -> int | None:
    """Return the number of the next occurrence; the start is the first one."""
    late = (number for number, each in occurrences(case) if is_late_enough(case, each))
    return next(late, None)


def occurrences(case: Case) -> Iterator[tuple[int, datetime]]:
    """Yield the occurrences after the start, by LAST_YEAR, and their numbers.

    dateutil ignores a start that the rule doesn't name. For RFC 5545 it is the first
    occurrence.
    """
    unending = re.sub(r";(COUNT|UNTIL)=\w+", "", case.rule)
    following = rrulestr(unending, dtstart=case.start).xafter(case.start)
    with patch("datetime.MAXYEAR", LAST_YEAR):
        yield from enumerate(following, start=2)
