"""What the documentation quotes is what was measured, and the guard guards it."""

import re
from pathlib import Path

import pytest

from benchmarks import change_writes, page, results
from benchmarks.artifacts import BASELINES
from benchmarks.candidates import DEPLOYED, OURS
from benchmarks.cold import Sample, undisturbed
from benchmarks.guard import above_limit
from benchmarks.instructions import parse_total
from benchmarks.strategies import STRATEGIES
from tests.support.project import ROOT

PINS = re.compile(r"^([\w-]+)(?:\[\w+\])?==(\S+)", re.MULTILINE)


@pytest.mark.parametrize("path", page.PAGES, ids=lambda path: str(path.name))
def test_a_page_quotes_what_was_measured(path: Path) -> None:
    text = path.read_text()

    assert text == page.fill(text, results.load())


def test_the_pages_have_every_table() -> None:
    asked = {
        name
        for path in page.PAGES
        for _, name, _ in page.BLOCK.findall(path.read_text())
    }

    assert asked == {*page.TABLES, *page.COMPUTED}


def test_the_readme_shows_what_is_deployed() -> None:
    ours = [name for name in page.SUMMARY if name in OURS]

    assert ours == [name for name in ours if name.endswith(DEPLOYED)]
    assert ours


def test_every_strategy_of_an_attacker_was_measured() -> None:
    measured = results.load()["attack"]["rows"]

    assert list(measured) == list(STRATEGIES)


@pytest.mark.parametrize("path", page.PICTURES, ids=lambda path: str(path.name))
def test_a_picture_shows_what_was_measured(path: Path) -> None:
    assert path.read_text() == page.PICTURES[path](results.load())


def test_a_cold_start_that_was_slowed_down_is_not_counted() -> None:
    quickest, usual, slowed_down = (Sample(300, cpu, 1) for cpu in (100, 114, 116))

    counted = undisturbed([slowed_down, usual, quickest])

    assert counted == [usual, quickest]


@pytest.mark.parametrize(
    ("deployed", "list_tasks", "bare", "above"),
    [
        pytest.param(1.6, 1.4, 0.7, [], id="as committed"),
        pytest.param(1.74, 1.53, 0.7, [], id="9% more"),
        pytest.param(1.6, 1.55, 0.7, ["list"], id="11% more"),
        pytest.param(1.77, 1.4, 0.7, ["list-deployed"], id="11% more, as deployed"),
        pytest.param(2.4, 2.1, 1.05, [], id="another Python: all half more"),
        pytest.param(
            *(1.6, 1.4, 0.6, ["list-deployed", "list"]),
            id="the bare handler takes less, ours the same",
        ),
        pytest.param(0.8, 0.7, 0.7, [], id="half"),
    ],
)
def test_the_guard_fails_at_ten_percent_over_what_was_committed(
    deployed: float, list_tasks: float, bare: float, above: list[str]
) -> None:
    now = {"list-deployed": deployed, "list": list_tasks, "bare": bare}
    committed = {"list-deployed": 1.6, "list": 1.4, "bare": 0.7}

    assert above_limit(now, committed) == above


def test_reads_cachegrinds_sum() -> None:
    report = "desc: I1 cache:\nevents: Ir\nfl=a.c\nfn=main\n1 5\nsummary: 708692158\n"

    assert parse_total(report) == 708692158


def test_refuses_a_report_of_several_events() -> None:
    with pytest.raises(ValueError, match="no summary of one event"):
        parse_total("events: Ir I1mr ILmr\nsummary: 10 2 1\n")


@pytest.mark.parametrize("baseline", ["bare", "powertools", "fastapi", "legacy"])
def test_baselines_have_our_versions(baseline: str) -> None:
    ours = dict(PINS.findall((ROOT / "shared" / "requirements.txt").read_text()))

    theirs = dict(PINS.findall((BASELINES / baseline / "requirements.txt").read_text()))

    assert theirs.items() >= {name: ours[name] for name in theirs & ours.keys()}.items()
    assert theirs


def test_the_counter_is_measured_without_the_function_that_writes_call() -> None:
    [replaced] = re.findall(r"FUNCTION (\w+)\(", change_writes.COUNTER)

    assert all(f"{replaced}(" in sql for sql in change_writes.STATEMENTS.values())
