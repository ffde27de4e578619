"""One signed request to Secrets Manager, and what becomes of each answer."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest

from taskapi import deadline_connection
from taskapi.errors import Outage, SettingsError
from taskapi.settings import secrets_manager
from taskapi.settings.secret_endpoint import DNS_SUFFIXES, endpoint
from taskapi.settings.secrets_manager import PERMANENT_ERRORS, fetch_secret, fetch_text
from taskapi.tls import AMAZON, find_cas
from tests.support.container import Container
from tests.support.secret_store import AWS_ENVIRONMENT, Store, error
from tests.support.tls import Authority

VALUES = {"DATABASE_URL": "postgresql://db.example/tasks"}


@pytest.fixture
def held(store: Store) -> Store:
    """Return the store with values in its secret."""
    store.put(dict(VALUES))
    return store


def failure(store: Store) -> SettingsError | Outage:
    """Return the error of a read, which is one line without a value."""
    with pytest.raises((SettingsError, Outage)) as raised:
        fetch_text(store.arn, 60)
    line = str(raised.value)
    assert line.startswith("SECRET_ARN can't be read: ")
    assert "\n" not in line
    assert store.arn not in line
    assert not any(value in line for value in store.keys.values())
    assert isinstance(raised.value, SettingsError | Outage)
    return raised.value


# The request


def test_asks_for_the_secret_by_its_arn(held: Store) -> None:
    assert fetch_secret(held.arn, 60) == VALUES
    [sent] = held.requests
    assert sent["content-type"] == "application/x-amz-json-1.1"


def test_an_access_key_without_a_session_works_too(
    held: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    held.keys["AWS_SESSION_TOKEN"] = ""

    assert fetch_secret(held.arn, 60) == VALUES
    assert "x-amz-security-token" not in held.requests[0]


def test_a_secret_by_its_name_is_in_the_functions_region(
    held: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.arn = "tasks-dev"
    monkeypatch.setenv("AWS_REGION", "eu-central-1")

    assert fetch_secret("tasks-dev", 60) == VALUES


def test_a_name_without_a_region_is_one_line(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

    with pytest.raises(SettingsError, match=r"^SECRET_ARN must be a whole ARN"):
        fetch_text("tasks-dev", 60)


def partitions() -> Iterator[tuple[str, str]]:
    """Yield a region and the suffix of its endpoints, for each partition of botocore's.

    botocore knows all regions: https://github.com/boto/botocore
    """
    data = json.loads(files("botocore").joinpath("data/partitions.json").read_text())
    for partition in data["partitions"]:
        for region in partition["regions"]:
            if "global" not in region:
                yield region, partition["outputs"]["dnsSuffix"]


def test_knows_the_endpoint_of_each_region(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_SECRETS_MANAGER")
    expected = dict(partitions())

    hosts = {region: endpoint(region).geturl() for region in expected}

    assert hosts == {
        region: f"https://secretsmanager.{region}.{suffix}"
        for region, suffix in expected.items()
    }
    assert set(DNS_SUFFIXES.values()) < set(expected.values())


@pytest.mark.parametrize(
    "value",
    [
        "hush",
        "ftp://hush",
        "https://",
        "http://[hush",
        "http://hush:port",
        "http://127.0.0.1/hush",
        "http://127.0.0.1?hush",
        "http://hush@127.0.0.1",
        "http://127.0.0.1 hush",
    ],
)
def test_an_endpoint_that_is_no_url_is_one_line(
    store: Store, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", value)

    said = str(failure(store))

    assert said.endswith(
        "AWS_ENDPOINT_URL_SECRETS_MANAGER isn't a URL such as https://host"
    )
    assert "hush" not in said


def test_takes_the_endpoint_of_all_services_too(
    held: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_SECRETS_MANAGER")
    monkeypatch.setenv("AWS_ENDPOINT_URL", held.origin)

    assert fetch_secret(held.arn, 60) == VALUES


# The answer


@pytest.mark.parametrize("code", PERMANENT_ERRORS)
def test_a_permanent_error_says_what_to_repair(store: Store, code: str) -> None:
    store.fail(code)

    failed = failure(store)

    assert isinstance(failed, SettingsError)
    assert str(failed).endswith(f"{code}: {PERMANENT_ERRORS[code]}")
    assert store.reads == 1


@pytest.mark.parametrize(
    "code",
    [
        "ExpiredTokenException",
        "InternalFailure",
        "InternalServiceError",
        "InternalServerError",
        "LimitExceededException",
        "RequestExpired",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "",
    ],
)
def test_any_other_error_may_be_temporary(store: Store, code: str) -> None:
    store.fail(code)

    failed = failure(store)

    assert isinstance(failed, Outage)
    assert (code or "HTTP status 400") in str(failed)


@pytest.mark.parametrize(
    "kind",
    [
        "com.amazonaws.secretsmanager#AccessDeniedException",
        "AccessDeniedException:http://internal.amazon.com/coral/",
    ],
)
def test_reads_a_code_in_each_of_its_forms(store: Store, kind: str) -> None:
    store.fail(kind)

    assert "read: AccessDeniedException: " in str(failure(store))


def test_reads_a_code_in_the_header(store: Store) -> None:
    status, _headers, body = error("")
    store.failures = [(status, {"x-amzn-ErrorType": "AccessDeniedException"}, body)]

    assert isinstance(failure(store), SettingsError)


@pytest.mark.parametrize(
    "message",
    [
        "Signature expired: 20261126T195000Z is now earlier than 20261126T195500Z",
        "Signature not yet current: 20261126T195000Z is still later than",
    ],
)
def test_a_clock_that_is_wrong_may_be_right_later(store: Store, message: str) -> None:
    store.failures = [error("InvalidSignatureException", message)]

    failed = failure(store)

    assert isinstance(failed, Outage)
    assert str(failed).endswith("this clock and AWS's differ")


@pytest.mark.parametrize(
    "reply",
    [
        (500, {}, b"<html>hush</html>"),
        (200, {}, b""),
        (200, {}, b"{}"),
        (200, {}, b'{"SecretString": null}'),
        (200, {}, b"\xff\xfe"),
        (200, {}, b"[" * 100_000),
        (200, {}, b" " * 600_000),
        (200, {"content-length": "100"}, b"{}"),
        (302, {"location": "https://hush.example"}, b""),
    ],
    ids=[
        "an error page",
        "nothing",
        "an empty object",
        "null",
        "not UTF-8",
        "nested too deep",
        "too long",
        "cut off",
        "a redirect",
    ],
)
def test_an_answer_that_is_no_secret_is_an_outage(
    store: Store, reply: tuple[int, dict[str, str], bytes]
) -> None:
    store.failures = [reply]

    failed = failure(store)

    assert isinstance(failed, Outage)
    assert "hush" not in str(failed)


def test_a_host_that_does_not_answer_is_an_outage(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")

    assert isinstance(failure(store), Outage)


def test_retries_while_aws_throttles(
    held: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets_manager, "backoff", lambda attempt: 0.0)
    before = held.before_answering
    held.fail(*["ThrottlingException"] * 3)
    held.before_answering = lambda: held.repair() if held.reads == 4 else before()

    assert fetch_secret(held.arn, 60) == VALUES
    assert held.reads == 4


def test_pauses_are_random_and_grow() -> None:
    for attempt, longest in (
        (1, 0.1),
        (2, 0.2),
        (3, 0.4),
        (4, 0.8),
        (5, 1.0),
        (9, 1.0),
    ):
        pauses = [secrets_manager.backoff(attempt) for _ in range(50)]

        assert len(set(pauses)) > 10
        assert 0 <= min(pauses) < longest / 2 < max(pauses) <= longest


def test_gives_up_when_its_time_is_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets_manager, "backoff", lambda attempt: 0.01)
    store.fail("ThrottlingException")

    with pytest.raises(Outage):
        fetch_text(store.arn, 0.05)


# TLS


def trusting(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *authorities: Authority
) -> Path:
    """Trust these authorities; return the bundle that has them."""
    bundle = folder / "bundle.pem"
    bundle.write_bytes(b"".join(authority.pem for authority in authorities))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    return bundle


def test_trusts_few_cas_if_they_are_enough(
    held: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    amazon, other = Authority("Amazon Root CA 9"), Authority("Another CA")
    bundle = trusting(tmp_path, monkeypatch, other, amazon)
    monkeypatch.setattr(deadline_connection, "all_cas_tls", None)

    assert find_cas(str(bundle), AMAZON) == amazon.der
    with secure(held, amazon, monkeypatch):
        assert fetch_secret(held.arn, 60) == VALUES


def test_trusts_every_ca_of_the_machine_if_they_are_not(
    held: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    amazon, other = Authority("Amazon Root CA 9"), Authority("Another CA")
    trusting(tmp_path, monkeypatch, other, amazon)

    with secure(held, other, monkeypatch):
        assert fetch_secret(held.arn, 60) == VALUES


def test_trusts_no_other_ca(
    held: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(Authority("Amazon Root CA 9").pem)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))

    with secure(held, Authority("Amazon Root CA 9"), monkeypatch):
        failed = failure(held)

    assert isinstance(failed, Outage)
    assert "CERTIFICATE_VERIFY_FAILED" in str(failed)
    assert held.reads == 0


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff", b"-----BEGIN CERTIFICATE-----!"]
)
def test_a_bundle_may_have_none_of_them(tmp_path: Path, content: bytes | None) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)

    assert find_cas(str(bundle), AMAZON) == b""


def test_trusts_no_ca_that_is_commented_out(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"# " + Authority("Amazon Root CA 9").pem)

    assert not find_cas(str(bundle), AMAZON)


@pytest.mark.parametrize("content", [None, b"", b"hush"])
def test_a_wrong_bundle_is_named(
    held: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes | None,
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))

    with secure(held, Authority("Amazon Root CA 9"), monkeypatch):
        said = str(failure(held))

    assert said.endswith(f"read: {bundle} isn't a file of CAs in PEM")


@contextmanager
def secure(
    store: Store, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Serve the store over TLS, with a certificate of the authority."""
    with store.serving(authority.server_tls("127.0.0.1")):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", store.origin)
        yield


# Credentials


@pytest.mark.parametrize("name", AWS_ENVIRONMENT)
@pytest.mark.parametrize("value", ["hush\r", "hush\n", "hu sh", "hüsh"])
def test_credentials_that_are_copied_wrongly_are_one_line(
    held: Store, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=r"^One of AWS_ACCESS_KEY_ID, ") as raised:
        fetch_text(held.arn, 60)

    assert "hush" not in str(raised.value)
    assert held.reads == 0


@pytest.fixture
def container(held: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    """Return a container whose credentials are the only ones, as with SnapStart."""
    for name in held.keys:
        monkeypatch.delenv(name)
    with Container(held.keys).serving() as container:
        for name, value in container.environment.items():
            monkeypatch.setenv(name, value)
        yield container


def test_asks_the_container_for_credentials_at_each_read(
    held: Store, container: Container
) -> None:
    assert fetch_secret(held.arn, 60) == fetch_secret(held.arn, 60) == VALUES
    assert container.authorization == ["let me in"] * 2


def test_reads_the_containers_token_from_a_file(
    held: Store,
    container: Container,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "token"
    file.write_text("from a file\n")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(file))

    assert fetch_secret(held.arn, 60) == VALUES
    assert container.authorization == ["from a file"]


def test_variables_win_over_the_container(
    held: Store, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in held.keys.items():
        monkeypatch.setenv(name, value)

    assert fetch_secret(held.arn, 60) == VALUES
    assert container.authorization == []


@pytest.mark.parametrize(
    ("status", "given"),
    [(500, {}), (200, {}), (200, []), (200, None), (404, {"AccessKeyId": "hush"})],
)
def test_a_container_without_credentials_is_an_outage(
    held: Store, container: Container, status: int, given: object
) -> None:
    container.status, container.given = status, given

    failed = failure(held)

    assert isinstance(failed, Outage)
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI gives no credentials" in str(failed)


@pytest.mark.parametrize(
    "url", ["http://example.com/hush", "hush", "http://169.254.170.9/hush"]
)
def test_asks_no_stranger_for_credentials(
    store: Store, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)

    with pytest.raises(SettingsError, match=r"^AWS_CONTAINER_CRED") as raised:
        fetch_text(store.arn, 60)

    assert "hush" not in str(raised.value)


def test_a_token_file_that_is_missing_is_one_line(
    store: Store, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere/hush")

    with pytest.raises(SettingsError, match=r"TOKEN_FILE can't be read$"):
        fetch_text(store.arn, 60)


@pytest.fixture
def profile(held: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return the store; the credentials for it are a developer's profile."""
    profile = tmp_path / "credentials"
    profile.write_text(
        "[developer]\n" + "\n".join(f"{k.lower()}={v}" for k, v in held.keys.items())
    )
    for name in held.keys:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profile))
    monkeypatch.setenv("AWS_PROFILE", "developer")
    return held


@pytest.mark.parametrize("kind", ["SecretString", "SecretBinary"])
def test_a_developers_profile_is_read_by_boto3(profile: Store, kind: str) -> None:
    text = json.dumps(VALUES)
    encoded = base64.b64encode(text.encode()).decode()
    profile.secret = {kind: text if kind == "SecretString" else encoded}

    assert fetch_secret(profile.arn, 60) == VALUES


def test_aws_refuses_a_developers_profile_in_one_line(profile: Store) -> None:
    profile.fail("AccessDeniedException")

    failed = failure(profile)

    assert isinstance(failed, SettingsError)
    assert "AccessDeniedException" in str(failed)


IMPORTS = """
import sys, threading
from taskapi.settings import secrets_manager
loaded = set(sys.modules)
print(secrets_manager.fetch_secret(sys.argv[1], 60))
print(*sorted(set(sys.modules) - loaded))
"""


def test_imports_nothing_while_it_reads(held: Store) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTS, held.arn],
        env={**os.environ, "PYTHONPATH": "shared"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout == f"{VALUES}\n\n"
