"""The role that GitHub takes: who may take it, and that the stack is all it reaches."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ops/deploy-role.yaml").read_text()
DEPLOYER, _, STACK = TEXT.partition("\n  Stack:\n    Type: AWS::IAM::Role\n")
TYPES = sorted(
    set(re.findall(r"Type: (AWS::\w+::\w+)", (ROOT / "template.yaml").read_text()))
)
# What CloudFormation calls to make a resource of the template.
SERVICES = {
    "AWS::ApiGatewayV2": "apigateway",
    "AWS::CloudFormation": "cloudformation",
    "AWS::CloudWatch": "cloudwatch",
    "AWS::IAM": "iam",
    "AWS::KMS": "kms",
    "AWS::Logs": "logs",
    "AWS::Route53": "route53",
    "AWS::SNS": "sns",
    "AWS::Serverless": "lambda",
}


def actions(text: str) -> set[str]:
    found = set(re.findall(r"\b([a-z0-9]+:[A-Z*]\w*|[a-z0-9]+:\*)", text))
    return {action for action in found if not action.startswith("aws:")}


def statements(text: str) -> list[str]:
    return text.split("- Effect: Allow")[1:]


def test_github_takes_it_from_one_repositorys_environment_alone() -> None:
    trust = DEPLOYER.partition("AssumeRolePolicyDocument")[2].partition("Policies:")[0]

    assert "Action: sts:AssumeRoleWithWebIdentity" in trust
    assert "StringLike" not in TEXT
    assert "githubusercontent.com:aud: sts.amazonaws.com" in trust
    assert "!Sub repo:${Repository}:environment:${Stage}" in trust


def test_github_touches_no_resource_itself() -> None:
    allowed = actions(DEPLOYER.partition("PolicyName: Migrate")[2])

    assert {action.partition(":")[0] for action in allowed} == {
        "cloudformation",
        "iam",
        "s3",
        "secretsmanager",
    }
    assert {action for action in allowed if action.startswith("iam:")} <= {
        "iam:PassRole",
        "iam:PassedToService",
    }


def test_only_cloudformation_takes_the_role_that_does() -> None:
    assert re.findall(r"Service: (\S+)", STACK) == ["cloudformation.amazonaws.com"]


def test_where_no_resource_can_be_named_nothing_of_others_is_changed() -> None:
    nameless = [each for each in statements(STACK) if 'Resource: "*"' in each]

    assert nameless
    for statement in nameless:
        allowed = actions(statement)
        assert not any(action.endswith(":*") for action in allowed)
        if "aws:ResourceTag/aws:cloudformation:stack-name" not in statement:
            changing = re.compile(r"kms:(Put|Schedule|Disable|Untag|Delete)")
            assert not any(map(changing.match, allowed))


def test_all_that_has_a_name_has_the_stages() -> None:
    named = re.findall(r"!Sub (arn:\S+:tasks-\S+|arn:\S+/tasks-\S+)", TEXT)

    assert len(named) > 8
    assert all("tasks-${Stage}" in arn for arn in named)


def test_the_pages_name_for_it_is_out_of_its_own_reach() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    [name] = re.findall(r"--stack-name (\S+) --template-file ops/deploy-role", page)

    assert not name.startswith("tasks-")


@pytest.mark.parametrize("kind", TYPES)
def test_the_stack_can_be_made(kind: str) -> None:
    service = SERVICES[kind.rpartition("::")[0]]

    assert any(action.startswith(f"{service}:") for action in actions(STACK))
