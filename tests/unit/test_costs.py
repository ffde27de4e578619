"""The sum of docs/operations.md: each line by hand, and the page as the script says."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from ops import costs
from ops.costs import Load, counts, lines, report, traces
from tests.support.project import ROOT

PAGE = (ROOT / "docs/operations.md").read_text()

LOAD = Load(
    requests=2_000_000,
    active_hours=73,
    memory_mb=1024,
    functions=7,
    duration_ms=100,
    cold_share=0.01,
    init_ms=500,
    snapshots=2,
    log_bytes=1024,
    log_days=730 / 24,
    response_bytes=1024 * 1024 / 1000,
    metrics=10,
    route_metrics=0,
    alarms=5,
    environments=10,
    neon_cu=0.5,
    neon_gb=2,
    neon_history_gb=3,
)

# Computed by hand from the load above.
BY_HAND = {
    "Lambda: requests": 0.40,
    "Lambda: duration": 200_000 * 0.0000133334,
    "Lambda: cold starts": 20_000 * 0.5 * 0.0000133334,
    "API Gateway: requests": 2.00,
    "API Gateway: data out": 0.09 * 2_000_000 / 1024 / 1000,
    "Logs: written": 0.50 * 2_000_000 / 1024 / 1024,
    "Logs: kept": 0.03 * 0.15 * 2_000_000 / 1024 / 1024,
    # 7 functions for 262,800 seconds: of 2,000,000 requests, 1,839,600 may be a first.
    "X-Ray: traces": 5e-6 * (1_839_600 + 8_020),
    "Metrics: own": 0.30,
    "Metrics: each route's": 0.0,
    "Alarms": 0.50,
    "Dashboard": 3.00,
    "Alarms' key": 1.00,
    "Secret": 0.40,
    # 10 environments, 12 times an hour, for 73 hours.
    "Secret: reads": 8_760 * 0.000005,
    "Neon: compute": 0.5 * 73 * 0.106,
    "Neon: storage": 0.70,
    "Neon: history": 0.60,
}


def test_each_line_is_as_computed_by_hand() -> None:
    assert {line.what: line.usd for line in lines(LOAD)} == pytest.approx(BY_HAND)


def test_snapstart_restores_instead_of_starting_and_keeps_snapshots() -> None:
    without, with_ = (
        {line.what: line.usd for line in lines(LOAD, snapstart=snapstart)}
        for snapstart in (False, True)
    )

    assert without.keys() - with_.keys() == {"Lambda: cold starts"}
    # 20,000 restores of 1 GB; 2 snapshots of 1 GB for 2,628,000 seconds.
    assert {what: with_[what] for what in with_.keys() - without.keys()} == (
        pytest.approx(
            {
                "SnapStart: restoring": 20_000 * 0.0001397998,
                "SnapStart: snapshots": 2 * 2_628_000 * 0.0000015046,
            }
        )
    )


def test_a_busy_function_is_traced_in_samples() -> None:
    busy = Load(requests=10_000_000, active_hours=1, functions=1)

    assert traces(busy) == 3_600 + 0.05 * 9_996_400


def test_the_secret_is_read_at_most_once_a_request() -> None:
    [reads] = [x.quantity for x in lines(Load(requests=3)) if x.price == "secret read"]

    assert reads == 3


def test_a_line_scales_only_if_it_grows_with_requests() -> None:
    for line, doubled in zip(
        lines(LOAD), lines(replace(LOAD, requests=4_000_000)), strict=True
    ):
        if line.price != "trace":
            assert doubled.usd == pytest.approx(line.usd * (2 if line.scales else 1))


def test_x86_costs_a_quarter_more_by_the_second() -> None:
    [arm, x86] = (
        next(line.usd for line in lines(Load(architecture=name)) if "dur" in line.what)
        for name in ("arm64", "x86_64")
    )

    assert x86 / arm == pytest.approx(1.25, abs=0.001)


def test_other_numbers_and_prices_can_be_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "PRICES", dict(costs.PRICES))
    prices = tmp_path / "frankfurt.json"
    prices.write_text('{"http api": 1.2e-6}')

    costs.main(["--requests", "5e6", "--json", "--prices", str(prices)])

    said = json.loads(capsys.readouterr().out)
    assert said["load"]["requests"] == 5_000_000
    assert said["without_snapstart"]["API Gateway: requests"]["usd"] == 6.0
    assert said["with_snapstart"].keys() > {"SnapStart: snapshots"}


# What docs/operations.md says that its table is about. It doesn't follow the template,
# so that a new operation leaves the page as it is.
OF_THE_PAGE = Load(
    memory_mb=512, functions=15, snapshots=15, route_metrics=6 * 17, alarms=21
)


def test_the_page_shows_what_the_script_says() -> None:
    assert report(OF_THE_PAGE) in PAGE, "run: make costs, and put it into the page"


def test_the_readme_says_what_a_stack_costs_that_nobody_uses() -> None:
    unused = lines(replace(OF_THE_PAGE, requests=0, active_hours=0))

    total = sum(line.usd for line in unused)

    assert f"[{total:.0f} dollars a month]" in (ROOT / "README.md").read_text()


SMALL = """
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      MemorySize: 256
      Events:
        Get: { Type: HttpApi, Properties: { Method: GET, Path: /one } }
        Put: { Type: HttpApi, Properties: { Method: PUT, Path: /one } }
  Two:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      Events:
        Get: { Type: HttpApi, Properties: { Method: GET, Path: /two } }
  Fn::ForEach::Each:
    - Function
    - [One, Two]
    - ${Function}Errors: { Type: AWS::CloudWatch::Alarm, Properties: {} }
  Share:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Metrics: [{ Expression: a / b }, { MetricStat: a }, { MetricStat: b }]
"""


def test_counts_what_the_template_has(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "template.yaml").write_text(SMALL)

    assert counts(tmp_path / "template.yaml") == {
        "memory_mb": 256,
        "functions": 2,
        "snapshots": 2,
        "route_metrics": 18,
        "alarms": 4,
    }


def test_the_templates_counts_are_the_defaults() -> None:
    assert asdict(Load()).items() >= counts().items()
