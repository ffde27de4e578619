"""The summary of a user's tasks."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local.routes import Router
from local.template import load_template
from taskapi.tasks import summary
from tests.support.api import Client
from tests.support.project import ROOT

NOTHING = {
    "pending": 0,
    "completed": 0,
    "overdue": 0,
    "due_today": 0,
    "priorities": {"low": 0, "medium": 0, "high": 0, "urgent": 0},
    "tags": [],
}


def summarize(user: Client, **query: str) -> dict[str, Any]:
    answer = user.send("summarize_tasks", query=query)
    assert answer.status == 200, answer.text
    counts: dict[str, Any] = answer.json
    return counts


def test_a_new_user_has_nothing(user: Client) -> None:
    assert summarize(user) == NOTHING
    assert list(summarize(user)) == list(NOTHING)


def test_counts_pending_tasks_and_completed_ones(user: Client, other: Client) -> None:
    other.create(priority="urgent", tags=["other"])
    for priority in ("low", "medium", "high", "high"):
        user.create(priority=priority)
    user.create(completed=True, priority="urgent", tags=["done"], due_date="2000-01-01")

    assert summarize(user) == NOTHING | {
        "pending": 4,
        "completed": 1,
        "priorities": {"low": 1, "medium": 1, "high": 2, "urgent": 0},
    }


def test_tags_are_in_the_order_of_count_and_name(user: Client) -> None:
    for tags in (["b", "a"], ["é", "b"], ["B", "c"], ["b", "c"]):
        user.create(tags=tags)

    assert summarize(user)["tags"] == [
        {"tag": "b", "count": 3},
        {"tag": "c", "count": 2},
        {"tag": "B", "count": 1},
        {"tag": "a", "count": 1},
        {"tag": "é", "count": 1},
    ]


def test_only_the_most_frequent_tags_are_counted(
    user: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary, "MOST_TAGS", 2)
    user.create(tags=["c", "b", "a"])
    user.create(tags=["c"])

    assert [each["tag"] for each in summarize(user)["tags"]] == ["c", "a"]


ZONES = ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"]


@pytest.mark.parametrize("zone", ZONES)
def test_counts_what_is_overdue_and_due_today(user: Client, zone: str) -> None:
    now = datetime.now(UTC)
    today = now.astimezone(ZoneInfo(zone)).date()
    hours = [timedelta(hours=n, minutes=1) for n in range(-40, 41, 4)]
    days = [today + timedelta(days=n) for n in range(-2, 3)]
    for due in (*(now + each for each in hours), *days):
        user.create(due_date=due.isoformat())
    user.create()

    counts = summarize(user, time_zone=zone)

    past = [each for each in hours if each < timedelta(0)]
    of_today = [
        each
        for each in hours
        if (now + each).astimezone(ZoneInfo(zone)).date() == today
    ]
    assert counts["overdue"] == len(past) + 2
    assert counts["due_today"] == len(of_today) + 1


def test_an_unknown_zone_is_refused(user: Client) -> None:
    answer = user.send("summarize_tasks", query="time_zone=Europe/Atlantis")

    assert answer.status == 422
    assert answer.json["details"]["field"] == "time_zone"


def until(tag: str) -> datetime:
    """Return when the counts change without a write, as a tag has it."""
    microseconds = tag.partition(".")[2].partition("-")[0]
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(microseconds))


def test_a_tag_ends_at_midnight_of_the_zone(user: Client) -> None:
    zone = ZoneInfo("America/New_York")
    user.create(due_date="2000-01-01T00:00:00Z")

    answer = user.send("summarize_tasks", query="time_zone=America/New_York")

    end = until(answer.headers["etag"])
    assert timedelta(0) < end - datetime.now(UTC) <= timedelta(hours=25)
    assert end.astimezone(zone).strftime("%H:%M:%S.%f") == "00:00:00.000000"


def test_a_tag_ends_when_the_next_task_is_due(user: Client) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=100)
    for due in (soon, soon + timedelta(hours=1), soon - timedelta(hours=1)):
        user.create(due_date=due.isoformat())
    user.create(due_date=datetime.now(UTC).isoformat(), completed=True)

    tags = [
        user.send("summarize_tasks", query={"time_zone": zone}).headers["etag"]
        for zone in ("UTC", "Asia/Tokyo")
    ]

    # It is midnight in one of them at most.
    assert soon in map(until, tags)


def test_a_tag_that_has_ended_gets_no_304(user: Client) -> None:
    tag = user.send("summarize_tasks").headers["etag"]
    change, _, rest = tag.partition(".")
    ended = f"{change}.{10**15}-{rest.partition('-')[2]}"

    for sent, status in ((tag, 304), (ended, 200), (f"{ended}, {tag}", 304)):
        headers = {"if-none-match": sent}
        assert user.send("summarize_tasks", headers=headers).status == status


def test_its_path_wins_over_that_of_a_task() -> None:
    router = Router(load_template(ROOT / "template.yaml").functions)

    paths = {
        path: router.match("GET", f"/api/a/tasks/{path}")
        for path in ("summary", "1", "summary2", "Summary")
    }

    assert {
        path: match and match.function.folder.name for path, match in paths.items()
    } == {
        "summary": "summarize_tasks",
        "1": "get_task",
        "summary2": "get_task",
        "Summary": "get_task",
    }


def test_no_task_is_called_summary(user: Client) -> None:
    assert user.send("get_task", "summary").status == 404
