"""The secret at SECRET_ARN: read once, kept a while, and again where it seems old."""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.parse import quote

from taskapi import log
from taskapi.errors import ServiceUnavailable, SettingsError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

TTL = 300.0
"""Seconds for which what was read is taken for true, Secrets Manager's own default."""

COOL_DOWN = 30.0
"""Seconds between two reads out of turn, and between two that fail."""

WARM_UP = 1.0
"""Seconds to wait for the extension, which is ready only when the first event is."""

TIMEOUT = 2.0
"""Seconds for one read."""

OURS = {
    "AccessDeniedException",
    "DecryptionFailure",
    "InvalidParameterException",
    "InvalidRequestException",
    "ResourceNotFoundException",
    "ValidationException",
}
"""Secrets Manager's errors that last until a person mends the stack:
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""


class NotReady(Exception):
    """The extension answers no requests before the init phase is over."""


class Secret:
    """What the secret holds; the last good values as long as no better come."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds since any moment."""
        self._clock = clock
        self._values: Mapping[str, str] | None = None
        self._due = float("-inf")
        self._quiet_until = float("-inf")
        self._lock = threading.Lock()

    def values(self, patience: float = WARM_UP) -> Mapping[str, str]:
        """Return what the secret holds, nothing where there is no SECRET_ARN.

        patience: seconds to wait for the extension before asking Secrets Manager; 0
        raises NotReady instead. Raises SettingsError where the stack is wrong, and
        ServiceUnavailable where AWS is.
        """
        arn = os.environ.get("SECRET_ARN")
        if not arn:
            return {}
        with self._lock:
            if self._values is None or self._clock() >= self._due:
                self._values = self._read(arn, patience)
            return self._values

    def reread(self) -> bool:
        """Read it out of turn, unless that was done just now; return if it changed.

        For when something that it holds doesn't work any more.
        """
        arn = os.environ.get("SECRET_ARN")
        with self._lock:
            if not arn or self._clock() < self._quiet_until:
                return False
            self._quiet_until = self._clock() + COOL_DOWN
            before, self._values = self._values, self._read(arn, WARM_UP)
            return self._values != before

    def _read(self, arn: str, patience: float) -> Mapping[str, str]:
        try:
            values = parsed(fetched(arn, patience))
        except (SettingsError, ServiceUnavailable) as error:
            if self._values is None:
                raise
            log.logger.warning("the secret can't be read again", reason=str(error))
            self._due = self._clock() + COOL_DOWN
            return self._values
        self._due = self._clock() + TTL
        return values


held = Secret()


def fetched(arn: str, patience: float) -> str:
    """Return the secret's text, by the cheapest way that there is.

    The extension is asked first: importing boto3 takes longer than importing FastAPI.
    """
    port = os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT")
    text = from_extension(arn, int(port), patience) if port else None
    return text if text is not None else from_secrets_manager(arn)


def from_extension(arn: str, port: int, patience: float) -> str | None:
    """Return what AWS's Parameters and Secrets extension says; None if it won't tell.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets_lambda.html
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return asked(arn, port)
        except NotReady:
            if not patience:
                raise
            if time.monotonic() >= deadline:
                log.logger.warning("the secrets extension isn't ready")
                return None
            time.sleep(0.01)
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            # Secrets Manager itself will say what is wrong.
            reason = type(error).__name__
            log.logger.warning("the secrets extension doesn't answer", reason=reason)
            return None


def asked(arn: str, port: int) -> str:
    """Return the extension's answer; raise NotReady, or what shows that it failed."""
    connection = HTTPConnection("localhost", port, timeout=TIMEOUT)
    try:
        token = os.environ.get("AWS_SESSION_TOKEN", "")
        connection.request(
            "GET",
            f"/secretsmanager/get?secretId={quote(arn, safe='')}",
            headers={"X-Aws-Parameters-Secrets-Token": token},
        )
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status == 400 and b"not ready" in body:
        raise NotReady
    if response.status != 200:
        raise ValueError(f"HTTP status {response.status}")
    return str(json.loads(body)["SecretString"])


def from_secrets_manager(arn: str) -> str:
    """Return what Secrets Manager says; raise SettingsError or ServiceUnavailable."""
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

    try:
        return str(provider().get(arn, force_fetch=True))
    except GetParameterError as error:
        # The message names the ARN and what AWS said, and no value.
        sentence = f"SECRET_ARN can't be read: {error}"
        response = getattr(error.__context__, "response", {})
        if response.get("Error", {}).get("Code") in OURS:
            raise SettingsError(sentence) from error
        log.logger.append_keys(reason=sentence)
        raise ServiceUnavailable("The settings can't be read") from error


@cache
def provider() -> "SecretsProvider":
    """Return Powertools' reader of secrets, which imports boto3."""
    from aws_lambda_powertools.utilities.parameters import SecretsProvider
    from botocore.config import Config

    limits = Config(
        connect_timeout=TIMEOUT,
        read_timeout=TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    return SecretsProvider(boto_config=limits)


def parsed(text: str) -> Mapping[str, str]:
    """Return the settings in a secret; raise SettingsError, which quotes none."""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(
        isinstance(value, str) for value in values.values()
    ):
        raise SettingsError(
            "SECRET_ARN must name a secret that is a JSON object of strings"
        )
    return values
