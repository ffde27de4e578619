"""The one logger: Powertools' JSON lines, with the keys of the current request."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    logger: Logger

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "tasks")


def __getattr__(name: str) -> "Logger":
    """Make the logger when it is first asked for (PEP 562).

    Importing Powertools takes 7 ms, for which connecting needn't wait.
    """
    if name != "logger":
        raise AttributeError(name)
    from aws_lambda_powertools import Logger

    from taskapi.lines import Lines, serialized

    # Where in the code a line is from says nothing: almost all are from one place.
    lines = Lines(json_serializer=serialized, location=None, service=SERVICE)
    made = Logger(service=SERVICE, logger_formatter=lines)
    globals()["logger"] = made
    return made
