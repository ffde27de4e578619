"""What the documentation quotes is what was measured, and the guard guards it."""

import re
from pathlib import Path

import pytest

from benchmarks import page, results
from benchmarks.artifacts import BASELINES
from benchmarks.guard import Counts, exceeds_limit
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

    assert asked == {*page.MODULES, "summary", "goals", "machine"}


def test_every_strategy_of_an_attacker_was_measured() -> None:
    measured = results.load()["attack"]["rows"]

    assert list(measured) == list(STRATEGIES)


def test_the_picture_shows_what_was_measured() -> None:
    assert page.PICTURE.read_text() == page.draw_picture(results.load())


@pytest.mark.parametrize(
    ("now", "dearer"),
    [
        pytest.param(Counts(1.4e9, 0.7e9), False, id="as committed"),
        pytest.param(Counts(1.53e9, 0.7e9), False, id="9% more"),
        pytest.param(Counts(1.55e9, 0.7e9), True, id="11% more"),
        pytest.param(Counts(2.1e9, 1.05e9), False, id="another Python: both half more"),
        pytest.param(
            Counts(1.4e9, 0.6e9),
            True,
            id="the bare handler takes less, ours the same",
        ),
        pytest.param(Counts(0.7e9, 0.7e9), False, id="half"),
    ],
)
def test_the_guard_fails_at_ten_percent_over_what_was_committed(
    now: Counts, dearer: bool
) -> None:
    assert exceeds_limit(now, Counts(ours=1.4e9, bare=0.7e9)) is dearer


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
