"""docs/operations.md: what it names is there, and what is there it explains."""

import os
import re
import subprocess
from pathlib import Path

from ops.costs import Load
from tests.unit.test_architecture import FUNCTIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text()
TEMPLATE = (ROOT / "template.yaml").read_text()
ALARMS = set(
    re.findall(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm$", TEMPLATE, re.M)
)


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_alarm_is_explained_and_no_other() -> None:
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", section("Alarms"), re.M)

    assert set(re.findall(r"\w+", " ".join(rows))) == ALARMS


def test_all_alarms_are_in_the_sum() -> None:
    assert len(ALARMS) == Load().alarms


def make(*arguments: str) -> str:
    """Return what make would run."""
    ran = subprocess.run(
        ["make", "--dry-run", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout


def test_deploys_what_it_builds_to_the_stage_and_asks_first() -> None:
    build, _, deploy = make("deploy", "STAGE=prod").partition("sam deploy ")

    assert "sam build" in build
    assert "--config-env prod" in deploy
    assert "file://parameters/prod.yaml Architecture=arm64" in deploy
    assert "SecretArn" not in deploy
    assert "--no-confirm-changeset" not in deploy
    assert "--role-arn" not in deploy


def test_a_job_deploys_what_was_built_before_and_is_asked_nothing() -> None:
    made = make("deploy", "STAGE=prod", "BUILT=1", "CI=true", "STACK_ROLE_ARN=arn:x")

    assert "sam build" not in made
    assert "--no-confirm-changeset --no-fail-on-empty-changeset" in made
    assert "--role-arn arn:x" in made


def test_gives_the_stack_the_secret_and_whatever_else_is_said() -> None:
    made = make("deploy", "BUILT=1", "SECRET_ARN=arn:x", "PARAMETERS=SnapStart=on")

    assert "SecretArn=arn:x SnapStart=on" in made


def test_follows_the_logs_of_one_request() -> None:
    made = make("logs", "STAGE=prod", "FIND=Abc_1=")

    assert "--stack-name tasks-prod --tail" in made
    assert """--filter '"Abc_1="'""" in made


def test_migrates_with_boto3_only_where_a_secret_is_to_be_read() -> None:
    assert make("-W", "pyproject.toml", "migrate").count("[local,aws]") == 0
    assert "[local,aws]" in make("-W", "pyproject.toml", "migrate", "SECRET_ARN=arn:x")


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
