"""What one request counts for, as metrics in the line that logs it.

CloudWatch makes metrics of any log line with an "_aws" object (its Embedded Metric
Format), so a second line, which would be paid for as well, isn't needed:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from taskapi.log import SERVICE

NAMESPACE = "Tasks"


class Tally:
    """What the current request has asked of the database so far."""

    database_seconds = 0.0
    database_retries = 0


tally = Tally()
"""There is one, as an execution environment serves one event at a time."""


def emf(error: str | None, cold_start: bool) -> dict[str, Any]:
    """Return what to add to the log line of a request, and begin a new tally.

    Each value of a dimension makes another metric, with a price of its own: so there
    is the service alone, and for errors their code.
    """
    metrics = EphemeralMetrics(service=SERVICE, namespace=NAMESPACE)
    metrics.add_metric("Requests", MetricUnit.Count, 1)
    if tally.database_seconds:
        ms = tally.database_seconds * 1000
        metrics.add_metric("DatabaseTime", MetricUnit.Milliseconds, round(ms, 1))
    if tally.database_retries:
        retries = tally.database_retries
        metrics.add_metric("DatabaseRetries", MetricUnit.Count, retries)
    if cold_start:
        metrics.add_metric("ColdStarts", MetricUnit.Count, 1)
    line: dict[str, Any] = dict(metrics.serialize_metric_set())
    if error:
        errors = EphemeralMetrics(service=SERVICE, namespace=NAMESPACE)
        errors.add_dimension("error", error)
        errors.add_metric("Errors", MetricUnit.Count, 1)
        more: dict[str, Any] = dict(errors.serialize_metric_set())
        more["_aws"]["CloudWatchMetrics"] += line["_aws"]["CloudWatchMetrics"]
        line |= more
    tally.database_seconds, tally.database_retries = 0.0, 0
    return line
