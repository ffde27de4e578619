"""AWS's credentials: of the environment, or of the container that runs this process."""

import json
import os
from http.client import HTTPException
from urllib.parse import urlsplit

from taskapi.deadline_connection import exchange
from taskapi.errors import SettingsError
from taskapi.settings.sigv4 import Credentials
from taskapi.settings.urls import is_loopback

CONTAINER_HOSTS = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23")
"""ECS's and EKS's addresses, which the network can't forge, as they are link-local."""

MAX_BYTES = 64 * 1024


class CredentialsUnavailable(Exception):
    """The container gives no credentials for now; the message says why."""


def find_credentials(deadline: float) -> Credentials | None:
    """Return the credentials; None if neither environment nor container has any.

    deadline: for the container, on time.monotonic(). Lambda puts them into variables,
    except with SnapStart, where they would expire:
    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html
    Raises SettingsError and CredentialsUnavailable.
    """
    key_id = os.environ.get("AWS_ACCESS_KEY_ID")
    secret_key = os.environ.get("AWS_SECRET_ACCESS_KEY")
    if key_id and secret_key:
        token = os.environ.get("AWS_SESSION_TOKEN") or None
        return Credentials(key_id, secret_key, token)
    url = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    return fetch_credentials(url, deadline) if url else None


def fetch_credentials(url: str, deadline: float) -> Credentials:
    """Return the container's credentials, which are at url.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (host in CONTAINER_HOSTS or is_loopback(host)):
        raise SettingsError(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI must begin with https://, or be on "
            "this machine"
        )
    token = container_token()
    headers = {"Authorization": token} if token else {}
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    cause: Exception | None = None
    try:
        answer = exchange(parts, "GET", target, headers, deadline, MAX_BYTES)
        match json.loads(answer.body):
            case {
                "AccessKeyId": str(key_id),
                "SecretAccessKey": str(secret_key),
                "Token": str(session),
            }:
                return Credentials(key_id, secret_key, session)
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        cause = error
    raise CredentialsUnavailable(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI gives no credentials"
    ) from cause


def container_token() -> str | None:
    """Return what authorizes this process; it may change, so it is read each time."""
    path = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    if not path:
        return os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError as error:
        raise SettingsError(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE can't be read"
        ) from error
