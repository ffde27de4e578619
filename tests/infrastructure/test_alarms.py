"""Each alarm: how many failing requests it takes, and that docs/operations.md says so.

An alarm is played through as CloudWatch evaluates it: requests come evenly, some of
them fail in the way that the alarm is about, for as long as the alarm looks back.
"""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.project import ROOT
from tests.support.stacks import Json, Stack

PAGE = (ROOT / "docs/operations.md").read_text()
BUSY = 11_600
LOADS = (116, BUSY)
"""Requests in 5 minutes: of a million a month, and of a hundred million."""

ALARMS = ("ServerErrors", "SlowAnswers", "Throttles", "InternalErrors", "GetTaskErrors")


def fires(alarm: Json, requests: float, failing: float) -> bool:
    """Whether it goes off where so many requests in 5 minutes fail, again and again."""
    period = alarm.get("Period") or max(
        query["MetricStat"]["Period"]
        for query in alarm["Metrics"]
        if "MetricStat" in query
    )
    share = period / 300
    threshold: float = alarm["Threshold"]
    return value(alarm, requests * share, failing * share) > threshold


def value(alarm: Json, requests: float, failing: float) -> float:
    """Return what a period with these requests is worth."""
    if "Metrics" not in alarm:
        assert alarm["Statistic"] == "Sum"
        return failing
    values = {
        query["Id"]: statistic(query["MetricStat"], requests, failing)
        for query in alarm["Metrics"]
        if "MetricStat" in query
    }
    [expression] = [q["Expression"] for q in alarm["Metrics"] if "Expression" in q]
    return evaluated(expression, values)


def statistic(stat: Json, requests: float, failing: float) -> float:
    if stat["Stat"].startswith("PR("):
        return 100 * failing / requests
    assert stat["Stat"] == "Sum"
    return requests if stat["Metric"]["MetricName"] == "Count" else failing


def evaluated(expression: str, values: Mapping[str, float]) -> float:
    """Return what metric math makes of it; this much of it is Python too."""
    known: dict[str, Any] = {"IF": lambda condition, a, b: a if condition else b}
    result: float = eval(expression, {"__builtins__": {}}, known | dict(values))  # noqa: S307
    return result


def fewest(alarm: Json, requests: int) -> int:
    """Return how many requests must fail in 5 minutes; 0 is never."""
    return next(
        (n for n in range(1, requests + 1) if fires(alarm, requests, n)),
        0,
    )


def events(alarm: Json) -> int:
    """Return the fewest requests that set it off where nobody asks but these."""
    alone = next(n for n in range(1, 100) if value(alarm, n, n) > alarm["Threshold"])
    periods = int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"])
    return alone * periods


def table() -> dict[str, list[str]]:
    """Return the page's numbers of each alarm."""
    rows = re.findall(
        r"^\| (`\w+`|a function's `…Errors`) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|",
        PAGE,
        re.M,
    )
    return {re.sub("^`|`$", "", name): numbers for name, *numbers in rows}


@pytest.mark.parametrize("name", ALARMS)
def test_the_page_says_how_many_failures_an_alarm_takes(
    name: str, stacks: dict[str, Stack]
) -> None:
    alarm = stacks["defaults"].resources[name]["Properties"]
    row = "a function's `…Errors" if name == "GetTaskErrors" else name

    found = [events(alarm), *(fewest(alarm, load) for load in LOADS)]

    assert [f"{number:,}" for number in found] == table()[row]


@pytest.mark.parametrize("requests", [1, 2, 5, 116, 1000, BUSY])
@pytest.mark.parametrize("name", ALARMS)
def test_an_outage_sets_off_an_alarm_from_one_request_a_minute(
    name: str, requests: int, stacks: dict[str, Stack]
) -> None:
    """With fewer, those that count single failures still do."""
    alarm = stacks["defaults"].resources[name]["Properties"]
    needed = {"ServerErrors": 5, "SlowAnswers": 3, "Throttles": 25}.get(name, 1)

    assert fires(alarm, requests, requests) is (requests >= needed)


def test_no_alarm_needs_a_thousand_samples(stack: Stack) -> None:
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        assert "EvaluateLowSampleCountPercentile" not in alarm
        assert not str(alarm.get("ExtendedStatistic", "")).startswith("p")
