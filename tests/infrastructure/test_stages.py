"""samconfig.toml and parameters/: three stages, each with parameters that fit."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from local.template import read_template
from tests.support.project import ROOT
from tests.support.stacks import SECRET_ARN

STAGES = ["dev", "staging", "prod"]
CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
PARAMETERS: dict[str, Any] = read_template(ROOT / "template.yaml")["Parameters"]  # type: ignore[assignment]


def given(stage: str) -> dict[str, Any]:
    file = CONFIG[stage]["deploy"]["parameters"]["parameter_overrides"]
    found: dict[str, Any] = yaml.safe_load(
        (ROOT / file.removeprefix("file://")).read_text()
    )
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_parameters_are_accepted(stage: str) -> None:
    values = {**given(stage), "SecretArn": SECRET_ARN}
    required = {name for name, each in PARAMETERS.items() if "Default" not in each}

    assert required <= values.keys() <= PARAMETERS.keys()
    for name, value in values.items():
        parameter = PARAMETERS[name]
        assert value in parameter.get("AllowedValues", [value])
        assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(value))
        assert parameter["Type"] != "Number" or value >= parameter.get("MinValue", 0)


# Of each account, and of each deployment.
GIVEN_ELSEWHERE = {"SecretArn", "PermissionsBoundaryArn", "Release", "Architecture"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_file_has_every_parameter(stage: str) -> None:
    """CloudFormation keeps the value of one that isn't given, be it a repair's."""
    assert given(stage).keys() == PARAMETERS.keys() - GIVEN_ELSEWHERE


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_a_stack_of_its_own(stage: str) -> None:
    deploy = CONFIG[stage]["deploy"]["parameters"]

    assert CONFIG[stage]["global"]["parameters"]["stack_name"] == f"tasks-{stage}"
    assert given(stage)["Stage"] == stage
    assert f"stage={stage}" in deploy["tags"]
    # Both for the template's loop, Fn::ForEach.
    assert deploy["capabilities"] == "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
    assert deploy["language_extensions"] is True


def test_no_stage_of_users_lets_localhost_in() -> None:
    for stage in ("staging", "prod"):
        assert "localhost" not in given(stage)["AllowedOrigins"]


@pytest.mark.parametrize("name", [n for n in PARAMETERS if "Default" in PARAMETERS[n]])
def test_a_parameter_has_a_description_and_a_default_that_fits(name: str) -> None:
    parameter = PARAMETERS[name]

    assert parameter["Description"]
    if pattern := parameter.get("AllowedPattern"):
        assert re.fullmatch(pattern, parameter["Default"])
        assert parameter["ConstraintDescription"]
    assert parameter["Default"] in parameter.get(
        "AllowedValues", [parameter["Default"]]
    )


def test_every_parameter_is_in_a_group() -> None:
    document: dict[str, Any] = read_template(ROOT / "template.yaml")
    groups = document["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]

    grouped = [name for group in groups for name in group["Parameters"]]

    assert sorted(grouped) == sorted(PARAMETERS)
