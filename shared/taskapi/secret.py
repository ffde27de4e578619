"""The secret at SECRET_ARN: read once, kept a while, and again where it seems old."""

import json
import math
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.parse import quote

from taskapi import log, time_budget
from taskapi.errors import ServiceUnavailable, SettingsError
from taskapi.single_flight import SingleFlight

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

TTL = 300.0
"""Seconds to cache the secret, Secrets Manager's own default."""

COOL_DOWN = 30.0
"""Seconds between two early reads, and after a failed read if there are values."""

FAILURE_COOL_DOWN = 1.0
"""Seconds after a failed read if there are none: each request fails at once."""

WARM_UP = 1.0
"""Seconds to wait for the extension, which is ready only when the first event is."""

ATTEMPT_TIMEOUT = 2.0
"""Seconds to connect to the extension or to Secrets Manager, and for each answer."""

TIMEOUT = 3.0
"""Seconds to wait for a read, all attempts together, where older values can serve."""

FIRST_TIMEOUT = 5.0
"""Seconds to wait for a read where there are no values yet.

After an extension that hangs, importing boto3 takes up to two seconds of a small
function's CPU. What is left of the request is enough to connect.
"""

MAX_BYTES = 256 * 1024
"""Secrets Manager's limit for a secret is 64 KiB, and JSON may escape each byte."""

PERMANENT_ERRORS = {
    "AccessDenied",
    "AccessDeniedException",
    "DecryptionFailure",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidParameterException",
    "InvalidRequestException",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "OptInRequired",
    "ResourceNotFoundException",
    "SignatureDoesNotMatch",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "ValidationError",
    "ValidationException",
}
"""Errors of AWS that last until a person repairs the stack; all others may pass.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
"""


class NotReady(Exception):
    """The extension answers no requests before the init phase is over."""


class Outage(Exception):
    """AWS can't be asked, for now; the message says why, and holds no value."""


class Secret:
    """What the secret holds; the last good values as long as no better come."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds since any moment."""
        self._clock = clock
        self._values: Mapping[str, str] | None = None
        self._failure: BaseException | None = None
        self._due = float("-inf")
        self._quiet_until = float("-inf")
        self._flight: SingleFlight[Mapping[str, str]] = SingleFlight()
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
            if self._clock() >= self._due:
                self._read(arn, patience)
            if self._values is None:
                raise self._problem()
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
            before = self._values
            self._read(arn, WARM_UP)
            return self._values != before

    def _read(self, arn: str, patience: float) -> None:
        """Read the values, or note why there are none and when to try again."""
        left = time_budget.remaining()
        outcome = self._flight.outcome(
            lambda: parsed(fetched(arn, patience)),
            # The request goes on with older values, and needs time for that.
            min(FIRST_TIMEOUT, left)
            if self._values is None
            else min(TIMEOUT, left / 2),
        )
        self._failure = (
            outcome.exception()
            if outcome
            else Outage("SECRET_ARN can't be read: no answer in time")
        )
        if outcome and self._failure is None:
            self._values = outcome.result()
            self._due = self._clock() + TTL
        elif isinstance(self._failure, NotReady):
            raise self._failure
        elif self._values is None:
            self._due = self._clock() + FAILURE_COOL_DOWN
        else:
            self._due = self._clock() + COOL_DOWN
            reason = f"{type(self._failure).__name__}: {self._failure}"
            log.logger.warning("the secret can't be read again", reason=reason)

    def _problem(self) -> BaseException:
        """Return what to raise where there are no values."""
        if isinstance(self._failure, Outage):
            log.logger.append_keys(reason=str(self._failure))
            seconds = max(math.ceil(self._due - self._clock()), 1)
            problem = ServiceUnavailable("The settings can't be read", seconds)
            problem.__cause__ = self._failure
            return problem
        # A SettingsError, or a bug. Each time that it is raised, its traceback grows.
        return (self._failure or Outage()).with_traceback(None)


held = Secret()


def fetched(arn: str, patience: float) -> str | bytes:
    """Return the secret's text, by the cheapest way that there is.

    The extension is asked first: importing boto3 takes longer than importing FastAPI.
    """
    if not re.fullmatch(r"[\w/+=.@:-]{1,2048}", arn, re.ASCII):
        raise SettingsError("SECRET_ARN isn't the ARN of a secret: arn:aws:...")
    port = os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT")
    text = from_extension(arn, port, patience) if port else None
    return text if text is not None else from_secrets_manager(arn)


def from_extension(arn: str, port: str, patience: float) -> str | None:
    """Return what AWS's Parameters and Secrets extension says; None if it won't tell.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets_lambda.html
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return asked(arn, int(port))
        except NotReady:
            if not patience:
                raise
            if time.monotonic() >= deadline:
                log.logger.warning("the secrets extension isn't ready")
                return None
            time.sleep(0.01)
        except (
            OSError,
            HTTPException,
            ValueError,
            LookupError,
            RecursionError,
        ) as error:
            # Secrets Manager itself will say what is wrong.
            reason = type(error).__name__
            log.logger.warning("the secrets extension doesn't answer", reason=reason)
            return None


def asked(arn: str, port: int) -> str:
    """Return the extension's answer; raise NotReady, or what shows that it failed."""
    connection = HTTPConnection("localhost", port, timeout=ATTEMPT_TIMEOUT)
    try:
        token = os.environ.get("AWS_SESSION_TOKEN", "")
        connection.request(
            "GET",
            f"/secretsmanager/get?secretId={quote(arn, safe='')}",
            headers={"X-Aws-Parameters-Secrets-Token": token},
        )
        response = connection.getresponse()
        body = response.read(MAX_BYTES)
    finally:
        connection.close()
    if response.status == 400 and b"not ready" in body:
        raise NotReady
    if response.status != 200:
        raise ValueError(f"HTTP status {response.status}")
    match json.loads(body):
        case {"SecretString": str(text)}:
            return text
    raise ValueError("no SecretString in the answer")


def from_secrets_manager(arn: str) -> str | bytes:
    """Return what Secrets Manager says; raise SettingsError or Outage."""
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
    from botocore.exceptions import BotoCoreError

    try:
        reader = provider()
    except BotoCoreError as error:
        raise failure_of(error, arn) from error
    except ValueError as error:
        raise SettingsError(
            "SECRET_ARN can't be read: AWS's endpoint isn't valid"
        ) from error
    try:
        value = reader.get(arn, force_fetch=True)
    except GetParameterError as error:
        # Powertools raises this one whatever botocore has raised.
        raise failure_of(error.__context__, arn) from error
    return value if isinstance(value, bytes) else str(value)


def failure_of(error: BaseException | None, arn: str) -> SettingsError | Outage:
    """Return what an error of botocore means, as a sentence without values."""
    from botocore import exceptions

    # AWS's message quotes no value, but SECRET_ARN, in which a value may be by mistake.
    reason = " ".join(str(error).split()).replace(arn, "the secret")
    sentence = f"SECRET_ARN can't be read: {reason or type(error).__name__}"
    if isinstance(error, exceptions.ClientError):
        code = (error.response.get("Error") or {}).get("Code")
        is_permanent = code in PERMANENT_ERRORS
    else:
        passing = (
            exceptions.CapacityNotAvailableError,
            exceptions.ChecksumError,
            exceptions.ConnectionError,
            exceptions.CredentialRetrievalError,
            exceptions.HTTPClientError,
            exceptions.IncompleteReadError,
            exceptions.MetadataRetrievalError,
            exceptions.TokenRetrievalError,
        )
        is_permanent = isinstance(error, exceptions.BotoCoreError) and not isinstance(
            error, passing
        )
    return SettingsError(sentence) if is_permanent else Outage(sentence)


@cache
def provider() -> "SecretsProvider":
    """Return Powertools' reader of secrets, which imports boto3."""
    from aws_lambda_powertools.utilities.parameters import SecretsProvider
    from botocore.config import Config

    limits = Config(
        connect_timeout=ATTEMPT_TIMEOUT,
        read_timeout=ATTEMPT_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    return SecretsProvider(boto_config=limits)


def parsed(text: str | bytes) -> Mapping[str, str]:
    """Return the settings in a secret; raise SettingsError, which quotes none."""
    try:
        values = json.loads(text)
        # Lone surrogates can't be sent to anyone.
        json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not all(
        isinstance(value, str) for value in values.values()
    ):
        raise SettingsError(
            "SECRET_ARN must name a secret that is a JSON object of strings"
        )
    return values
