"""Ask for the secret as the first thing in the init phase, before other imports.

Connecting to Secrets Manager, TLS and the answer take three round trips. Meanwhile
Python imports TLS and an HTTP client, then psycopg, which needs no network.
"""

import os
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress

from taskapi.cold_start.init_phase import FROM_SNAPSHOT, START
from taskapi import time_budget
from taskapi.errors import SettingsError
from taskapi.settings import secret

INIT_TIMEOUT = 10.0
"""Seconds that Lambda gives the init phase, and the code that runs after a restore.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

DIAL_TIMEOUT = 2.0
"""Seconds, as for one request to Secrets Manager."""


def prefetch() -> Future[Mapping[str, str]] | None:
    """Begin to read the secret in a thread; return None if SECRET_ARN isn't set."""
    time_budget.start(INIT_TIMEOUT)
    if arn := os.environ.get("SECRET_ARN"):
        dial_secrets_manager(arn)
    return secret.settings_secret.prefetch()


def dial_secrets_manager(arn: str) -> None:
    """Begin to connect to Secrets Manager."""
    # Imported here because a function without SECRET_ARN doesn't need it.
    from taskapi import tcp
    from taskapi.settings.secret_endpoint import endpoint, find_region

    if not tcp.may_have_proxy():
        # What reads the secret reports a wrong setting.
        with suppress(SettingsError):
            url = endpoint(find_region(arn))
            port = url.port or (443 if url.scheme == "https" else 80)
            tcp.dial(url.hostname or "", port, DIAL_TIMEOUT)


reading = prefetch() if START and not FROM_SNAPSHOT else None
