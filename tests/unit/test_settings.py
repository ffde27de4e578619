"""Settings from variables and from Secrets Manager, which moto stands for."""

import json
from collections.abc import Callable, Iterator

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters
from moto import mock_aws

from taskapi import settings
from taskapi.settings import SettingsError

NAMES = ["DATABASE_URL", "BETTER_AUTH_SECRET", "BETTER_AUTH_URL", "SECRET_ARN"]
SECRET = "a secret of Better Auth's, over 32 bytes"

Store = Callable[[str], str]


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have no setting, and forget those of other tests until the end."""
    cached = [settings.secret, settings.database_url, settings.better_auth]
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for function in cached:
        function.cache_clear()
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    yield
    for function in cached:
        function.cache_clear()


@pytest.fixture
def store(clean: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Return what puts a secret into Secrets Manager and its ARN into SECRET_ARN."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        client = boto3.client("secretsmanager")

        def put(text: str) -> str:
            arn: str = client.create_secret(Name="tasks", SecretString=text)["ARN"]
            monkeypatch.setenv("SECRET_ARN", arn)
            return arn

        yield put


def test_reads_settings_from_the_secret(store: Store) -> None:
    url = "postgresql://user:password@host/db"
    store(json.dumps({"DATABASE_URL": url, "BETTER_AUTH_SECRET": SECRET}))

    assert settings.database_url() == url
    assert settings.better_auth().secret == SECRET.encode()


def test_a_variable_wins_over_the_secret(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(json.dumps({"DATABASE_URL": "from the secret"}))
    monkeypatch.setenv("DATABASE_URL", "from the variable")

    assert settings.database_url() == "from the variable"


def test_does_not_ask_for_a_secret_that_it_does_not_need(
    clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_ARN", "arn:aws:secretsmanager:nowhere")
    monkeypatch.setenv("DATABASE_URL", "from the variable")

    assert settings.database_url() == "from the variable"


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        '["hunter2"]',
        '{"DATABASE_URL": ["hunter2"]}',
        '"hunter2"',
        "{hunter2",
    ],
)
def test_a_malformed_secret_is_one_line_that_does_not_quote_it(
    store: Store, text: str
) -> None:
    store(text)

    with pytest.raises(SettingsError) as raised:
        settings.database_url()

    assert str(raised.value) == (
        "SECRET_ARN must name a secret that is a JSON object of strings"
    )
    assert raised.value.__cause__ is None


def test_a_missing_secret_is_one_line(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_ARN", store("{}") + "-another")

    with pytest.raises(SettingsError, match=r"SECRET_ARN can't be read: .*NotFound"):
        settings.database_url()


@pytest.mark.parametrize(
    ("read", "line"),
    [
        (settings.database_url, "DATABASE_URL is not set"),
        (
            settings.better_auth,
            "Neither BETTER_AUTH_SECRET nor BETTER_AUTH_URL is set: "
            "one of them is needed to check tokens",
        ),
    ],
    ids=["DATABASE_URL", "Better Auth"],
)
def test_a_missing_setting_is_one_line(
    clean: None, read: Callable[[], object], line: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        read()

    assert str(raised.value) == line


def test_settings_do_not_show_the_secret(
    clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETTER_AUTH_SECRET", SECRET)

    assert SECRET not in repr(settings.better_auth())
