"""The next occurrence of a rule, compared with python-dateutil and with RFC 5545."""

import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
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
    "Europe/Dublin",
    "Asia/Kolkata",
]
"""Clocks change in both hemispheres, by half an hour, at midnight, or never."""

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
DAYS_OF_MONTHS = [f"{n}{day}" for n in (1, 2, 3, 4, 5, -1, -2, -5) for day in DAYS]
MONTH_DAYS = ["1", "2", "13", "28", "29", "30", "31", "-1"]
LIKELY = [(1, 31), (2, 28), (2, 29), (3, 28), (10, 24), (12, 30), (12, 31)]
"""Ends of months and years, leap days, and the days before clocks change."""

LAST_DAYS = [1_000, 25_000, 45_000]
"""From 1970 on: starts that are decades ago, and those before 2100, no leap year."""

DAYS_IN = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 30, "YEARLY": 365}


def random_case(rng: random.Random) -> Case:
    """Return a rule, and a now that is up to 400 periods after the start."""
    frequency = rng.choice(list(DAYS_IN))
    interval = rng.choice([1, 1, 1, 2, 3, 4, 5, 12, 24, 100])
    is_day = rng.random() < 0.5
    zone = rng.choice(ZONES)
    first = datetime(1970, 1, 1) + timedelta(days=rng.randint(0, rng.choice(LAST_DAYS)))
    if rng.random() < 0.7:
        month, day = rng.choice(LIKELY)
        year = first.year // 4 * 4 if (month, day) == (2, 29) else first.year
        first = datetime(max(year, 1972), month, day)
    seconds = rng.choice([0, 9000, 86399, rng.randint(0, 12_000)])
    start = first if is_day else first + timedelta(seconds=seconds)
    periods = rng.choice([rng.randint(0, 30), rng.randint(-3, 400)])
    days = rng.randint(-2, 2) + periods * interval * DAYS_IN[frequency]
    days = min(max(days, -300), 60 * 365)
    minutes = rng.randint(-90, 90)
    after = to_moment(start, zone) + timedelta(days=days, minutes=minutes)
    rule = f"FREQ={frequency};INTERVAL={interval}" + random_end(rng, after)
    if frequency == "WEEKLY":
        rule += random_part(rng, "BYDAY", DAYS)
    elif frequency == "MONTHLY":
        # dateutil takes TU,1FR for first Fridays that are Tuesdays: these don't mix.
        rule += random_part(rng, "BYDAY", rng.choice([DAYS, DAYS_OF_MONTHS]))
        rule += random_part(rng, "BYMONTHDAY", MONTH_DAYS)
    moment = after if is_day else max(after, to_moment(start, zone))
    return Case(rule, start, is_day, zone, moment)


def random_end(rng: random.Random, after: datetime) -> str:
    """Return a COUNT, an UNTIL near this moment, or nothing."""
    until = after + timedelta(days=rng.randint(-30, 800))
    count = rng.choice([rng.randint(1, 12), rng.randint(1, 500)])
    ends = [
        f";COUNT={count}",
        f";UNTIL={until:%Y%m%d}",
        f";UNTIL={until:%Y%m%dT%H%M%SZ}",
    ]
    return rng.choice([*ends, "", ""])


def random_part(rng: random.Random, name: str, values: Sequence[str]) -> str:
    """Return a part with up to four of the values, or nothing."""
    if rng.random() < 0.5:
        return ""
    return f";{name}={','.join(rng.sample(values, rng.randint(1, 4)))}"


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rng=st.randoms(use_true_random=True))
def test_agrees_with_dateutil(postgres: Postgres, rng: random.Random) -> None:
    """Hypothesis's own strategies would take most of the time."""
    cases = [random_case(rng) for _ in range(100)]

    answers = occurrences(postgres, cases)

    for case, answer in zip(cases, answers, strict=True):
        expected = recurrence_oracle.next_occurrence(case)
        if expected is None and answer is not None:
            assert answer.year > LAST_YEAR, case
        else:
            assert answer == expected, case


@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rng=st.randoms(use_true_random=True))
def test_a_count_ends_after_its_last_occurrence(
    postgres: Postgres, rng: random.Random
) -> None:
    cases = [case for case in map(random_case, [rng] * 100) if "UNTIL" not in case.rule]
    last, ended = [], []
    for case in cases:
        if number := recurrence_oracle.next_number(case):
            last.append(case._replace(rule=with_count(case.rule, number)))
            ended.append(case._replace(rule=with_count(case.rule, number - 1)))

    found = occurrences(postgres, last)

    assert None not in found
    assert found == [recurrence_oracle.next_occurrence(case) for case in last]
    for case, answer in zip(ended, occurrences(postgres, ended), strict=True):
        assert answer is None, case


def with_count(rule: str, count: int) -> str:
    return re.sub(";COUNT=\\d+", "", rule) + f";COUNT={count}"


NINE = "09:00:00"
RFC_5545 = {
    "daily for 10 occurrences": (
        "FREQ=DAILY;COUNT=10",
        "1997-09-02 03 04 05 06 07 08 09 10 11 end",
    ),
    "daily until December 24": (
        "FREQ=DAILY;UNTIL=19971224T000000Z",
        "1997-12-20 21 22 23 end",
    ),
    "every other day": ("FREQ=DAILY;INTERVAL=2", "1997-09-02 04 06 08"),
    "every 10 days, 5 occurrences": (
        "FREQ=DAILY;INTERVAL=10;COUNT=5",
        "1997-09-02 12 22 10-02 12 end",
    ),
    "weekly for 10 occurrences": (
        "FREQ=WEEKLY;COUNT=10",
        "1997-09-02 09 16 23 30 10-07 14 21 28 11-04 end",
    ),
    "weekly until December 24": (
        "FREQ=WEEKLY;UNTIL=19971224T000000Z",
        "1997-09-02 09 16 23 30 10-07 14 21 28 11-04 11 18 25 12-02 09 16 23 end",
    ),
    "Tuesday and Thursday for 5 weeks": (
        "FREQ=WEEKLY;UNTIL=19971007T000000Z;BYDAY=TU,TH",
        "1997-09-02 04 09 11 16 18 23 25 30 10-02 end",
    ),
    "the same by COUNT": (
        "FREQ=WEEKLY;COUNT=10;BYDAY=TU,TH",
        "1997-09-02 04 09 11 16 18 23 25 30 10-02 end",
    ),
    "every other week on Monday, Wednesday and Friday": (
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;BYDAY=MO,WE,FR",
        "1997-09-01 03 05 15 17 19 29 10-01 03 13 15 17 27 29 31 11-10 12 14 24 26 28 "
        "12-08 10 12 22 end",
    ),
    "every other week on Tuesday and Sunday, from Monday on": (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU",
        "1997-08-05 10 19 24 end",
    ),
    "the first Friday": (
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "1997-09-05 10-03 11-07 12-05 1998-01-02 02-06 03-06 04-03 05-01 06-05 end",
    ),
    "the first Friday until December 24": (
        "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR",
        "1997-09-05 10-03 11-07 12-05 end",
    ),
    "every other month on the first and last Sunday": (
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "1997-09-07 28 11-02 30 1998-01-04 25 03-01 29 05-03 31 end",
    ),
    "the second-to-last Monday": (
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "1997-09-22 10-20 11-17 12-22 1998-01-19 02-16 end",
    ),
    "the 2nd and 15th": (
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "1997-09-02 15 10-02 15 11-02 15 12-02 15 1998-01-02 15 end",
    ),
    "the first and last day": (
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "1997-09-30 10-01 31 11-01 30 12-01 31 1998-01-01 31 02-01 end",
    ),
    "the 10th to 15th every 18 months": (
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "1997-09-10 11 12 13 14 15 1999-03-10 11 12 13 end",
    ),
    "every Tuesday, every other month": (
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "1997-09-02 09 16 23 30 11-04 11 18 25 1998-01-06 13 20 27 03-03",
    ),
    "Friday the 13th, from another day on": (
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "1997-09-02 1998-02-13 03-13 11-13 1999-08-13 2000-10-13",
    ),
    "the first Saturday after the first Sunday": (
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997-09-13 10-11 11-08 12-13 1998-01-10 02-07 03-07 04-11 05-09 06-13",
    ),
    "days that don't exist are skipped": (
        "FREQ=MONTHLY;COUNT=5;BYMONTHDAY=15,30",
        "2007-01-15 30 02-15 03-15 30 end",
    ),
}
"""Rules of RFC 5545, section 3.8.5.3, with the days that it gives, at 9 in New York."""


@pytest.mark.parametrize(("rule", "text"), RFC_5545.values(), ids=RFC_5545)
def test_agrees_with_rfc_5545(postgres: Postgres, rule: str, text: str) -> None:
    first, *listed = text.split()
    days = [first]
    for day in listed:
        days.append(days[-1][: 10 - len(day)] + day if day != "end" else day)
    ends = days[-1] == "end"
    times = [datetime.fromisoformat(f"{day}T{NINE}") for day in days if day != "end"]
    new_york = "America/New_York"
    cases = [
        Case(rule, times[0], False, new_york, to_moment(time, new_york))
        for time in times
    ]

    found = occurrences(postgres, cases)

    assert found[:-1] == times[1:]
    assert (found[-1] is None) == ends


def day(text: str) -> datetime:
    return datetime.fromisoformat(text)


EXAMPLES = {
    "a day of the week and one of the month": (
        "FREQ=MONTHLY;BYDAY=TU,1FR",
        ["2026-05-01", "2026-05-05", "2026-05-12"],
    ),
    "the 31st": ("FREQ=MONTHLY", ["2026-01-31", "2026-03-31", "2026-05-31"]),
    "the last day": (
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        ["2026-01-31", "2026-02-28", "2026-03-31"],
    ),
    "29 February": ("FREQ=YEARLY", ["2096-02-29", "2104-02-29", "2108-02-29"]),
    "29 February, a Sunday": (
        "FREQ=MONTHLY;INTERVAL=12;BYDAY=SU;BYMONTHDAY=29",
        ["2032-02-29", "2060-02-29", "2088-02-29", "2128-02-29"],
    ),
    "the year 2000 and its like": (
        "FREQ=YEARLY;INTERVAL=100",
        ["2000-02-29", "2400-02-29", "2800-02-29"],
    ),
    "a fifth Friday in February": (
        "FREQ=MONTHLY;INTERVAL=12;BYDAY=5FR",
        ["2008-02-29", "2036-02-29", "2064-02-29"],
    ),
    "the longest interval": ("FREQ=YEARLY;INTERVAL=999", ["2026-01-01", "3025-01-01"]),
    "the last year": ("FREQ=YEARLY", ["9998-12-31", "9999-12-31", "end"]),
    "never": ("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31", ["2026-02-28", "end"]),
    "no leap year": ("FREQ=MONTHLY;INTERVAL=48;BYMONTHDAY=29", ["2026-02-28", "end"]),
    "nothing in common": ("FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=8", ["2026-01-01", "end"]),
    "a fifth Sunday that is a first": (
        "FREQ=MONTHLY;INTERVAL=999;BYDAY=5SU;BYMONTHDAY=1",
        ["2026-01-01", "end"],
    ),
    "COUNT with days that don't exist": (
        "FREQ=MONTHLY;COUNT=3",
        ["2026-01-31", "2026-03-31", "2026-05-31", "end"],
    ),
    "the start counts, also if the rule doesn't name it": (
        "FREQ=WEEKLY;COUNT=2;BYDAY=MO",
        ["2026-01-01", "2026-01-05", "end"],
    ),
}


@pytest.mark.parametrize(("rule", "days"), EXAMPLES.values(), ids=EXAMPLES)
def test_finds_rare_days(postgres: Postgres, rule: str, days: list[str]) -> None:
    following = [day(each) if each != "end" else None for each in days[1:]]
    cases = [
        Case(rule, day(days[0]), True, "UTC", day(each).replace(tzinfo=UTC))
        for each in days[:-1]
    ]

    assert occurrences(postgres, cases) == following


def test_no_day_is_after_9999_in_any_zone(postgres: Postgres) -> None:
    """Where it begins in UTC, in Auckland, it is still 9999."""
    last = day("9999-12-31")
    cases = [
        Case("FREQ=DAILY", last, True, zone, last.replace(tzinfo=UTC))
        for zone in ("UTC", "Pacific/Auckland", "Pacific/Pago_Pago")
    ]

    assert occurrences(postgres, cases) == [None] * 3


def test_keeps_the_fraction_of_a_second(postgres: Postgres) -> None:
    start = day("2026-01-01T10:00:00.123456")
    case = Case("FREQ=DAILY", start, False, "UTC", start.replace(tzinfo=UTC))

    assert occurrences(postgres, [case]) == [start + timedelta(days=1)]


def test_a_day_that_a_zone_skips_is_the_next_day_there(postgres: Postgres) -> None:
    """Apia had no 30 December 2011: the two occurrences are one moment."""
    start = day("2011-12-28T10:00")
    cases = [
        Case(
            "FREQ=DAILY", start, False, "Pacific/Apia", to_moment(each, "Pacific/Apia")
        )
        for each in (start, day("2011-12-29T10:00"), day("2011-12-30T10:00"))
    ]

    assert occurrences(postgres, cases) == [
        day("2011-12-29T10:00"),
        day("2011-12-30T10:00"),
        day("2012-01-01T10:00"),
    ]
