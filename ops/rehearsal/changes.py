"""Change what the emulator can't do, in a copy of the built template.

`python -m ops.rehearsal.changes BUILT COPY PARAMETERS Name=Value …` writes the copy;
`make deploy` runs it if AWS_ENDPOINT_URL is set. `obsolete` lists the changes that
the emulator no longer needs.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import yaml
from botocore.exceptions import ClientError

from local.loops import LOOP
from local.template import parse_template

Template = dict[str, Any]
Values = dict[str, str]


class Change(NamedTuple):
    """One thing that the emulator does differently from AWS."""

    reason: str
    apply: Callable[[Template, Values], None]
    needed: Callable[[], bool]
    """Ask the emulator at AWS_ENDPOINT_URL whether this is still so."""


def main(built: str, copy: str, parameters: str, *overrides: str) -> None:
    template: Template = parse_template(Path(built))
    values = yaml.safe_load(Path(parameters).read_text(encoding="utf-8"))
    values |= dict(each.split("=", 1) for each in overrides)
    for change in CHANGES:
        change.apply(template, {name: str(value) for name, value in values.items()})
        print(f"Changed for the emulator: {change.reason}.")
    Path(copy).write_text(json.dumps(template, indent=1), encoding="utf-8")


def obsolete() -> list[str]:
    """Return the reasons that no longer hold."""
    return [change.reason for change in CHANGES if not change.needed()]


def outside_loops(template: Template) -> Template:
    """Return the resources that no loop makes."""
    resources = template["Resources"].items()
    return {name: each for name, each in resources if not name.startswith(LOOP)}


def set_defaults(template: Template, values: Values) -> None:
    for name, value in values.items():
        template["Parameters"][name]["Default"] = value


def write_out_the_api(template: Template, values: Values) -> None:
    """Replace SAM's HttpApi, whose routes are in `Body`, with a resource for each."""
    resources = template["Resources"]
    given = resources["Api"]["Properties"]
    resources["Api"] = {
        "Type": "AWS::ApiGatewayV2::Api",
        "Properties": {
            "Name": {"Ref": "AWS::StackName"},
            "ProtocolType": "HTTP",
            "DisableExecuteApiEndpoint": given["DisableExecuteApiEndpoint"],
            "CorsConfiguration": given["CorsConfiguration"],
        },
    }
    resources["ApiStage"] = {
        "Type": "AWS::ApiGatewayV2::Stage",
        "Properties": {
            "ApiId": {"Ref": "Api"},
            "StageName": "$default",
            "AutoDeploy": True,
            "DefaultRouteSettings": given["DefaultRouteSettings"],
            "AccessLogSettings": given["AccessLogSettings"],
        },
    }
    resources["ApiDomainMapping"]["Properties"]["Stage"] = {"Ref": "ApiStage"}
    for name, function in outside_loops(template).items():
        events = function["Properties"].pop("Events", {})
        for event, properties in events.items():
            resources |= route(name, event, properties["Properties"])


def route(function: str, event: str, given: dict[str, str]) -> Template:
    """Return the resources for one event of a function."""
    alias = {"Ref": f"{function}.Alias"}
    path = "/".join("*" if p.startswith("{") else p for p in given["Path"].split("/"))
    source = (
        "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:"
        f"${{Api}}/*/{given['Method']}{path}"
    )
    return {
        f"{function}{event}Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": alias,
                "PayloadFormatVersion": "2.0",
            },
        },
        f"{function}{event}Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "RouteKey": f"{given['Method']} {given['Path']}",
                "Target": {
                    "Fn::Sub": f"integrations/${{{function}{event}Integration}}"
                },
            },
        },
        f"{function}{event}Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": alias,
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {"Fn::Sub": source},
            },
        },
    }


def spell_cors_in_camel_case(template: Template, values: Values) -> None:
    properties = template["Resources"]["Api"]["Properties"]
    properties["CorsConfiguration"] = {
        name[0].lower() + name[1:]: value
        for name, value in properties["CorsConfiguration"].items()
    }


def turn_canaries_off(template: Template, values: Values) -> None:
    template["Parameters"]["GradualDeployment"]["Default"] = "false"
    del template["Globals"]["Function"]["DeploymentPreference"]
    for resource in outside_loops(template).values():
        resource["Properties"].pop("DeploymentPreference", None)


def drop_metric_math(template: Template, values: Values) -> None:
    """Watch only the first metric of a computed one."""
    for resource in outside_loops(template).values():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in properties:
            queries = properties.pop("Metrics")
            stat = next(q["MetricStat"] for q in queries if "MetricStat" in q)
            properties |= stat["Metric"]
            properties |= {"Statistic": stat["Stat"], "Period": stat["Period"]}


# Each function makes a small stack to find out whether its change is still needed.


@contextmanager
def stack(template: Template, **given: str) -> Iterator[tuple[str, str]]:
    """Make a stack for as long as it is needed; yield its name and its status."""
    cloudformation, name = boto3.client("cloudformation"), f"probe-{uuid.uuid4().hex}"
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in given.items()
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        OnFailure="DO_NOTHING",
    )
    while True:
        [found] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        if not found["StackStatus"].endswith("_IN_PROGRESS"):
            break
        time.sleep(0.05)
    try:
        yield name, found["StackStatus"]
    finally:
        cloudformation.delete_stack(StackName=name)


def resource(kind: str, **properties: object) -> Template:
    return {"Resources": {"It": {"Type": kind, "Properties": properties}}}


def transform_ignores_parameters() -> bool:
    function = resource(
        "AWS::Serverless::Function",
        Runtime="python3.13",
        Handler="index.handler",
        InlineCode="def handler(event, context): pass",
        AutoPublishAlias="live",
        AutoPublishCodeSha256={"Ref": "Hash"},
    )
    parameters = {"Hash": {"Type": "String", "Default": "0000000000"}}
    sam = {"Transform": "AWS::Serverless-2016-10-31", "Parameters": parameters}
    with stack(function | sam, Hash="1111111111") as (name, _):
        made = boto3.client("cloudformation").describe_stack_resources(StackName=name)
    ids = [each["LogicalResourceId"] for each in made["StackResources"]]
    return "ItVersion1111111111" not in ids


def body_makes_no_routes() -> bool:
    body = {
        "openapi": "3.0.1",
        "info": {"title": "probe"},
        "paths": {"/a": {"get": {"responses": {}}}},
    }
    with stack(resource("AWS::ApiGatewayV2::Api", Body=body)) as (name, _):
        api = physical_id(name)
        return not boto3.client("apigatewayv2").get_routes(ApiId=api)["Items"]


def pascal_case_makes_no_cors() -> bool:
    cors = {"AllowOrigins": ["https://a.example"]}
    api = resource(
        "AWS::ApiGatewayV2::Api",
        Name="probe",
        ProtocolType="HTTP",
        CorsConfiguration=cors,
    )
    with stack(api) as (name, _):
        found = boto3.client("apigatewayv2").get_api(ApiId=physical_id(name))
    return "AllowOrigins" not in found.get("CorsConfiguration", {})


def physical_id(name: str) -> str:
    found = boto3.client("cloudformation").describe_stack_resource(
        StackName=name, LogicalResourceId="It"
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def refused(template: Template) -> bool:
    try:
        with stack(template) as (_, status):
            return status != "CREATE_COMPLETE"
    except ClientError:
        return True


def codedeploy_is_refused() -> bool:
    return refused(resource("AWS::CodeDeploy::Application", ComputePlatform="Lambda"))


def metric_math_is_refused() -> bool:
    metric = {"Namespace": "Probe", "MetricName": "A"}
    stat = {"Metric": metric, "Stat": "Sum", "Period": 60}
    return refused(
        resource(
            "AWS::CloudWatch::Alarm",
            Metrics=[
                {"Id": "a", "MetricStat": stat, "ReturnData": False},
                {"Id": "b", "Expression": "a * 2"},
            ],
            EvaluationPeriods=1,
            ComparisonOperator="GreaterThanThreshold",
            Threshold=1,
        )
    )


CHANGES = (
    Change(
        "its SAM transform ignores the parameters that are given",
        set_defaults,
        transform_ignores_parameters,
    ),
    Change(
        "it makes no routes from an API's Body", write_out_the_api, body_makes_no_routes
    ),
    Change(
        "it reads CORS in lower camel case",
        spell_cors_in_camel_case,
        pascal_case_makes_no_cors,
    ),
    Change("it has no CodeDeploy", turn_canaries_off, codedeploy_is_refused),
    Change("it has no metric math", drop_metric_math, metric_math_is_refused),
)


if __name__ == "__main__":
    main(*sys.argv[1:])
