"""The roles of the stack in moto, whose IAM judges each call by the caller's policies.

The transform is SAM's own. `make rehearse` deploys the whole stack.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.secretsmanager.responses import SecretsManagerResponse

from local.template import load_template
from tests.support.project import ROOT
from tests.support.stacks import ACCOUNT, EXTREMES, NAME, REGION, Json, Stack

FUNCTIONS = {f.name: f for f in load_template(ROOT / "template.yaml").functions}
READERS = sorted(FUNCTIONS.keys() - {"Health"})

SUPPORTED = {
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
}
"""What moto's CloudFormation makes; it has no aliases, which permissions need."""

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow")


@dataclass(frozen=True)
class Deployed:
    """A stack in moto."""

    stack: Stack
    secret_arn: str

    def role(self, function: str) -> str:
        return self.stack.ids[f"{function}Role"]

    def log(self, function: str) -> str:
        """Return the ARN of a stream in the function's log."""
        return self.stack.ids[f"{function}Logs.Arn"].removesuffix("*") + "log-stream:a"


@pytest.fixture(scope="module", params=EXTREMES)
def deployed(
    request: pytest.FixtureRequest, stacks: dict[str, Stack]
) -> Iterator[Deployed]:
    with mock_aws(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        upload()
        value = json.dumps({"DATABASE_URL": "postgresql://secret"})
        arn = boto3.client("secretsmanager").create_secret(
            Name="tasks", SecretString=value
        )["ARN"]
        stack = stacks[request.param]
        stack = replace(stack, given={**stack.given, "SecretArn": arn})
        stack = replace(stack, ids=create(stack))
        settle_roles(stack)
        yield Deployed(stack, arn)


def upload() -> None:
    """Put something into S3 that can be the code of a function."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "")
    s3 = boto3.client("s3")
    s3.create_bucket(
        Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    s3.put_object(Bucket="bucket", Key="as-before", Body=packed.getvalue())


def create(stack: Stack) -> dict[str, str]:
    """Create what moto's CloudFormation supports; return the physical ids.

    A log group's ARN has `:*` at its end, as AWS's CloudFormation has it.
    """
    resources = stack.template["Resources"]
    others = {n for n, each in resources.items() if each["Type"] not in SUPPORTED}
    template = {
        key: stack.template[key]
        for key in ("AWSTemplateFormatVersion", "Parameters", "Mappings", "Conditions")
    }
    template["Resources"] = {
        name: prepared(resource, stack, others)
        for name, resource in resources.items()
        if name not in others
    }
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName=NAME,
        TemplateBody=json.dumps(template),
        Parameters=[
            {
                "ParameterKey": key,
                "ParameterValue": value if isinstance(value, str) else ",".join(value),
            }
            for key, value in stack.given.items()
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    made = cloudformation.describe_stack_resources(StackName=NAME)["StackResources"]
    ids = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in made
        if "PhysicalResourceId" in each
    }
    arns = {
        f"{name}.Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{ids[name]}:*"
        for name in stack.of_type("AWS::Logs::LogGroup")
    }
    return ids | arns


def prepared(value: Any, stack: Stack, others: set[str]) -> Any:
    """Return a value of the template as moto understands it.

    Without conditions, whose AWS::NoValue moto leaves in lists, and with the logical
    ids of what it can't make in the place of their ids.
    """
    match value:
        case {"Fn::If": [str(condition), then, otherwise]}:
            chosen = then if stack.holds(condition) else otherwise
            return prepared(chosen, stack, others)
        case {"Ref": str(name)} if name in others:
            return name
        case {"Fn::Sub": [str(text), names]}:
            filled = prepared({"Fn::Sub": text}, stack, others)
            return {"Fn::Sub": [filled["Fn::Sub"], prepared(names, stack, others)]}
        case {"Fn::Sub": str(text)}:
            for name in others:
                text = text.replace(f"${{{name}}}", name)
                text = text.replace(f"${{{name}.Arn}}", name)
            return {"Fn::Sub": text}
        case dict():
            return {key: prepared(each, stack, others) for key, each in value.items()}
        case list():
            items = (prepared(each, stack, others) for each in value)
            return [item for item in items if item != {"Ref": "AWS::NoValue"}]
    return value


def settle_roles(stack: Stack) -> None:
    """Give the roles their policies by IAM's API.

    As moto's CloudFormation leaves them, moto's IAM can't judge by them.
    """
    iam = boto3.client("iam")
    for name, role in stack.of_type("AWS::IAM::Role").items():
        for arn in role.get("ManagedPolicyArns", []):
            if arn in stack.ids.values():
                iam.attach_role_policy(RoleName=stack.ids[name], PolicyArn=arn)
        for policy in role.get("Policies", []):
            iam.put_role_policy(
                RoleName=stack.ids[name],
                PolicyName=policy["PolicyName"],
                PolicyDocument=json.dumps(policy["PolicyDocument"]),
            )


def as_role(role: str) -> Any:
    """Return a client of Secrets Manager with the role's rights."""
    assumed = boto3.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="test"
    )["Credentials"]
    return boto3.client(
        "secretsmanager",
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
    )


@pytest.fixture
def judged_by_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have moto judge a call to Secrets Manager by the secret too, not by action."""
    monkeypatch.setattr(
        SecretsManagerResponse,
        "_determine_resource",
        lambda self: self._get_param("SecretId"),
        raising=False,
    )


@pytest.mark.usefixtures("judged_by_resource")
def test_all_functions_but_health_can_read_the_secret(deployed: Deployed) -> None:
    clients = {name: as_role(deployed.role(name)) for name in FUNCTIONS}

    @set_initial_no_auth_action_count(0)
    def readable() -> list[str]:
        return [
            name
            for name, client in clients.items()
            if can_read(client, deployed.secret_arn)
        ]

    assert sorted(readable()) == READERS


@pytest.mark.usefixtures("judged_by_resource")
def test_no_function_can_read_another_secret(deployed: Deployed) -> None:
    other = boto3.client("secretsmanager").create_secret(Name="o", SecretString="{}")
    client = as_role(deployed.role("ListTasks"))

    @set_initial_no_auth_action_count(0)
    def readable() -> bool:
        return can_read(client, other["ARN"])

    assert not readable()


def can_read(client: Any, arn: str) -> bool:
    try:
        client.get_secret_value(SecretId=arn)
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "403":
            return False
        raise
    return True


def policies(role: str) -> list[Json]:
    """Return the documents of all policies that a role has in IAM."""
    iam = boto3.client("iam")
    inline = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    attached = [
        iam.get_policy_version(PolicyArn=each["PolicyArn"], VersionId="v1")
        for each in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    ]
    return inline + [each["PolicyVersion"]["Document"] for each in attached]


def allow(documents: list[Json], action: str, resource: str) -> bool:
    return any(
        IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)
        is PermissionResult.PERMITTED
        for document in documents
    )


def test_a_function_writes_its_own_log_and_traces_and_no_more(
    deployed: Deployed,
) -> None:
    writes = {"logs:CreateLogStream", "logs:PutLogEvents"}
    traces = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    reads = {"secretsmanager:GetSecretValue"}
    if deployed.stack.holds("HasSecretKey"):
        reads.add("kms:Decrypt")

    for name in FUNCTIONS:
        documents = policies(deployed.role(name))
        assert set(actions(documents)) == (
            writes | traces | (reads if name in READERS else set())
        )
        for action in writes:
            assert [
                other
                for other in FUNCTIONS
                if allow(documents, action, deployed.log(other))
            ] == [name]
        assert all(allow(documents, action, "*") for action in traces)


def actions(documents: list[Json]) -> Iterator[str]:
    for document in documents:
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow"
            action = statement["Action"]
            yield from [action] if isinstance(action, str) else action


def test_only_its_own_service_can_take_a_role(deployed: Deployed) -> None:
    services = {f"{name}Role": "lambda" for name in FUNCTIONS}

    for name, service in (services | {"Deployer": "codedeploy"}).items():
        role = boto3.client("iam").get_role(RoleName=deployed.stack.ids[name])["Role"]
        [statement] = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
