"""The one logger: Powertools' JSON lines, with the keys of the current request."""

from aws_lambda_powertools import Logger

logger = Logger(service="tasks")
