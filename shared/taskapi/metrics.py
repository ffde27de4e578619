"""The metrics of a request, as keys of the line that logs it.

CloudWatch makes metrics of any log line with an "_aws" object (its Embedded Metric
Format). So metrics need no lines of their own, which would cost extra:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import time
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from taskapi.log import SERVICE
from taskapi.request_stats import request_stats

NAMESPACE = "Tasks"

UNITS = {
    "Requests": MetricUnit.Count,
    "ColdStarts": MetricUnit.Count,
    "DatabaseRetries": MetricUnit.Count,
    "DatabaseTime": MetricUnit.Milliseconds,
    "Errors": MetricUnit.Count,
}


def collect_metrics(error: str | None, cold_start: bool) -> dict[str, Any]:
    """Return a request's metrics as keys for its log line, and reset request_stats.

    error: the code of the response's error. Each value of a dimension makes another
    metric to pay for. So the dimensions are only the service and, for errors, the code.
    """
    values: dict[str, float] = {"Requests": 1}
    if request_stats.database_seconds:
        values["DatabaseTime"] = round(request_stats.database_seconds * 1000, 1)
    if request_stats.database_retries:
        values["DatabaseRetries"] = request_stats.database_retries
    if cold_start:
        values["ColdStarts"] = 1
    request_stats.database_seconds, request_stats.database_retries = 0.0, 0
    directives = [make_directive(tuple(values))]
    if error:
        values["Errors"] = 1
        directives.append(make_directive(("Errors",), "error"))
    metadata = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": directives}
    return {"_aws": metadata, **values}


@cache
def make_directive(names: tuple[str, ...], *dimensions: str) -> dict[str, object]:
    """Return Powertools' MetricDirective object, which makes metrics of these keys.

    Cached, because it is the same for almost all requests and slow to make.
    """
    metrics = EphemeralMetrics(service=SERVICE, namespace=NAMESPACE)
    for name in names:
        metrics.add_metric(name, UNITS[name], 0)
    for name in dimensions:
        metrics.add_dimension(name, "any")
    [directive] = metrics.serialize_metric_set()["_aws"]["CloudWatchMetrics"]
    return dict(directive)
