"""Local times of due dates: clock changes, and the names of zones."""

import random
import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from taskapi.tasks.create import create_statement
from taskapi.tasks.fields import BODY_FIELDS, RULES
from tests.support.api import Client

Postgres = psycopg.Connection[Any]

CLOCK_CHANGES = {
    # Skipped times have the UTC offset from before, repeated ones mean the first.
    "Berlin skips": ("Europe/Berlin", "2026-03-29T02:30:00", "01:30:00"),
    "before": ("Europe/Berlin", "2026-03-29T01:59:59", "00:59:59"),
    "after": ("Europe/Berlin", "2026-03-29T03:00:00", "01:00:00"),
    "Berlin repeats": ("Europe/Berlin", "2026-10-25T02:30:00", "00:30:00"),
    "the first repeated": ("Europe/Berlin", "2026-10-25T02:00:00", "00:00:00"),
    "the last repeated": ("Europe/Berlin", "2026-10-25T02:59:59", "00:59:59"),
    "the first not repeated": ("Europe/Berlin", "2026-10-25T03:00:00", "02:00:00"),
    "New York skips": ("America/New_York", "2026-03-08T02:30:00", "07:30:00"),
    "New York repeats": ("America/New_York", "2026-11-01T01:30:00", "05:30:00"),
    "Auckland skips": ("Pacific/Auckland", "2026-09-27T02:30:00", "14:30:00"),
    "Auckland repeats": ("Pacific/Auckland", "2026-04-05T02:30:00", "13:30:00"),
    "Lord Howe skips 30 min": (
        "Australia/Lord_Howe",
        "2026-10-04T02:15:00",
        "15:45:00",
    ),
    "Lord Howe repeats": ("Australia/Lord_Howe", "2026-04-05T01:45:00", "14:45:00"),
    "Troll repeats two hours": ("Antarctica/Troll", "2026-10-25T01:30:00", "23:30:00"),
    "Apia skips a day": ("Pacific/Apia", "2011-12-30T12:00:00", "22:00:00"),
    "Apia before": ("Pacific/Apia", "2011-12-29T23:59:59", "09:59:59"),
    "Apia after": ("Pacific/Apia", "2011-12-31T00:00:00", "10:00:00"),
    "Dublin, where winter is the exception": (
        "Europe/Dublin",
        "2026-10-25T01:30:00",
        "00:30:00",
    ),
}


@pytest.mark.parametrize(
    ("zone", "local", "utc"), CLOCK_CHANGES.values(), ids=CLOCK_CHANGES
)
def test_reads_a_local_time(user: Client, zone: str, local: str, utc: str) -> None:
    task = user.create(due_date=local, time_zone=zone)

    assert task["due_date"][11:] == f"{utc}.000000Z"
    offset = datetime.fromisoformat(f"{local}Z") - datetime.fromisoformat(
        task["due_date"]
    )
    assert abs(offset) <= timedelta(hours=14)


ABBREVIATIONS = {
    "CET": "Europe/Brussels",
    "MET": "Europe/Brussels",
    "EET": "Europe/Athens",
    "WET": "Europe/Lisbon",
    "EST": "EST",
    "MST": "MST",
    "HST": "HST",
}
"""Names that Postgres also has as abbreviations, and what they are kept as."""


@pytest.mark.parametrize(("zone", "kept"), ABBREVIATIONS.items())
@pytest.mark.parametrize("local", ["2026-01-01T12:00:00", "2026-07-01T12:00:00"])
def test_a_name_that_is_also_an_abbreviation_is_a_zone(
    user: Client, zone: str, kept: str, local: str
) -> None:
    moment = datetime.fromisoformat(local).replace(tzinfo=zoneinfo.ZoneInfo(zone))

    task = user.create(due_date=local, time_zone=zone)
    user.create(due_date=(moment - timedelta(hours=12)).isoformat())
    user.create(due_date=(moment - timedelta(hours=12, seconds=1)).isoformat())

    assert datetime.fromisoformat(task["due_date"]) == moment
    assert task["time_zone"] == kept
    assert len(user.pages(due_from=local[:10], time_zone=zone)) == 2
    assert len(user.pages(due_before=local[:10], time_zone=zone)) == 1


def transitions(zone: zoneinfo.ZoneInfo) -> list[datetime]:
    """Return the days of a few clock changes of a zone, of those from 1970 to 2023."""
    first = datetime(1970, 1, 2, 12, tzinfo=UTC)
    days = [first + timedelta(days=n) for n in range(0, 53 * 365, 7)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    return [
        day
        for day, before, after in zip(days[1:], offsets, offsets[1:], strict=False)
        if before != after
    ]


LOCAL_TIMES = """
    SELECT zone, local_time, local_moment(local_time, zone)
      FROM unnest(%s::text[], %s::timestamp[]) AS times (zone, local_time)
"""


def test_agrees_with_python_about_the_clock_changes_of_all_zones(
    postgres: Postgres,
) -> None:
    """Python has the rule of RFC 5545 too: fold=0."""
    rng = random.Random(1)
    names = [name for (name,) in postgres.execute("SELECT name FROM time_zones")]
    known = zoneinfo.available_timezones()
    zones, times = [], []
    for name in rng.sample(sorted(known & {*names}), 100):
        zone = zoneinfo.ZoneInfo(name)
        found = transitions(zone)
        for week_end in rng.sample(found, min(3, len(found))):
            change = moment_of_change(zone, week_end - timedelta(days=7), week_end)
            for minutes in (-1500, -90, -61, -59, -29, -1, 0, 1, 29, 59, 61, 90, 1500):
                local = change.astimezone(zone).replace(tzinfo=None)
                zones.append(name)
                times.append(local + timedelta(minutes=minutes))

    rows = postgres.execute(LOCAL_TIMES, (zones, times)).fetchall()

    wrong = [
        (name, local, moment)
        for name, local, moment in rows
        if moment != local.replace(tzinfo=zoneinfo.ZoneInfo(name)).astimezone(UTC)
    ]
    assert len(rows) > 2000
    assert wrong == []


def moment_of_change(
    zone: zoneinfo.ZoneInfo, before: datetime, after: datetime
) -> datetime:
    """Return the second at which the zone's offset changes between the two."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def test_knows_the_zones_that_python_knows(postgres: Postgres) -> None:
    names = {name for (name,) in postgres.execute("SELECT name FROM time_zones")}
    areas = {name for name in zoneinfo.available_timezones() if "/" in name}

    assert len(areas & names) > 0.95 * len(areas)
    assert {"UTC", "Europe/Berlin", "Asia/Kolkata"} <= names
    assert not {name for name in names if name.startswith(("posix/", "right/"))}


def test_knows_a_zone_that_is_newer_than_the_table(
    user: Client, postgres: Postgres
) -> None:
    with postgres.transaction():
        postgres.execute("DELETE FROM time_zones WHERE name = 'Europe/Vienna'")
    try:
        assert user.create(time_zone="Europe/Vienna")["time_zone"] == "Europe/Vienna"
    finally:
        postgres.execute("INSERT INTO time_zones VALUES ('Europe/Vienna')")


@pytest.mark.parametrize("server_zone", ["America/Los_Angeles", "Asia/Tokyo"])
@pytest.mark.parametrize(
    ("due", "stored"),
    [
        ("2026-03-09", "2026-03-09"),
        ("2026-03-09T17:00:00.000000", "2026-03-09T16:00:00.000000Z"),
        ("2026-03-09T17:00:00.000000Z", "2026-03-09T17:00:00.000000Z"),
    ],
)
def test_the_servers_settings_change_no_date(
    user: Client, postgres: Postgres, server_zone: str, due: str, stored: str
) -> None:
    values = {field.name: field.default for field in BODY_FIELDS} | {
        "user_id": user.user_id,
        "key": "k",
        "lock_timeout": "3s",
        "fingerprint": b"",
        "title": "a",
        "due_date": due,
        "time_zone": "Europe/Berlin",
    }
    with postgres.transaction():
        postgres.execute("SELECT set_config('TimeZone', %s, TRUE)", (server_zone,))
        postgres.execute("SET LOCAL DateStyle = 'SQL, DMY'")

        [(id, *_, due_date, _)] = postgres.execute(
            create_statement(tuple(RULES)).encode(), values
        )

    assert due_date == stored
    assert user.send("get_task", id).json["due_date"] == stored
