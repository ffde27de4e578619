"""The role that GitHub takes: who may take it, and that the stack is all it reaches."""

import re
from typing import Any

import pytest
from moto.iam.access_control import IAMPolicyStatement, PermissionResult

from local.template import parse_template, read_template
from tests.support.project import ROOT

LAMBDA = "arn:aws:lambda:eu-central-1:123456789012"
GATEWAY = "arn:aws:apigateway:eu-central-1::"
BUCKET = "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1"
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
        "kms",
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
    page = (ROOT / "docs/deploying.md").read_text()
    [name] = re.findall(r'--stack-name "(\S+)" \\\n +--template-file ops/dep', page)

    assert not name.startswith("tasks-")


# What IAM makes of the policies, as moto judges them.

IDS = {
    "AWS::Partition": "aws",
    "AWS::AccountId": "123456789012",
    "AWS::Region": "eu-central-1",
    "Repository": "example/tasks",
    "Stage": "staging",
    "ApiId": "api1",
    "SecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tasks-1",
    "MigrationSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:m-1",
    "SecretKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1",
    "DomainName": "api.example.com",
    "HostedZoneId": "Z1",
    "Boundary": "arn:aws:iam::123456789012:policy/deploy-tasks-staging-Boundary-1",
    "Stack.Arn": "arn:aws:iam::123456789012:role/deploy-tasks-staging-Stack-1",
}
TEMPLATE: dict[str, Any] = read_template(ROOT / "ops/deploy-role.yaml")


def worked_out(value: Any) -> Any:
    """Return a value with the ids above, as if every condition held."""
    match value:
        case {"Ref": str(name)}:
            return IDS[name]
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return IDS[f"{name}.{attribute}"]
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: IDS[found[1]], text)
        case {"Fn::If": [_, then, _]}:
            return worked_out(then)
        case dict():
            return {key: worked_out(each) for key, each in value.items()}
        case list():
            return [worked_out(each) for each in value]
    return value


def allowed(resource: str, action: str, on: str, boundary: str | None = None) -> bool:
    """Whether a resource's policies allow an action, of a role with that boundary."""
    properties = worked_out(TEMPLATE["Resources"][resource]["Properties"])
    documents = [each["PolicyDocument"] for each in properties.get("Policies", [])]
    documents += [properties[key] for key in ("PolicyDocument",) if key in properties]
    for statement in (each for one in documents for each in one["Statement"]):
        condition = statement.get("Condition", {}).get("StringEquals", {})
        if condition.get("iam:PermissionsBoundary", boundary) != boundary:
            continue
        judged = IAMPolicyStatement({**statement, "Condition": {}})
        if judged.is_action_permitted(action, on) is PermissionResult.PERMITTED:
            return True
    return False


ROLE = "arn:aws:iam::123456789012:role/tasks-staging-GetTaskRole-1"
PROD_ROLE = "arn:aws:iam::123456789012:role/tasks-prod-GetTaskRole-1"
BOUND = (
    "CreateRole",
    "AttachRolePolicy",
    "PutRolePolicy",
    "PutRolePermissionsBoundary",
)


@pytest.mark.parametrize("action", BOUND)
@pytest.mark.parametrize(
    ("boundary", "may"),
    [
        pytest.param(None, False, id="no boundary"),
        pytest.param("arn:aws:iam::aws:policy/AdministratorAccess", False, id="wider"),
        pytest.param(IDS["Boundary"], True, id="ours"),
    ],
)
def test_a_role_gets_its_policies_only_within_the_boundary(
    action: str, boundary: str | None, may: bool
) -> None:
    assert allowed("Stack", f"iam:{action}", ROLE, boundary) is may
    assert not allowed("Stack", f"iam:{action}", PROD_ROLE, boundary)


@pytest.mark.parametrize(
    ("action", "on"),
    [
        ("iam:DeleteRolePermissionsBoundary", ROLE),
        ("iam:CreatePolicyVersion", IDS["Boundary"]),
        ("iam:DeletePolicy", IDS["Boundary"]),
        ("iam:PutRolePolicy", IDS["Stack.Arn"]),
        ("iam:UpdateAssumeRolePolicy", IDS["Stack.Arn"]),
        ("iam:PassRole", IDS["Stack.Arn"]),
        ("iam:PassRole", PROD_ROLE),
        ("iam:CreateUser", "arn:aws:iam::123456789012:user/tasks-staging-a"),
        ("lambda:PublishLayerVersion", f"{LAMBDA}:layer:tasks-prod"),
        ("lambda:DeleteLayerVersion", f"{LAMBDA}:layer:tasks-prod:1"),
        ("lambda:UpdateFunctionCode", f"{LAMBDA}:function:tasks-prod-GetTask-1"),
        ("apigateway:DELETE", f"{GATEWAY}/apis/api2"),
        ("apigateway:PATCH", f"{GATEWAY}/apis/api2/routes/1"),
        ("apigateway:DELETE", f"{GATEWAY}/domainnames/www.example.com"),
        ("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z2"),
        ("s3:GetObject", f"{BUCKET}/tasks-prod/a"),
    ],
)
def test_the_stack_can_not(action: str, on: str) -> None:
    assert not allowed("Stack", action, on, IDS["Boundary"])


@pytest.mark.parametrize(
    ("action", "on"),
    [
        ("iam:ListRolePolicies", ROLE),
        ("iam:ListAttachedRolePolicies", ROLE),
        ("iam:DeleteRole", ROLE),
        ("kms:UpdateKeyDescription", IDS["SecretKeyArn"]),
        ("lambda:PublishLayerVersion", f"{LAMBDA}:layer:tasks-staging"),
        ("lambda:GetLayerVersion", f"{LAMBDA}:layer:tasks-staging:3"),
        ("apigateway:PATCH", f"{GATEWAY}/apis/api1/routes/1"),
        ("apigateway:POST", f"{GATEWAY}/domainnames"),
        ("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z1"),
        ("s3:GetObject", f"{BUCKET}/tasks-staging/a"),
    ],
)
def test_the_stack_can(action: str, on: str) -> None:
    assert allowed("Stack", action, on, IDS["Boundary"])


@pytest.mark.parametrize(
    ("action", "on", "may"),
    [
        ("secretsmanager:GetSecretValue", IDS["MigrationSecretArn"], True),
        ("secretsmanager:GetSecretValue", IDS["SecretArn"], False),
        ("kms:Decrypt", IDS["SecretKeyArn"], True),
        ("s3:PutObject", f"{BUCKET}/tasks-staging/a", True),
        ("s3:PutObject", f"{BUCKET}/tasks-prod/a", False),
    ],
)
def test_githubs_role_reaches_its_stage_alone(action: str, on: str, may: bool) -> None:
    assert allowed("Deployer", action, on) is may


def test_the_boundary_covers_what_the_template_gives_its_roles() -> None:
    template: dict[str, Any] = read_template(ROOT / "template.yaml")
    given = re.findall(
        r"'((?:logs|xray|secretsmanager|kms|lambda|cloudwatch):\w+)'",
        str([r for r in template["Resources"].values() if "IAM" in r["Type"]]),
    )

    assert len(set(given)) >= 8
    assert set(given) == actions(str(TEMPLATE["Resources"]["Boundary"])) - {
        "kms:EncryptionContext"
    }


def test_githubs_role_may_use_the_templates_transforms() -> None:
    transforms: Any = parse_template(ROOT / "template.yaml")["Transform"]
    arn = "arn:aws:cloudformation:eu-central-1:aws:transform/"

    for transform in transforms:
        name = transform.removeprefix("AWS::")
        assert allowed("Deployer", "cloudformation:CreateChangeSet", arn + name)


@pytest.mark.parametrize("kind", TYPES)
def test_the_stack_can_be_made(kind: str) -> None:
    service = SERVICES[kind.rpartition("::")[0]]

    assert any(action.startswith(f"{service}:") for action in actions(STACK))
