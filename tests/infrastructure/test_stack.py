"""What is in the stack: what depends on parameters, for each value that matters.

The rest is looked at in the stack with the fewest parameters and in the one with most.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from local.template import load_template
from tests.support.project import ROOT
from tests.support.stacks import (
    ACCOUNT,
    DEPLOYMENTS,
    DOMAIN,
    EXTREMES,
    NAME,
    ORIGINS,
    REGION,
    SECRET_ARN,
    Dependencies,
    Json,
    Stack,
    references,
)

FUNCTIONS = {f.name: f for f in load_template(ROOT / "template.yaml").functions}

APP_METRICS = {
    "Requests": {"service"},
    "DatabaseRetries": {"service"},
    "DatabaseTime": {"service"},
    "ColdStarts": {"service"},
    "Errors": {"service", "error"},
    "Throttled": {"service"},
}
"""What functions publish in EMF, and the gateway's log by the metric filter."""

GATEWAY_METRICS = {"Count", "4xx", "5xx", "Latency"}
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html"""

WILDCARDS = {
    ("WriteTraces", "xray:PutTraceSegments xray:PutTelemetryRecords on *"),
    ("AlertsKey", "kms:* on *"),
    ("AlertsKey", "kms:Decrypt kms:GenerateDataKey* on *"),
    ("Deployer", "cloudwatch:DescribeAlarms on *"),
    (
        "Deployer",
        "lambda:GetAlias lambda:GetProvisionedConcurrencyConfig lambda:UpdateAlias on "
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}-*",
    ),
}
"""The ones whose reason stands beside them in the template."""


def with_parameters(*sets: str) -> pytest.MarkDecorator:
    """Run a test on the stacks of these sets of parameters, and on the extremes."""
    return pytest.mark.parametrize("stack", [*EXTREMES, *sets], indirect=True)


def test_the_sets_of_parameters_take_every_condition_both_ways(
    stacks: dict[str, Stack],
) -> None:
    conditions = stacks["defaults"].template["Conditions"]

    for condition in conditions:
        assert {stack.holds(condition) for stack in stacks.values()} == {True, False}


def test_the_sets_of_parameters_change_every_parameter(
    stacks: dict[str, Stack],
) -> None:
    parameters = stacks["defaults"].template["Parameters"]

    changed = {name for stack in stacks.values() for name in stack.given}

    assert changed == parameters.keys()


def functions(stack: Stack) -> dict[str, Json]:
    found = stack.of_type("AWS::Lambda::Function")
    assert found.keys() == FUNCTIONS.keys()
    return found


def test_all_that_is_referred_to_exists(stack: Stack) -> None:
    """A function that the loop leaves out has no role, no log and no alarm."""
    template = stack.template
    there = template["Resources"].keys() | template["Parameters"].keys()

    missing = {
        name
        for name in references(template["Resources"]) - there
        if not name.startswith("AWS::")
    }

    assert missing == set()


def test_nothing_waits_for_itself(stack: Stack) -> None:
    dependencies = Dependencies(stack.template)

    for name in stack.template["Resources"]:
        dependencies.visit(name)


@with_parameters("snapshots", "other texts", "other numbers")
def test_every_function_has_all_its_settings(stack: Stack) -> None:
    given = stack.parameters

    for name, function in functions(stack).items():
        assert function["Runtime"] == "python3.13"
        assert function["Handler"] == "app.handler"
        assert function["Architectures"] == [given["Architecture"]]
        assert function["MemorySize"] >= 256
        assert function["Timeout"] == 15
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["LoggingConfig"] == {
            "LogFormat": "JSON",
            "LogGroup": f"{name}Logs",
        }
        assert function["Role"] == f"{name}Role.Arn"
        assert function["SnapStart"] == {
            "ApplyOn": "PublishedVersions" if given["SnapStart"] == "on" else "None"
        }
        # A reservation of 0 would stop the function.
        reserved = given["ReservedConcurrency"]
        assert function.get("ReservedConcurrentExecutions") == (
            None if reserved == "0" else reserved
        )


@with_parameters("a release")
def test_every_alias_is_at_the_functions_published_version(stack: Stack) -> None:
    aliases = stack.of_type("AWS::Lambda::Alias")

    assert {alias["FunctionName"] for alias in aliases.values()} == FUNCTIONS.keys()
    for alias in aliases.values():
        version = alias["FunctionVersion"].removesuffix(".Version")
        assert alias["Name"] == "live"
        assert stack.resources[version]["Properties"] == {
            "FunctionName": alias["FunctionName"]
        }


@with_parameters("other texts")
def test_only_what_reads_the_secret_knows_of_it(stack: Stack) -> None:
    reads = {"SECRET_ARN": SECRET_ARN}
    reads["BETTER_AUTH_URL"] = stack.parameters["BetterAuthUrl"]
    reads["RES_OPTIONS"] = "timeout:1 attempts:3"

    for name, function in functions(stack).items():
        # All that is in the environment is here: no value is a secret.
        assert function["Environment"]["Variables"] == {
            "POWERTOOLS_SERVICE_NAME": NAME,
            **(reads if name != "Health" else {}),
        }
        [layer] = function["Layers"]
        assert layer.startswith("SharedLayer")


@with_parameters("other numbers")
def test_every_log_group_has_a_retention_and_every_function_its_own(
    stack: Stack,
) -> None:
    groups = stack.of_type("AWS::Logs::LogGroup")
    names = {group["LogGroupName"] for group in groups.values()}

    assert groups.keys() == {f"{name}Logs" for name in FUNCTIONS} | {"AccessLogs"}
    assert len(names) == len(groups)
    for group in groups.values():
        assert group["RetentionInDays"] == stack.parameters["LogRetentionDays"]


def statements(stack: Stack) -> Iterator[tuple[str, Json]]:
    """Give every statement of every policy, with the name of its resource."""
    for name, resource in stack.resources.items():
        properties = resource.get("Properties", {})
        documents = [each["PolicyDocument"] for each in properties.get("Policies", [])]
        documents += [
            properties[key]
            for key in ("PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy")
            if key in properties
        ]
        for document in documents:
            assert document["Version"] == "2012-10-17"
            yield from ((name, each) for each in document["Statement"])


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_no_wildcard_is_unexplained(stack: Stack) -> None:
    found = set()
    for name, statement in statements(stack):
        assert "NotAction" not in statement
        assert "NotResource" not in statement
        actions = listed(statement["Action"])
        resources = listed(statement.get("Resource", []))
        if any("*" in each for each in (*actions, *resources)):
            found.add((name, f"{' '.join(actions)} on {' '.join(resources)}"))

    assert found == WILDCARDS


def test_no_role_has_a_policy_of_aws(stack: Stack) -> None:
    roles = stack.of_type("AWS::IAM::Role")
    own = {"WriteTraces", "ReadSecret"}

    assert roles.keys() == {f"{name}Role" for name in FUNCTIONS} | {"Deployer"}
    for role in roles.values():
        assert set(role.get("ManagedPolicyArns", [])) <= own


@with_parameters("a boundary")
def test_every_role_has_the_boundary_that_is_given(stack: Stack) -> None:
    boundary = stack.parameters["PermissionsBoundaryArn"]

    for role in stack.of_type("AWS::IAM::Role").values():
        assert role.get("PermissionsBoundary") == (boundary or None)


def test_the_layer_is_the_stacks_own(stack: Stack) -> None:
    [layer] = stack.of_type("AWS::Lambda::LayerVersion").values()

    assert layer["LayerName"] == NAME


@with_parameters("a key")
def test_a_secret_with_a_key_of_its_own_can_be_read(stack: Stack) -> None:
    key = stack.parameters["SecretKeyArn"]
    policy = stack.resources["ReadSecret"]["Properties"]["PolicyDocument"]

    allowed = [(each["Action"], each["Resource"]) for each in policy["Statement"]]

    read = [("secretsmanager:GetSecretValue", SECRET_ARN)]
    assert allowed == read + ([("kms:Decrypt", key)] if key else [])


def test_the_gateway_may_call_each_alias_for_its_routes_alone(stack: Stack) -> None:
    arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:Api/*/"
    permissions = stack.of_type("AWS::Lambda::Permission").values()

    for permission in permissions:
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert permission["Action"] == "lambda:InvokeFunction"
    assert sorted((p["FunctionName"], p["SourceArn"]) for p in permissions) == sorted(
        (
            f"{function.name}Aliaslive",
            arn + route.method + re.sub(r"\{[^}]+\}", "*", route.path),
        )
        for function in FUNCTIONS.values()
        for route in function.routes
    )


@with_parameters("other numbers")
def test_the_stage_is_throttled_measured_and_logged(stack: Stack) -> None:
    [gateway] = stack.of_type("AWS::ApiGatewayV2::Stage").values()

    assert gateway["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": stack.parameters["ThrottleRate"],
        "ThrottlingBurstLimit": stack.parameters["ThrottleBurst"],
        "DetailedMetricsEnabled": True,
    }
    assert gateway["AutoDeploy"] is True
    assert gateway["AccessLogSettings"]["DestinationArn"] == "AccessLogs.Arn"


def access_log(stack: Stack) -> dict[str, str]:
    [gateway] = stack.of_type("AWS::ApiGatewayV2::Stage").values()
    line: dict[str, str] = json.loads(gateway["AccessLogSettings"]["Format"])
    return line


def test_the_access_log_tells_requests_apart_but_not_users(stack: Stack) -> None:
    line = access_log(stack)

    assert line["request_id"] == "$context.requestId"
    assert line["route"] == "$context.routeKey"
    assert line["service"] == NAME
    assert all(
        value.startswith("$context.") for value in line.values() if value != NAME
    )
    # The path and the query have the user's id and what was searched for.
    assert not re.search(r"path|query|userAgent|authorizer", str(line), re.IGNORECASE)


def test_the_metric_of_throttled_requests_reads_what_the_log_has(stack: Stack) -> None:
    [metric] = stack.of_type("AWS::Logs::MetricFilter").values()
    [made] = metric["MetricTransformations"]

    fields = re.findall(r"\$\.(\w+)", metric["FilterPattern"])

    assert metric["LogGroupName"] == "AccessLogs"
    assert fields == ["status", "integration_status"]
    assert set(fields) < access_log(stack).keys()
    assert made["Dimensions"] == [{"Key": "service", "Value": "$.service"}]
    assert (made["MetricNamespace"], made["MetricName"]) == ("Tasks", "Throttled")


def test_cors_is_the_parameters(stack: Stack) -> None:
    body = stack.resources["Api"]["Properties"]["Body"]

    cors = body["x-amazon-apigateway-cors"]

    assert cors["allowOrigins"] == ORIGINS
    assert "allowCredentials" not in cors
    assert stack.resources["Api"]["Properties"]["FailOnWarnings"] is True


@with_parameters("a domain", "a domain alone")
def test_a_domain_is_the_only_way_in_where_that_is_wanted(stack: Stack) -> None:
    name, zone = stack.parameters["DomainName"], stack.parameters["HostedZoneId"]
    body = stack.resources["Api"]["Properties"]["Body"]
    [server] = body["servers"]
    endpoint = server["x-amazon-apigateway-endpoint-configuration"]

    closed = stack.parameters["DefaultEndpoint"] == "off"
    assert endpoint == {"disableExecuteApiEndpoint": closed}
    assert ("ApiDomain" in stack.resources) is bool(name)
    assert ("ApiDomainMapping" in stack.resources) is bool(name)
    assert ("ApiDomainRecord" in stack.resources) is bool(zone)
    assert stack.outputs["ApiUrl"] == (f"https://{name}" if name else "Api.ApiEndpoint")
    assert stack.outputs.get("ApiDomainTarget") == (
        "ApiDomain.RegionalDomainName" if name else None
    )


@pytest.mark.parametrize(
    ("given", "broken"),
    [
        pytest.param({"DomainName": "a.b"}, "ADomainNeedsItsCertificate", id="domain"),
        pytest.param({"CertificateArn": "a"}, "ACertificateNeedsItsDomain", id="cert"),
        pytest.param({"HostedZoneId": "Z1"}, "AHostedZoneNeedsItsDomain", id="zone"),
        pytest.param({"DefaultEndpoint": "off"}, "OneWayInNeedsADomain", id="endpoint"),
        pytest.param({}, None, id="none of them"),
        pytest.param(DOMAIN | {"DefaultEndpoint": "off"}, None, id="all of them"),
    ],
)
def test_half_a_domain_is_refused(
    given: dict[str, str], broken: str | None, stacks: dict[str, Stack]
) -> None:
    stack = Stack(stacks["defaults"].template, given)

    refused = [
        name
        for name, rule in stack.template["Rules"].items()
        if stack.worked_out(rule["RuleCondition"])
        and not all(stack.worked_out(each["Assert"]) for each in rule["Assertions"])
    ]

    assert refused == ([broken] if broken else [])


def dimensions(alarm: Json) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in alarm["Dimensions"]}


def test_alarms_go_to_the_topic_and_are_quiet_without_traffic(stack: Stack) -> None:
    alarms = stack.of_type("AWS::CloudWatch::Alarm")

    assert alarms.keys() == {f"{name}Errors" for name in FUNCTIONS} | {
        "ServerErrors",
        "SlowAnswers",
        "Throttles",
        "InternalErrors",
    }
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["Alerts"]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmDescription"]


def test_the_alarms_metrics_exist(stack: Stack) -> None:
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        for metric in metrics_of(alarm):
            match metric["Namespace"], metric["MetricName"]:
                case "AWS/ApiGateway", name:
                    assert name in GATEWAY_METRICS
                    assert dimensions(metric) == {"ApiId": "Api"}
                case "Tasks", name:
                    assert dimensions(metric).keys() == APP_METRICS[name]
                    assert dimensions(metric)["service"] == NAME
                case "AWS/Lambda", name:
                    assert name == "Errors"
                    function = dimensions(metric)["FunctionName"]
                    assert dimensions(metric)["Resource"] == f"{function}:live"
                    assert f"{function}Aliaslive" in stack.resources
                case other:
                    raise AssertionError(other)


def metrics_of(alarm: Json) -> list[Json]:
    queries = alarm.get("Metrics", [])
    return [q["MetricStat"]["Metric"] for q in queries if "MetricStat" in q] or [alarm]


def test_an_answer_is_slow_from_half_of_the_timeout_on(stack: Stack) -> None:
    alarm = stack.resources["SlowAnswers"]["Properties"]
    [slow] = [query for query in alarm["Metrics"] if query["Id"] == "slow"]

    begins = functions(stack)["ListTasks"]["Timeout"] * 1000 // 2
    assert slow["MetricStat"]["Stat"] == f"PR({begins}:60000)"


@with_parameters("a release")
def test_a_function_differs_from_release_to_release(stack: Stack) -> None:
    """Lambda publishes no version of what hasn't changed."""
    for function in functions(stack).values():
        assert function["Description"] == f"Release {stack.parameters['Release']}"


def test_cloudwatch_can_use_the_topics_key(stack: Stack) -> None:
    policy = stack.resources["AlertsKey"]["Properties"]["KeyPolicy"]

    [cloudwatch] = [
        each
        for each in policy["Statement"]
        if each["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]

    assert stack.resources["Alerts"]["Properties"] == {"KmsMasterKeyId": "AlertsKey"}
    assert cloudwatch["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert cloudwatch["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


@with_parameters("other texts")
def test_someone_hears_of_alarms_where_an_address_is_given(stack: Stack) -> None:
    subscriptions = stack.of_type("AWS::SNS::Subscription").values()
    email = stack.parameters["AlarmEmail"]

    assert [each["Endpoint"] for each in subscriptions] == ([email] if email else [])


@with_parameters("staging", "prod", "all at once")
def test_a_deployment_goes_by_stage_and_rolls_back_on_alarms(stack: Stack) -> None:
    rollouts = {
        "dev": "AllAtOnce",
        "staging": "Canary10Percent5Minutes",
        "prod": "Canary10Percent10Minutes",
    }
    groups = stack.of_type("AWS::CodeDeploy::DeploymentGroup")
    rollout = rollouts[stack.parameters["Stage"]]

    if stack.parameters["GradualDeployment"] == "false":
        assert groups == {}
        return
    assert groups.keys() == {f"{name}DeploymentGroup" for name in FUNCTIONS}
    for name in FUNCTIONS:
        group = groups[f"{name}DeploymentGroup"]
        assert group["DeploymentConfigName"] == f"CodeDeployDefault.Lambda{rollout}"
        assert group["AlarmConfiguration"] == {
            "Enabled": True,
            "Alarms": [{"Name": "InternalErrors"}, {"Name": f"{name}Errors"}],
        }
        assert group["AutoRollbackConfiguration"]["Enabled"] is True
        assert (
            "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        )
        assert group["ServiceRoleArn"] == "Deployer.Arn"
        policy = stack.resources[f"{name}Aliaslive"]["UpdatePolicy"]
        assert policy["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"] == (
            f"{name}DeploymentGroup"
        )


def widgets(stack: Stack, kind: str) -> list[Json]:
    """Return the properties of the dashboard's widgets of a type."""
    body = json.loads(stack.resources["Dashboard"]["Properties"]["DashboardBody"])
    return [each["properties"] for each in body["widgets"] if each["type"] == kind]


def test_the_dashboard_shows_the_apis_alarms(stack: Stack) -> None:
    """A function's alarm watches what "Timeouts and crashes" shows."""
    [alarms] = widgets(stack, "alarm")

    assert sorted(alarms["alarms"]) == sorted(
        f"{name}.Arn"
        for name in stack.of_type("AWS::CloudWatch::Alarm")
        if name.removesuffix("Errors") not in FUNCTIONS
    )


def test_the_dashboard_shows_metrics_that_exist(stack: Stack) -> None:
    charts = widgets(stack, "metric")
    rows = [row for chart in charts for row in chart["metrics"]]

    for namespace, metric, *rest in (row for row in rows if len(row) > 1):
        given = [each for each in rest if isinstance(each, str)]
        dimensions = dict(zip(given[::2], given[1::2], strict=True))
        match namespace:
            case "AWS/ApiGateway":
                assert metric in GATEWAY_METRICS
                assert dimensions == {"ApiId": "Api"}
            case other:
                assert other == "Tasks"
                assert dimensions.keys() == APP_METRICS[metric]
                assert dimensions["service"] == NAME


def test_the_dashboard_searches_for_the_metrics_that_functions_make(
    stack: Stack,
) -> None:
    charts = widgets(stack, "metric")
    rows = [row for chart in charts for row in chart["metrics"]]

    searches = [row[0]["expression"] for row in rows if len(row) == 1]

    lambda_ = "{AWS/Lambda,FunctionName,Resource}"
    words = NAME.replace("-", " ")
    assert sorted(searches) == [
        f"""SEARCH('{lambda_} MetricName="Duration" {words} live', 'p99', 60)""",
        f"""SEARCH('{lambda_} MetricName="Errors" {words} live', 'Sum', 60)""",
        f"""SEARCH('{{Tasks,error,service}} MetricName="Errors" service="{NAME}"', """
        "'Sum', 60)",
    ]


def test_the_dashboard_reads_the_logs_of_all_functions(stack: Stack) -> None:
    [log] = widgets(stack, "log")
    groups = stack.of_type("AWS::Logs::LogGroup")

    [prefix] = log["logGroupPrefixes"]["logGroupPrefix"]

    assert log["query"].startswith(
        f'SOURCE logGroups(namePrefix: ["{prefix}"], class: '
    )
    assert {
        name
        for name, group in groups.items()
        if group["LogGroupName"].startswith(prefix)
    } == {f"{name}Logs" for name in FUNCTIONS}


def versions(template: Json) -> set[str]:
    return {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Version"
    }


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_what_is_deployed_is_published(
    translated: dict[str, Json], deployment: str
) -> None:
    before, after = translated["before"], translated[deployment]

    assert len(versions(after) - versions(before)) == len(FUNCTIONS)
    assert len(versions(after)) == len(FUNCTIONS)
