"""What the workflows on GitHub may do, in which order, and with what."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.project import ROOT

FILES = sorted(ROOT.glob(".github/workflows/*.yml"))
WORKFLOWS: dict[str, Any] = {
    file.stem: yaml.safe_load(file.read_text()) for file in FILES
}
JOBS = {
    f"{name}/{job}": content
    for name, workflow in WORKFLOWS.items()
    for job, content in workflow["jobs"].items()
}
STAGES = ["staging", "prod"]
DEPLOY = "deploy-stage/deploy"
PINNED = re.compile(r"uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def steps(job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = JOBS[job].get("steps", [])
    return found


def runs(job: str) -> list[str]:
    return [step["run"] for step in steps(job) if "run" in step]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_every_action_is_pinned_to_a_commit_and_says_its_version(file: Path) -> None:
    lines = re.findall(r"uses: .*$", file.read_text(), re.M)
    foreign = [line for line in lines if "uses: ./" not in line]

    assert lines
    assert [line for line in foreign if not PINNED.match(line)] == []


def test_an_action_has_one_version_everywhere() -> None:
    used = {
        use
        for file in FILES
        for use in re.findall(r"uses: (\S+@\S+)", file.read_text())
    }

    assert len({use.partition("@")[0] for use in used}) == len(used)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_grants_nothing_to_all_jobs(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {}


@pytest.mark.parametrize("job", JOBS)
def test_a_job_reads_the_code_and_only_a_deployment_gets_a_token(job: str) -> None:
    deploys = job in [DEPLOY, *(f"deploy/{stage}" for stage in STAGES)]

    assert JOBS[job]["permissions"] == (
        {"contents": "read", "id-token": "write"} if deploys else {"contents": "read"}
    )


@pytest.mark.parametrize("job", JOBS)
def test_no_checkout_leaves_its_credentials(job: str) -> None:
    for step in steps(job):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("job", [job for job in JOBS if steps(job)])
def test_a_job_ends_by_itself(job: str) -> None:
    assert JOBS[job]["timeout-minutes"] <= 60


def test_tests_run_on_both_pythons_and_builds_for_both_processors() -> None:
    assert JOBS["ci/test"]["strategy"]["matrix"]["python"] == ["3.13", "3.11"]
    architectures = JOBS["ci/build"]["strategy"]["matrix"]["architecture"]
    assert architectures == ["arm64", "x86_64"]
    assert runs("ci/build")[0] == "make build"


def test_a_deployment_migrates_before_and_smokes_after() -> None:
    made = [run for run in runs(DEPLOY) if run.startswith("make")]

    assert made == [
        "make tools",
        "make migrate",
        "make deploy BUILT=1",
        'make smoke URL="$URL"',
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_is_installed_where_there_are_credentials(stage: str) -> None:
    """What a package does as it is installed, it would do with them."""
    uses = [step.get("uses", step.get("run", "")) for step in steps(DEPLOY)]
    [taken] = [i for i, use in enumerate(uses) if "configure-aws-credentials" in use]
    before, after = uses[:taken], uses[taken + 1 :]

    assert "make tools" in before
    stamps = [".venv/local", ".venv/aws", ".venv-sam/bin/sam"]
    built = [flag for stamp in stamps for flag in ("--old-file", stamp)]
    for command in (each for each in after if each.startswith("make ")):
        environment = {
            "PATH": os.environ["PATH"],
            "STAGE": stage,
            "SECRET_ARN": "arn:x",
        }
        ran = subprocess.run(
            [*shlex.split(command), "--dry-run", *built],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "pip" not in ran.stdout
    assert "pip install" not in " ".join(after)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_deployed_from_main_alone(stage: str) -> None:
    job = JOBS[f"deploy/{stage}"]

    assert job["if"] == "github.ref == 'refs/heads/main'"
    assert job["with"]["stage"] == stage


def test_a_deployment_has_its_stages_environment_and_waits_for_the_one_before() -> None:
    job = JOBS[DEPLOY]

    assert job["environment"]["name"] == job["env"]["STAGE"] == "${{ inputs.stage }}"
    assert job["concurrency"] == {
        "group": "deploy-${{ inputs.stage }}",
        "cancel-in-progress": False,
    }


def test_prod_comes_after_staging_and_staging_after_all_tests() -> None:
    assert JOBS["deploy/prod"]["needs"] == "staging"
    assert JOBS["deploy/staging"]["needs"] == "ci"
    assert JOBS["deploy/ci"]["uses"] == "./.github/workflows/ci.yml"


def test_staging_and_prod_run_the_same_job() -> None:
    used = {JOBS[f"deploy/{stage}"]["uses"] for stage in STAGES}

    assert used == {"./.github/workflows/deploy-stage.yml"}


def test_a_role_is_taken_without_keys() -> None:
    text = "".join(file.read_text() for file in FILES)
    secrets = set(re.findall(r"secrets\.(\w+)", text))

    assert "role-to-assume: ${{ vars.AWS_ROLE_ARN }}" in text
    assert secrets == {"SMOKE_EMAIL", "SMOKE_PASSWORD"}


def test_only_the_step_that_signs_in_sees_the_password() -> None:
    seeing = [step.get("name") for step in steps(DEPLOY) if "secrets." in str(step)]

    assert seeing == ["Smoke"]
    assert "secrets." not in str(JOBS[DEPLOY]["env"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_job_gets_the_secrets_of_its_environment(stage: str) -> None:
    """They are empty without `inherit`: github.com/actions/runner/issues/4453."""
    assert JOBS[f"deploy/{stage}"]["secrets"] == "inherit"


@pytest.mark.parametrize("job", JOBS)
def test_no_expression_is_pasted_into_a_shell(job: str) -> None:
    assert [run for run in runs(job) if "${{" in run] == []


def deploy_with(parameters: str) -> subprocess.CompletedProcess[str]:
    """Return what make would run, given what someone typed into the form."""
    [step] = [step for step in steps(DEPLOY) if step.get("name") == "Deploy"]
    assert step["env"]["PARAMETERS"] == "${{ inputs.parameters }}"
    return subprocess.run(
        [*shlex.split(step["run"]), "--dry-run"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "STAGE": "prod", "PARAMETERS": parameters},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("", []),
        ("GradualDeployment=false", ["GradualDeployment=false"]),
        (" SnapStart=on\n ThrottleRate=9 ", ["SnapStart=on", "ThrottleRate=9"]),
        ("AllowedOrigins=http://[::1]:3000", ["AllowedOrigins=http://[::1]:3000"]),
    ],
)
def test_the_form_of_a_deployment_gives_parameters(
    typed: str, given: list[str]
) -> None:
    ran = deploy_with(typed)

    assert ran.returncode == 0, ran.stderr
    [overrides] = re.findall(
        r"file://parameters/prod.yaml (.*?) *\\$", ran.stdout, re.M
    )
    assert overrides.split()[2:] == given


@pytest.mark.parametrize(
    "typed",
    [
        "$(shell touch {file})",
        "SnapStart=$(touch {file})",
        "SnapStart=`touch {file}`",
        "SnapStart=on; touch {file}",
        "SnapStart=on\ntouch {file}",
        "SnapStart=on' ; touch {file} '",
        'SnapStart=on" ; touch {file} "',
        "SnapStart=on|touch={file}",
        "SnapStart=on>{file}",
        "--role-arn=x",
    ],
)
def test_the_form_of_a_deployment_runs_nothing(typed: str, tmp_path: Path) -> None:
    file = tmp_path / "made"

    ran = deploy_with(typed.format(file=file))

    assert ran.returncode != 0
    assert "PARAMETERS" in ran.stderr
    assert ran.stdout == ""
    assert not file.exists()
