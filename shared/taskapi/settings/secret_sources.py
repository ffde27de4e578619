"""Read the secret from AWS's extension if there is one, else from Secrets Manager.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets_lambda.html
"""

import json
import os
import re
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from urllib.parse import quote

from taskapi.errors import SettingsError
from taskapi.log import logger
from taskapi.settings import secrets_manager

MAX_BYTES = 256 * 1024
"""Secrets Manager's limit for a secret is 64 KiB, and JSON may escape each byte."""


class NotReady(Exception):
    """The extension answers no requests before the init phase is over."""


def fetch_secret(arn: str, extension_timeout: float) -> Mapping[str, str]:
    """Return the settings in the secret; raise SettingsError, Outage or NotReady."""
    return parse_secret(fetch_text(arn, extension_timeout))


def fetch_text(arn: str, extension_timeout: float) -> str | bytes:
    """Return the secret's text.

    The extension is asked first: importing boto3 takes longer than importing FastAPI.
    """
    if not re.fullmatch(r"[\w/+=.@:-]{1,2048}", arn, re.ASCII):
        raise SettingsError("SECRET_ARN isn't the ARN of a secret: arn:aws:...")
    port = os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT")
    text = fetch_from_extension(arn, port, extension_timeout) if port else None
    return secrets_manager.fetch_from_secrets_manager(arn) if text is None else text


def fetch_from_extension(arn: str, port: str, timeout: float) -> str | None:
    """Return the secret's text; None if the extension doesn't answer.

    timeout: seconds to wait until it is ready; 0 raises NotReady instead.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            return request_extension(arn, int(port))
        except NotReady:
            if not timeout:
                raise
            if time.monotonic() >= deadline:
                logger.warning("the secrets extension isn't ready")
                return None
            time.sleep(0.01)
        except (
            OSError,
            HTTPException,
            ValueError,
            LookupError,
            RecursionError,
        ) as error:
            # fetch_text() asks Secrets Manager next, and its error says what is wrong.
            reason = type(error).__name__
            logger.warning("the secrets extension doesn't answer", reason=reason)
            return None


def request_extension(arn: str, port: int) -> str:
    """Return the answer to one request; raise NotReady, ValueError or OSError."""
    connection = HTTPConnection(
        "localhost", port, timeout=secrets_manager.ATTEMPT_TIMEOUT
    )
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


def parse_secret(text: str | bytes) -> Mapping[str, str]:
    """Return the settings in a secret's text; raise SettingsError.

    The error quotes nothing of the text.
    """
    try:
        values = json.loads(text)
        # UTF-8 can't encode lone surrogates, so no setting may have one.
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
