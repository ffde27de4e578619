"""`make migrate` on an operator's machine: what it says if AWS can't be asked."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from taskapi.postgres import migrate
from taskapi.settings import secret, secrets_manager

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tasks-AbCdEf"
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "testing"}
NOBODY = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}

CASES = {
    "no credentials": (ARN, {}, "Unable to locate credentials"),
    "half of them": (ARN, {"AWS_ACCESS_KEY_ID": "key"}, "Partial credentials found"),
    "no such profile": (ARN, {"AWS_PROFILE": "nobody"}, "(nobody) could not be found"),
    "nobody answers": (ARN, KEYS | NOBODY, "Connection refused"),
    "a name, no region": ("tasks-prod", KEYS, "AWS_REGION be set"),
    "an empty ARN": ("", {}, "DATABASE_URL is not set"),
}


@pytest.mark.parametrize(("arn", "given", "says"), CASES.values(), ids=CASES)
def test_says_in_one_line_what_is_missing(
    arn: str, given: dict[str, str], says: str, tmp_path: Path
) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "SECRET_ARN": arn,
    }

    ran = subprocess.run(
        [sys.executable, "-m", "taskapi.postgres.migrate"],
        env=environment | given,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    *_, line = ran.stderr.splitlines()
    assert line.startswith("The migration can't begin: ")
    assert says in line
    assert "Traceback" not in ran.stderr


def test_waits_longer_than_a_request_would(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch_text(_arn: str, _timeout: float) -> str:
        time.sleep(0.1)
        return '{"DATABASE_URL": "postgresql://db.example/tasks"}'

    monkeypatch.setattr(secret, "TIMEOUT", 0.01)
    monkeypatch.setattr(secrets_manager, "fetch_text", fetch_text)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SECRET_ARN", "tasks-dev-migration")

    assert migrate.configured_url() == "postgresql://db.example/tasks"
