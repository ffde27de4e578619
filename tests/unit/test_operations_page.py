"""docs/operations.md and deploying.md: what they name is there, and explained.

The links of all pages lead somewhere.
"""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from local.template import read_template as read
from tests.support.project import FUNCTIONS, ROOT

PAGE = (ROOT / "docs/operations.md").read_text()
DEPLOYING = (ROOT / "docs/deploying.md").read_text()
SAM: dict[str, Any] = read(ROOT / "template.yaml")
ALARMS = {
    name
    for name, each in SAM["Resources"].items()
    if each["Type"] == "AWS::CloudWatch::Alarm"
}

STAMPS = (".venv/local", ".venv/aws", ".venv-sam/bin/sam")
LINK = re.compile(r"\]\(([^)]+)\)")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_alarm_is_explained_and_no_other() -> None:
    explained = re.findall(r"^\| `(\w+)` \|", section("Alarms"), re.M)
    of_functions = {f"{function.name}Errors" for function in FUNCTIONS.values()}

    assert "\n| a function's `…Errors` |" in section("Alarms")
    assert set(explained) == ALARMS - of_functions
    assert of_functions < ALARMS


def make(*arguments: str) -> str:
    """Return what make would run."""
    ran = run_make(*arguments)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def run_make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--dry-run", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_deploys_what_it_builds_to_the_stage_and_asks_first() -> None:
    build, _, deploy = make("deploy", "STAGE=prod").partition("sam deploy --template")

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

    assert made.count("SecretArn=arn:x") == made.count("SnapStart=on") == 1


def test_a_release_is_a_moment_and_a_commit() -> None:
    made = make("deploy", "BUILT=1")

    pattern = SAM["Parameters"]["Release"]
    [release] = re.findall(r"Release=(\S+)", made)
    assert re.fullmatch(pattern["AllowedPattern"], release)
    assert abs(int(release[:10]) - time.time()) < 60


@pytest.mark.parametrize("target", ["deploy", "url", "logs", "delete"])
@pytest.mark.parametrize("stage", ["production", "", "dev prod", "Dev"])
def test_another_stage_is_refused_in_a_line(target: str, stage: str) -> None:
    ran = run_make(target, f"STAGE={stage}")

    assert ran.returncode != 0
    assert ran.stdout == ""
    assert f'STAGE must be one of dev prod staging, not "{stage}"' in ran.stderr


@pytest.mark.parametrize("given", ["GradualDeploymnet=false", "SnapStart", "Api=x"])
def test_a_parameter_that_the_template_lacks_is_refused_in_a_line(given: str) -> None:
    ran = run_make("deploy", "STAGE=prod", f"PARAMETERS=SnapStart=off {given}")

    assert ran.returncode != 0
    assert ran.stdout == ""
    assert f"as Name=Value, not: {given}." in ran.stderr


def test_what_was_built_for_another_processor_is_not_deployed(tmp_path: Path) -> None:
    (tmp_path / "architecture").write_text("x86_64\n")

    ran = subprocess.run(
        ["make", "deploy", "BUILT=1", f"BUILD_DIR={tmp_path}", "ARCH=arm64"]
        + [f"--old-file={stamp}" for stamp in STAMPS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode != 0
    assert "holds no build for arm64: make build ARCH=arm64" in ran.stderr


def test_follows_the_logs_of_one_request() -> None:
    made = make("logs", "STAGE=prod", "FIND=Abc_1=")

    assert "--stack-name tasks-prod --tail" in made
    assert """--filter '"Abc_1="'""" in made


def test_migrates_with_boto3_only_where_a_secret_is_to_be_read() -> None:
    changed = ("-W", "pyproject.toml", "migrate")

    assert "aws.lock" not in make(*changed)
    assert "aws.lock" in make(*changed, "SECRET_ARN=arn:x")


def test_every_command_it_names_is_there() -> None:
    pages = code(PAGE) + code(DEPLOYING)
    named = set(re.findall(r"\bmake (?:-s )?([a-z]+)\b(?! it)", pages))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))

    assert {"deploy", "logs", "migrate", "smoke", "compatible", "costs"} <= named
    assert named <= targets


def code(page: str) -> str:
    """Return what is set as code."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page, re.S))


@pytest.mark.parametrize(
    "path",
    [ROOT / "README.md", *(ROOT / "docs").glob("*.md")],
    ids=lambda path: path.name,
)
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text()):
        file, _, anchor = target.partition("#")
        if file.startswith(("https://", "http://")):
            continue
        page = path.parent / file if file else path
        assert page.exists(), target
        assert not anchor or anchor in anchors(page.read_text()), target


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.*)$", page, re.M)
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def test_every_parameter_is_explained() -> None:
    parameters = SAM["Parameters"].keys()
    explained = set(re.findall(r"`([A-Z][A-Za-z]+)", DEPLOYING + PAGE))

    # What make deploy gives, and what its name says.
    assert parameters - explained <= {"Architecture", "LogRetentionDays", "Stage"}


def test_no_secret_of_an_example_would_serve_as_one() -> None:
    """A key for HS256 has 32 bytes; whoever has read this could sign with it."""
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    files = [*pages, *(ROOT / "parameters").iterdir(), *ROOT.glob(".env.example")]

    for file in files:
        examples = re.findall(
            r"""BETTER_AUTH_SECRET"?\s*[=:]\s*"?([^"\n]*)""", file.read_text()
        )
        shown = [each for each in examples if not each.startswith("$")]
        assert [each for each in shown if len(each.partition("#")[0]) >= 32] == [], file


def test_the_workflow_has_the_variables_and_secrets_that_it_lists() -> None:
    workflow = (ROOT / ".github/workflows/deploy-stage.yml").read_text()
    rows = re.findall(r"^\| (?:variables|secrets) \| (.*) \|$", DEPLOYING, re.M)
    listed = set(re.findall(r"`([A-Z_]+)`", " ".join(rows)))

    assert listed == set(re.findall(r"(?:vars|secrets)\.([A-Z_]+)", workflow))


def test_it_names_the_log_of_a_function_as_it_is() -> None:
    for name in ("request_id", "correlation_id", "function_request_id", "user"):
        assert f"`{name}`" in section("Finding a request")
