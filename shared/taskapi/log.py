"""The one logger: Powertools' JSON lines, with the keys of the current request."""

import os

from aws_lambda_powertools import Logger

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "tasks")

logger = Logger(service=SERVICE)
