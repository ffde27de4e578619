"""A secret in moto's Secrets Manager."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from botocore.exceptions import ClientError

NAMES = [
    "DATABASE_URL",
    "BETTER_AUTH_SECRET",
    "BETTER_AUTH_URL",
    "SECRET_ARN",
    "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT",
]

AWS_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


class Store:
    """A secret in Secrets Manager, which counts how often it is read."""

    def __init__(self, reader: SecretsProvider) -> None:
        self.client = reader.client
        name = f"tasks-{uuid.uuid4().hex}"
        created = self.client.create_secret(Name=name, SecretString="{}")
        self.arn: str = created["ARN"]
        self.reads = 0
        self.failure: Exception | None = None

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the reads from now on, and let them fail if `failure` is set."""
        event = "before-call.secrets-manager.GetSecretValue"
        self.client.meta.events.register(event, self._count)
        try:
            yield
        finally:
            self.client.meta.events.unregister(event, self._count)

    def _count(self, **_: object) -> None:
        self.reads += 1
        if self.failure:
            raise self.failure

    def put(self, text: str | dict[str, Any]) -> None:
        text = text if isinstance(text, str) else json.dumps(text)
        self.client.put_secret_value(SecretId=self.arn, SecretString=text)

    def fail(self, code: str) -> None:
        self.failure = ClientError({"Error": {"Code": code}}, "GetSecretValue")
