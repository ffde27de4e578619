"""Read the secret from Secrets Manager, with one signed request and without boto3.

With boto3, a cold start takes 1.4 times the instructions. Of the signers on PyPI that
need neither boto3 nor requests, AWS's own (aws-sdk-signers) is an alpha version that
takes 148 million instructions to import, a tenth of a cold start.
"""

import json
import os
import re
import time
from base64 import b64decode
from collections.abc import Mapping
from http.client import HTTPException

from taskapi.deadline_connection import Answer, exchange
from taskapi.errors import Outage, SettingsError
from taskapi.settings.aws_credentials import CredentialsUnavailable, find_credentials
from taskapi.settings.secret_endpoint import endpoint, find_region
from taskapi.settings.sigv4 import Credentials, sign
from taskapi.tls import AMAZON, Trust

ATTEMPT_TIMEOUT = 2.0
"""Seconds for one request to Secrets Manager, and for the credentials before it."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
"""Seconds: pauses are random; the longest one doubles with each attempt."""

MAX_BYTES = 512 * 1024
"""Secrets Manager's limit for a secret is 64 KiB, and JSON may escape each byte."""

CREDENTIALS_UNKNOWN = "AWS doesn't know these credentials"
WRONG_SIGNATURE = "AWS_SECRET_ACCESS_KEY doesn't belong to AWS_ACCESS_KEY_ID"

PERMANENT_ERRORS = {
    "AccessDenied": "the caller's role may not read it",
    "AccessDeniedException": "the caller's role needs secretsmanager:GetSecretValue "
    "for it, and kms:Decrypt for its key if that isn't AWS's own",
    "DecryptionFailure": "its KMS key can't decrypt it",
    "IncompleteSignature": WRONG_SIGNATURE,
    "InvalidClientTokenId": CREDENTIALS_UNKNOWN,
    "InvalidParameterException": "AWS refuses its name",
    "InvalidRequestException": "it has no current value, or is being deleted",
    "InvalidSignatureException": WRONG_SIGNATURE,
    "MissingAuthenticationToken": CREDENTIALS_UNKNOWN,
    "MissingAuthenticationTokenException": CREDENTIALS_UNKNOWN,
    "OptInRequired": "the account may not use Secrets Manager in this region",
    "ResourceNotFoundException": "there is no such secret in this account and region",
    "SignatureDoesNotMatch": WRONG_SIGNATURE,
    "UnknownOperationException": "this is no endpoint of Secrets Manager",
    "UnrecognizedClientException": CREDENTIALS_UNKNOWN,
    "ValidationError": "AWS refuses its name",
    "ValidationException": "AWS refuses its name",
}
"""AWS's errors that last until someone repairs the stack; others may be temporary.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
"""

WRONG_CLOCK = re.compile(r"Signature (expired|not yet current)")
"""How AWS's message begins if our time isn't its own, for which there is no code."""


def fetch_secret(arn: str, timeout: float) -> Mapping[str, str]:
    """Return the settings in the secret, within timeout seconds.

    Raises SettingsError if the stack is set up wrongly, Outage if AWS can't answer.
    """
    return parse_secret(fetch_text(arn, timeout))


def fetch_text(arn: str, timeout: float) -> str | bytes:
    """Return the secret's text; retry while AWS throttles or can't be reached.

    The pauses are random, so that the many environments of a sudden load don't all
    come back at the same time.
    """
    if not re.fullmatch(r"[\w/+=.@:-]{1,2048}", arn, re.ASCII):
        raise SettingsError("SECRET_ARN isn't the ARN of a secret: arn:aws:...")
    deadline, attempt = time.monotonic() + timeout, 0
    while True:
        try:
            return request_text(arn, min(deadline, time.monotonic() + ATTEMPT_TIMEOUT))
        except Outage:
            attempt += 1
            pause = backoff(attempt)
            if time.monotonic() + pause >= deadline:
                raise
        time.sleep(pause)


def backoff(attempt: int) -> float:
    """Return the seconds to wait after an attempt, the first being 1."""
    longest = min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_PAUSE)
    # The module `random` isn't imported yet.
    return longest * os.urandom(1)[0] / 255


def request_text(arn: str, deadline: float) -> str | bytes:
    """Return the secret's text after one request; raise SettingsError or Outage."""
    region = find_region(arn)
    try:
        credentials = find_credentials(deadline)
        if credentials is None:
            return fetch_with_boto3(arn, region)
        return parse_answer(request(arn, region, credentials, deadline))
    except CredentialsUnavailable as error:
        raise Outage(f"SECRET_ARN can't be read: {error}") from error
    except (OSError, HTTPException, ValueError) as error:
        # Other texts than the system's own may quote what a stranger answered.
        reason = str(error) if isinstance(error, OSError) else type(error).__name__
        if isinstance(error, TimeoutError):
            reason = "no answer in time"
        raise Outage(f"SECRET_ARN can't be read: {reason}") from error


def request(arn: str, region: str, credentials: Credentials, deadline: float) -> Answer:
    """Send GetSecretValue; raise OSError, HTTPException or ValueError.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """
    url = endpoint(region)
    body = json.dumps({"SecretId": arn}).encode()
    headers = {
        "Host": url.netloc,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "secretsmanager.GetSecretValue",
    }
    signed = sign(
        headers,
        body,
        credentials,
        region=region,
        service="secretsmanager",
        now=time.time(),
    )
    trust = Trust(os.environ.get("AWS_CA_BUNDLE"), AMAZON)
    return exchange(url, "POST", signed, deadline, MAX_BYTES, body, trust)


def parse_answer(answer: Answer) -> str | bytes:
    """Return the secret's text; raise SettingsError, or Outage."""
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        content = None
    match content:
        case {"SecretString": str(text)} if answer.status == 200:
            return text
        case {"SecretBinary": str(encoded)} if answer.status == 200:
            return b64decode(encoded)
        case dict():
            kind = content.get("__type") or answer.headers.get("x-amzn-errortype", "")
            message = content.get("message") or content.get("Message")
            raise explain(str(kind), str(message), answer.status)
    raise explain("", "", answer.status)


def explain(kind: str, message: str, status: int) -> SettingsError | Outage:
    """Return the error to raise for AWS's; its sentence quotes only the code.

    kind: AWS's code, perhaps with a namespace before it or a URL behind it. message:
    may quote the request with its session token.
    """
    code = re.sub(r"^.*#|:.*$|[^\w.]", "", kind, flags=re.ASCII | re.DOTALL)[:80]
    if WRONG_CLOCK.match(message):
        return Outage("SECRET_ARN can't be read: this clock and AWS's differ")
    sentence = f"SECRET_ARN can't be read: {code or f'HTTP status {status}'}"
    if code in PERMANENT_ERRORS:
        return SettingsError(f"{sentence}: {PERMANENT_ERRORS[code]}")
    return Outage(sentence)


def fetch_with_boto3(arn: str, region: str) -> str | bytes:
    """Return the secret's text, with the credentials of a developer's profile or SSO.

    In Lambda there are always credentials, so boto3 is never imported there.
    """
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise SettingsError(
            "SECRET_ARN can't be read: no AWS credentials, and boto3 isn't installed"
        ) from error
    try:
        client = boto3.client("secretsmanager", region_name=region)
        answer = client.get_secret_value(SecretId=arn)
    except (BotoCoreError, ClientError, ValueError) as error:
        reason = " ".join(str(error).split()).replace(arn, "the secret")
        raise SettingsError(f"SECRET_ARN can't be read: {reason}") from error
    text: str | bytes = answer.get("SecretString", answer.get("SecretBinary"))
    return text


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
