"""Ask for the secret as the first thing in the init phase, before other imports.

Connecting to Secrets Manager, TLS and the answer take three round trips. Meanwhile
Python imports psycopg, which needs no network.
"""

from collections.abc import Mapping
from concurrent.futures import Future

from taskapi.cold_start.init_phase import FROM_SNAPSHOT, START
from taskapi import time_budget
from taskapi.settings import secret

INIT_TIMEOUT = 10.0
"""Seconds that Lambda gives the init phase, and the code that runs after a restore.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""


def prefetch() -> Future[Mapping[str, str]] | None:
    """Begin to read the secret in a thread; return None if SECRET_ARN isn't set."""
    time_budget.start(INIT_TIMEOUT)
    return secret.settings_secret.prefetch()


reading = prefetch() if START and not FROM_SNAPSHOT else None
