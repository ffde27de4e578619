"""Name an event that isn't the API's by its keys, never by its contents."""

from collections.abc import Iterable, Mapping

from taskapi.strict_json import type_name

KINDS: Iterable[tuple[str, tuple[str, ...]]] = (
    ("an HTTP API or function URL event (2.0)", ("routeKey", "requestContext.http")),
    ("an ALB event", ("requestContext.elb",)),
    ("a WebSocket API event", ("requestContext.connectionId",)),
    ("an authorizer event", ("type", "methodArn")),
    ("an authorizer event", ("type", "routeArn")),
    ("a REST API or HTTP API event (1.0)", ("requestContext", "httpMethod")),
    ("a VPC Lattice event", ("requestContext.serviceNetworkArn",)),
    ("a VPC Lattice event", ("raw_path", "method")),
    ("an EventBridge event", ("detail-type", "source")),
    ("Kafka, MQ or DocumentDB records", ("eventSource", "eventSourceArn")),
    ("Kafka records", ("eventSource", "records")),
    ("Firehose records", ("deliveryStreamArn", "records")),
    ("CloudFront (Lambda@Edge) records", ("Records.cf",)),
    ("SNS records", ("Records.Sns",)),
    ("S3 records", ("Records.s3",)),
    ("DynamoDB records", ("Records.dynamodb",)),
    ("Kinesis records", ("Records.kinesis",)),
    ("SES records", ("Records.ses",)),
    ("CodeCommit records", ("Records.codecommit",)),
    ("SQS records", ("Records.receiptHandle",)),
    ("records", ("Records",)),
    ("CloudWatch Logs", ("awslogs",)),
    ("a CloudWatch alarm", ("alarmArn",)),
    ("a Cognito trigger", ("triggerSource", "userPoolId")),
    ("a Cognito Sync trigger", ("identityPoolId", "eventType")),
    ("a CodePipeline job", ("CodePipeline.job",)),
    ("a CodeDeploy hook", ("DeploymentId", "LifecycleEventHookExecutionId")),
    ("a CloudFormation custom resource", ("RequestType", "ResponseURL")),
    ("a CloudFormation macro", ("transformId", "fragment")),
    ("a Config rule", ("invokingEvent", "configRuleName")),
    ("a Config rule", ("invokingEvent", "configRuleArn")),
    ("a Secrets Manager rotation", ("SecretId", "ClientRequestToken")),
    ("an S3 batch job", ("invocationSchemaVersion", "tasks")),
    ("an S3 Object Lambda event", ("getObjectContext",)),
    ("an AppSync event", ("typeName", "fieldName")),
    ("an AppSync event", ("info.fieldName",)),
    ("a Lex event", ("bot", "currentIntent")),
    ("a Lex event", ("bot", "sessionState")),
    ("an Alexa event", ("session", "request")),
    ("an Alexa event", ("directive",)),
    ("an Amazon Connect event", ("Details.ContactData",)),
    ("a Bedrock agent event", ("messageVersion", "agent")),
    ("an IoT event", ("serialNumber", "clickType")),
    ("an IoT event", ("thingName",)),
    ("a warm-up ping", ("warmer",)),
    ("a warm-up ping", ("warmup",)),
)
"""Names, and the keys that only such events have, as AWS's developer guides show them.

The first entry whose keys are all present is used. In an array, only the first element
is checked.
"""

WARM_UP_SOURCES = ("serverless-plugin-warmup", "warmup", "warmer")


def kind_of(event: object) -> str:
    """Return what sort of event this is."""
    if not isinstance(event, dict):
        return type_name(event)
    if event.get("source") in WARM_UP_SOURCES:
        return "a warm-up ping"
    for name, keys in KINDS:
        if all(has(event, key) for key in keys):
            return name
    return f"an object with {len(event)} keys"


def has(event: Mapping[str, object], key: str) -> bool:
    """Return whether the event has this key; `a.b` is the key b in the object a."""
    if key in event:
        return True
    first, _, rest = key.partition(".")
    inner = event.get(first)
    if isinstance(inner, list) and inner:
        inner = inner[0]
    return bool(rest) and isinstance(inner, dict) and has(inner, rest)
