"""The logger: Powertools' JSON lines, each with the keys of the current request."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    logger: Logger

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "tasks")


def __getattr__(name: str) -> "Logger":
    """Make the logger when it is first used (PEP 562).

    Importing Powertools takes 7 ms, and connecting begins before that.
    """
    if name != "logger":
        raise AttributeError(name)
    from aws_lambda_powertools import Logger

    from taskapi.log_formatter import LogFormatter, serialize

    # The place in the code is left out: it is the same for almost all lines.
    formatter = LogFormatter(json_serializer=serialize, location=None, service=SERVICE)
    logger = Logger(service=SERVICE, logger_formatter=formatter)
    globals()["logger"] = logger
    return logger
