"""What one request counts for, as metrics in the line that logs it.

CloudWatch makes metrics of any log line with an "_aws" object (its Embedded Metric
Format), so a second line, which would be paid for as well, isn't needed:
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


def emf(error: str | None, cold_start: bool) -> dict[str, Any]:
    """Return what to add to the log line of a request, and reset the counts.

    Each value of a dimension makes another metric, with a price of its own: so there
    is the service alone, and for errors their code.
    """
    values: dict[str, float] = {"Requests": 1}
    if request_stats.database_seconds:
        values["DatabaseTime"] = round(request_stats.database_seconds * 1000, 1)
    if request_stats.database_retries:
        values["DatabaseRetries"] = request_stats.database_retries
    if cold_start:
        values["ColdStarts"] = 1
    request_stats.database_seconds, request_stats.database_retries = 0.0, 0
    directives = [directive(tuple(values))]
    if error:
        values["Errors"] = 1
        directives.append(directive(("Errors",), "error"))
    meta = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": directives}
    return {"_aws": meta, **values}


@cache
def directive(names: tuple[str, ...], *dimensions: str) -> dict[str, Any]:
    """Return what says that these keys of a line are metrics, as Powertools says it.

    It is the same for almost all requests, and takes longer than all the rest.
    """
    metrics = EphemeralMetrics(service=SERVICE, namespace=NAMESPACE)
    for name in names:
        metrics.add_metric(name, UNITS[name], 0)
    for name in dimensions:
        metrics.add_dimension(name, "any")
    said: dict[str, Any] = dict(metrics.serialize_metric_set()["_aws"])
    [made] = said["CloudWatchMetrics"]
    return dict(made)
