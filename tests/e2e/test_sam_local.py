"""`make sam-local`, as far as it goes without containers."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local import sam_local, tokens
from local.sam_local import SETTINGS, CannotRun, declare, function_settings, write
from local.template import load_template
from tests.support.project import FUNCTIONS, ROOT

DATABASE_URL = "postgresql://me:secret@host.docker.internal/db"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have no setting, and a folder of its own for the clone's secret."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for module in (sam_local, tokens):
        monkeypatch.setattr(module, "LOCAL", tmp_path)


def test_functions_get_the_database_and_the_clones_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE_URL)

    found = function_settings()

    assert found == {
        "DATABASE_URL": DATABASE_URL,
        "BETTER_AUTH_SECRET": (tmp_path / "secret").read_text(),
        "SECRET_ARN": "",
    }


def test_functions_get_better_auth_where_it_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE_URL)
    monkeypatch.setenv("BETTER_AUTH_URL", "https://auth.example.com")

    found = function_settings()

    assert found["BETTER_AUTH_URL"] == "https://auth.example.com"
    assert "BETTER_AUTH_SECRET" not in found


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@localhost/db",
        "postgresql://me@127.0.0.1:5433/db",
        "postgresql://me@[::1]/db",
        "postgresql:///db?host=/tmp",
        "postgresql://%2Ftmp/db",
    ],
    ids=["localhost", "IPv4", "IPv6", "a socket", "a socket in the URL"],
)
def test_a_database_that_containers_cannot_reach_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(CannotRun, match=r"^DATABASE_URL leads to this machine's own"):
        function_settings()


@pytest.mark.parametrize("name", ["BETTER_AUTH_URL", "BETTER_AUTH_JWKS_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "http://host.docker.internal:3000",
        "http://localhost:3000",
        "HTTP://127.0.0.1:3000",
        "http://192.168.1.2:3000",
        "auth.example.com",
    ],
    ids=["the host", "localhost", "IPv4", "the network", "no scheme"],
)
def test_keys_that_functions_would_refuse_are_refused_at_start(
    name: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE_URL)
    monkeypatch.setenv(name, url)

    with pytest.raises(CannotRun, match=f"^{name} must begin with https:// here"):
        function_settings()


@pytest.mark.parametrize("name", ["host.docker", "host.containers", "ip -4 addr"])
def test_says_how_each_engine_calls_the_machine(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@localhost/db")

    with pytest.raises(CannotRun, match=re.escape(name)):
        function_settings()


def test_another_functions_name_is_refused_before_the_build() -> None:
    command = [sys.executable, "-m", "local.sam_local", "prepare", "GetTasks"]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": DATABASE_URL},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("FUNCTION must be one of ListTasks, ")


def test_builds_where_make_deploy_does_not_look() -> None:
    ran = subprocess.run(
        ["make", "--dry-run", "sam-local", "FUNCTION=GetTask"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )

    prepared, _, rest = ran.stdout.partition("local.sam_local prepare GetTask")
    assert "sam build" not in prepared
    assert "BUILD_DIR=.aws-sam/sam-local" in rest
    assert ".aws-sam/build" not in ran.stdout


def test_a_container_serves_more_than_one_request(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE_URL)
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: started.append(command))

    sam_local.run(built, "x86_64")

    [command] = started
    assert command[command.index("--warm-containers") + 1] == "LAZY"


def test_without_a_database_it_says_so() -> None:
    with pytest.raises(CannotRun, match=r"^DATABASE_URL is needed"):
        function_settings()


def test_without_containers_it_says_so_in_a_line(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "local.sam_local", "prepare"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": DATABASE_URL,
            "BETTER_AUTH_URL": "https://auth.example.com",
            "DOCKER_HOST": f"unix://{tmp_path}/docker.sock",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.startswith("sam local runs functions in containers: start Docker")


def test_secrets_are_written_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "environment.json"

    write(file, {"old": 1})
    file.chmod(0o644)
    write(file, {"a": 1})

    assert json.loads(file.read_text()) == {"a": 1}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


# Its provider of functions and what it does with --env-vars, without a container.
AS_SAM_PASSES_IT_ON = """
import json, sys
from unittest.mock import Mock
from samcli.commands.local.lib.local_lambda import LocalLambdaRunner
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

template, environment = sys.argv[1:]
stacks, _ = SamLocalStackProvider.get_stacks(template)
runner = LocalLambdaRunner(
    Mock(), SamFunctionProvider(stacks), ".",
    env_vars_values=json.load(open(environment)),
    real_path=None,
)
runner.get_aws_creds = dict
print(json.dumps({
    function.name: runner._make_env_vars(function).resolve()
    for function in SamFunctionProvider(stacks).get_all()
}))
"""


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Return a folder like the one that `make build` makes."""
    folder = tmp_path / "build"
    for function in load_template(ROOT / "template.yaml").functions:
        (folder / "functions" / function.folder.name).mkdir(parents=True)
    (folder / "template.yaml").write_text((ROOT / "template.yaml").read_text())
    return folder


def test_sam_local_passes_the_settings_on_to_the_functions(
    built: Path, tmp_path: Path
) -> None:
    environment = {"DATABASE_URL": DATABASE_URL, "SECRET_ARN": ""}
    template = declare(built, environment)
    file = write(tmp_path / "environment.json", {"Parameters": environment})

    ran = subprocess.run(
        [
            ROOT / ".venv-sam/bin/python",
            "-W",
            "ignore",
            "-c",
            AS_SAM_PASSES_IT_ON,
            template,
            file,
        ],
        env={"PATH": os.environ["PATH"], "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    passed = json.loads(ran.stdout)
    assert len(passed) == len(FUNCTIONS)
    for name, variables in passed.items():
        if name == "Health":
            assert "DATABASE_URL" not in variables
        else:
            assert variables["DATABASE_URL"] == DATABASE_URL
            assert variables["SECRET_ARN"] == ""
            assert variables["RES_OPTIONS"] == "timeout:1 attempts:3"


WITH_A_FOLDER = """
import pathlib, sys
from local import sam_local, tokens
sam_local.LOCAL = pathlib.Path(sys.argv.pop(1))
sys.exit(sam_local.main())
"""


@pytest.mark.parametrize("function", [[], ["GetTask"]], ids=["start-api", "invoke"])
def test_sam_understands_its_command_line(
    built: Path, tmp_path: Path, function: list[str]
) -> None:
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            WITH_A_FOLDER,
            tmp_path,
            "run",
            built,
            "x86_64",
            *function,
        ],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": DATABASE_URL,
            "BETTER_AUTH_URL": "https://auth.example.com",
            "DOCKER_HOST": f"unix://{tmp_path}/docker.sock",
            "SAM_CLI_TELEMETRY": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    # All that it lacks is containers.
    assert "requires a container runtime" in ran.stderr
    assert "Usage:" not in ran.stderr


def test_another_functions_name_is_refused(built: Path) -> None:
    with pytest.raises(CannotRun, match=r"^FUNCTION must be one of ListTasks, "):
        sam_local.event_for("GetTasks")


@pytest.mark.parametrize("value", ["", "production's secret, of 32 bytes and more"])
def test_an_event_has_a_token_of_the_clones_own_secret_or_none(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    value: str,
) -> None:
    tokens.development_secret(tmp_path)
    monkeypatch.setenv("BETTER_AUTH_SECRET", value)

    event = sam_local.event_for("GetTask")

    assert ("Bearer eyJ" in event) is (not value)
    assert ("There are no development tokens" in capsys.readouterr().err) is bool(value)
