"""The next occurrence of a rule, compared with python-dateutil and with RFC 5545."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.support import recurrence_oracle
from tests.support.recurrence_oracle import LAST_YEAR, Case, to_moment

Postgres = psycopg.Connection[Any]

NEXT = """
    SELECT next_occurrence(rule, start, is_day, zone, after)
      FROM unnest(%s::text[], %s::timestamp[], %s::boolean[], %s::text[],
                  %s::timestamptz[]) WITH ORDINALITY
           AS cases (rule, start, is_day, zone, after, number)
  ORDER BY number
"""


def occurrences(postgres: Postgres, cases: Sequence[Case]) -> list[datetime | None]:
    """Return what Postgres says about all cases."""
    columns = [list(column) for column in zip(*cases, strict=True)]
    return [next for (next,) in postgres.execute(NEXT, columns)]


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Africa/Casablanca",
    "Asia/Kolkata",
]
"""Clocks change in both hemispheres, by half an hour, at midnight, or never."""

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
DAYS_OF_MONTHS = [f"{n}{day}" for n in (1, 2, 3, 4, 5, -1, -2, -5) for day in DAYS]
BY_DAY = st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True)
BY_NUMBERED_DAY = st.lists(st.sampled_from(DAYS_OF_MONTHS), min_size=1, max_size=3)
"""dateutil takes TU,1FR for the Tuesdays that are first Fridays, so these don't mix."""
BY_MONTH_DAY = st.lists(
    st.sampled_from([1, 2, 13, 28, 29, 30, 31, -1]), min_size=1, max_size=3
)
DAYS_IN = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 30, "YEARLY": 365}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Return a rule, and a now that is up to 400 periods after the start."""
    frequency = draw(st.sampled_from(list(DAYS_IN)))
    interval = draw(st.sampled_from([1, 1, 1, 2, 3, 4, 5, 12, 24, 100]))
    rule = f"FREQ={frequency};INTERVAL={interval}"
    is_day = draw(st.booleans())
    zone = draw(st.sampled_from(ZONES))
    # Leap days, ends of months and years, and clock changes are more likely than others.
    first = draw(
        st.dates(date(1970, 1, 1), date(2040, 12, 31))
        | st.builds(
            lambda year, day: date.fromisoformat(f"{year}-{day}"),
            st.integers(1970, 2040),
            st.sampled_from(["01-31", "02-28", "03-28", "10-24", "12-30", "12-31"]),
        )
        | st.sampled_from([date(year, 2, 29) for year in range(1972, 2041, 4)])
    )
    hour = st.times(time(0), time(3)) | st.sampled_from([time(2, 30), time(23, 59)])
    start = datetime.combine(first, time(0) if is_day else draw(hour))
    # dateutil ignores fractions.
    start = start.replace(microsecond=0)
    periods = draw(st.integers(0, 30) | st.integers(-3, 400))
    days = draw(st.integers(-2, 2)) + periods * interval * DAYS_IN[frequency]
    days = min(max(days, -300), 60 * 365)
    after = to_moment(start, zone) + timedelta(days=days)
    after += timedelta(minutes=draw(st.integers(-90, 90)))
    if draw(st.booleans()):
        count = draw(st.integers(1, 12) | st.integers(1, 500))
        rule += f";COUNT={count}"
    elif draw(st.booleans()):
        until = after + timedelta(days=draw(st.integers(-30, 800)))
        form = draw(st.sampled_from(["%Y%m%d", "%Y%m%dT%H%M%SZ"]))
        rule += f";UNTIL={until:{form}}"
    if frequency == "WEEKLY" and draw(st.booleans()):
        rule += f";BYDAY={','.join(draw(BY_DAY))}"
    if frequency == "MONTHLY" and draw(st.booleans()):
        rule += f";BYDAY={','.join(draw(BY_DAY | BY_NUMBERED_DAY))}"
    if frequency == "MONTHLY" and draw(st.booleans()):
        rule += f";BYMONTHDAY={','.join(map(str, draw(BY_MONTH_DAY)))}"
    moment = after if is_day else max(after, to_moment(start, zone))
    return Case(rule, start, is_day, zone, moment)


@settings(max_examples=60, deadline=None, phases=[Phase.generate])
@given(found=st.lists(cases(), min_size=50, max_size=50))
def test_agrees_with_dateutil(server_postgres: Postgres, found: list[Case]) -> None:
    answers = occurrences(server_postgres, found)

    for case, answer in zip(found, answers, strict=True):
        expected = recurrence_oracle.next_occurrence(case)
        if expected is None and answer is not None:
            assert answer.year > LAST_YEAR, case
        else:
            assert answer == expected, case
