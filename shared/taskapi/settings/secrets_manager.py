"""Read the secret from Secrets Manager with Powertools, and explain its errors."""

from functools import cache
from typing import TYPE_CHECKING

from taskapi.errors import SettingsError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

ATTEMPT_TIMEOUT = 2.0
"""Seconds to connect to the extension or to Secrets Manager, and for each answer."""

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
"""AWS's errors that last until someone repairs the stack; others may be temporary.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
"""


class Outage(Exception):
    """AWS can't be reached for now; the message says why, and quotes no value."""


def fetch_from_secrets_manager(arn: str) -> str | bytes:
    """Return the secret's text; raise SettingsError or Outage."""
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
    from botocore.exceptions import BotoCoreError

    try:
        reader = provider()
    except BotoCoreError as error:
        raise explain(error, arn) from error
    except ValueError as error:
        raise SettingsError(
            "SECRET_ARN can't be read: AWS's endpoint isn't valid"
        ) from error
    try:
        value = reader.get(arn, force_fetch=True)
    except GetParameterError as error:
        # Powertools raises this for every error of botocore.
        raise explain(error.__context__, arn) from error
    return value if isinstance(value, bytes) else str(value)


def explain(error: BaseException | None, arn: str) -> SettingsError | Outage:
    """Return an error of botocore as one of ours, with one sentence."""
    from botocore import exceptions

    # AWS quotes SECRET_ARN, which may hold the secret itself by mistake.
    reason = " ".join(str(error).split()).replace(arn, "the secret")
    sentence = f"SECRET_ARN can't be read: {reason or type(error).__name__}"
    if isinstance(error, exceptions.ClientError):
        code = (error.response.get("Error") or {}).get("Code")
        is_permanent = code in PERMANENT_ERRORS
    else:
        transient = (
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
            error, transient
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
