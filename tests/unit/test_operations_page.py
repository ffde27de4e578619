"""docs/operations.md: what it names is there, and what is there it explains."""

import re
from pathlib import Path

import pytest

from tests.unit.test_architecture import FUNCTIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text()
TEMPLATE = (ROOT / "template.yaml").read_text()
ALARMS = set(
    re.findall(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm$", TEMPLATE, re.M)
)


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.skipif(not ALARMS, reason="template.yaml has no alarms yet")
def test_every_alarm_is_explained_and_no_other() -> None:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", section("Alarms"), re.M)

    assert set(re.findall(r"\w+", " ".join(rows))) == ALARMS


def test_every_command_it_names_is_there() -> None:
    named = set(re.findall(r"\bmake (?:-s )?([a-z]+)\b(?! it)", code(PAGE)))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))

    assert {"deploy", "logs", "migrate", "smoke", "compatible", "costs"} <= named
    assert named <= targets


def code(page: str) -> str:
    """Return what is set as code."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page, re.S))


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        file, _, anchor = target.partition("#")
        if file.startswith("https://"):
            continue
        page = (ROOT / "docs" / file).read_text() if file else PAGE
        assert not anchor or anchor in anchors(page), target


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.*)$", page, re.M)
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def test_the_workflow_has_the_variables_and_secrets_that_it_lists() -> None:
    workflow = (ROOT / ".github/workflows/deploy.yml").read_text()
    rows = re.findall(r"^\| (?:variables|secrets) \| (.*) \|$", PAGE, re.M)
    listed = set(re.findall(r"`([A-Z_]+)`", " ".join(rows)))

    assert listed == set(re.findall(r"(?:vars|secrets)\.([A-Z_]+)", workflow))


def test_it_names_the_log_of_a_function_as_it_is() -> None:
    assert len(FUNCTIONS) == 7
    for name in ("request_id", "correlation_id", "function_request_id", "user"):
        assert f"`{name}`" in section("Finding a request")
