"""The logger: Powertools' JSON lines, each with the keys of the current request."""

import os

from aws_lambda_powertools import Logger

from taskapi.log_formatter import LogFormatter, serialize

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "tasks")

logger = Logger(
    service=SERVICE,
    # The place in the code is left out: it is the same for almost all lines.
    logger_formatter=LogFormatter(
        json_serializer=serialize, location=None, service=SERVICE
    ),
)
