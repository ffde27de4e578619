"""A secret in moto's Secrets Manager, and a clock that a test sets."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from taskapi.settings import secrets_manager

NAMES = [
    "DATABASE_URL",
    "BETTER_AUTH_SECRET",
    "BETTER_AUTH_URL",
    "SECRET_ARN",
    "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT",
]


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Store:
    """A secret in Secrets Manager, which counts how often it is read."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.client = boto3.client("secretsmanager")
        self.client.create_secret(Name="tasks", SecretString="{}")
        self.arn: str = self.client.describe_secret(SecretId="tasks")["ARN"]
        self.reads = 0
        self.failure: Exception | None = None
        patch.setenv("SECRET_ARN", self.arn)
        provider = secrets_manager.provider()
        provider.client.meta.events.register("before-call", self._count)

    def _count(self, **_: object) -> None:
        self.reads += 1
        if self.failure:
            raise self.failure

    def put(self, text: str | dict[str, Any]) -> None:
        text = text if isinstance(text, str) else json.dumps(text)
        self.client.put_secret_value(SecretId=self.arn, SecretString=text)

    def fail(self, code: str) -> None:
        self.failure = ClientError({"Error": {"Code": code}}, "GetSecretValue")
