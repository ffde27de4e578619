"""What `sam build` made, under Lambda's own runtime client and emulator, no Docker.

Files are where Lambda has them, and can't be written to. Nothing of this environment's
packages can be imported: only the function, the layer and the runtime client.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.emulator import emulator_command, wait_for_port
from local.direct import ROUTES, SECRET, event, token
from tests.support.build import NEEDS_THE_LAYER
from tests.support.ports import free_port

RUNTIME_CLIENT = ["awslambdaric", "simplejson", "snapshot_restore_py"]
LOGICAL_IDS = {
    name: "".join(part.capitalize() for part in name.split("_")) for name in ROUTES
}

Invoke = Callable[[str, dict[str, Any]], dict[str, Any]]

# In a mount namespace of its own, of which the machine sees nothing. /opt is overlaid,
# because the interpreter may be there too.
AS_IN_LAMBDA = """
set -e
task=$1 layer=$2 runtime=$3 mountpoints=$4
shift 4
mount -t overlay overlay -o lowerdir="$mountpoints:/opt" /opt
mount -t tmpfs tmpfs /var
mkdir /var/task /var/runtime
bind() { mount --bind "$1" "$2"; mount -o remount,bind,ro "$2"; }
bind "$layer" /opt/python
bind "$task" /var/task
bind "$runtime" /var/runtime
cd /var/task
exec "$@"
"""

pytestmark = NEEDS_THE_LAYER


@pytest.fixture(scope="session")
def runtime_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the runtime client alone."""
    folder = tmp_path_factory.mktemp("runtime")
    [site] = [Path(p) for p in sys.path if p.startswith(sys.prefix) and "site" in p][:1]
    for name in RUNTIME_CLIENT:
        (folder / name).symlink_to(site / name)
    for library in site.glob("runtime_client*.so"):
        (folder / library.name).symlink_to(library)
    return folder


Enter = Callable[[str], list[str]]


@pytest.fixture(scope="session")
def enter(
    build: Path, runtime_client: Path, tmp_path_factory: pytest.TempPathFactory
) -> Enter:
    """Return what to put before a command to run it in a function's environment."""
    mountpoints = tmp_path_factory.mktemp("mountpoints")
    (mountpoints / "python").mkdir()
    unshare = ["unshare", "--mount"]
    if os.geteuid():
        unshare.append("--map-root-user")

    def prefix(function: str) -> list[str]:
        task, layer = build / LOGICAL_IDS[function], build / "SharedLayer" / "python"
        folders = [task, layer, runtime_client, mountpoints]
        return [*unshare, "sh", "-c", AS_IN_LAMBDA, "sh", *map(str, folders)]

    tried = subprocess.run(
        [*prefix("health"), "true"], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"this user can't have a mount namespace: {tried.stderr.strip()}")
    return prefix


@pytest.fixture
def invoke(enter: Enter, database: str) -> Iterator[Invoke]:
    """Return what invokes a built function, each in an emulator of its own."""
    emulators: dict[str, str] = {}
    with ExitStack() as running:

        def call(function: str, sent: dict[str, Any]) -> dict[str, Any]:
            if function not in emulators:
                started = emulator(enter(function))
                emulators[function] = running.enter_context(started)
            answered: dict[str, Any] = httpx.post(
                emulators[function], json=sent, timeout=60
            ).json()
            return answered

        yield call


@contextmanager
def emulator(enter: list[str]) -> Iterator[str]:
    """Run a function under the emulator; give the URL that invokes it."""
    port, api_port = free_port(), free_port()
    process = subprocess.Popen(
        [*enter, *emulator_command(port, api_port)],
        env={
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "PYTHONPATH": "/opt/python:/var/runtime",
            "LAMBDA_TASK_ROOT": "/var/task",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "30",
            # The emulator leaves it out, and Lambda never does.
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "DATABASE_URL": os.environ["DATABASE_URL"],
            "BETTER_AUTH_SECRET": SECRET,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(port, process)
        yield f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    finally:
        process.terminate()
        process.wait()


def sent(function: str, user_id: str, id: object = None, body: Any = None) -> Any:
    path = {"user_id": user_id} | ({"task_id": str(id)} if id else {})
    return event(
        ROUTES[function],
        path=path,
        headers={
            "authorization": f"Bearer {token(user_id)}",
            "content-type": "application/json",
        },
        body=None if body is None else json.dumps(body),
    )


def test_every_built_function_does_its_work(invoke: Invoke) -> None:
    user_id = "auth0|built ✓"

    health = invoke("health", event(ROUTES["health"]))
    made = invoke("create_task", sent("create_task", user_id, body={"title": "🎉"}))
    task = json.loads(made["body"])
    listed = invoke("list_tasks", sent("list_tasks", user_id))
    got = invoke("get_task", sent("get_task", user_id, task["id"]))
    changed = invoke(
        "update_task", sent("update_task", user_id, task["id"], {"title": "b"})
    )
    completed = invoke("complete_task", sent("complete_task", user_id, task["id"]))
    gone = invoke("delete_task", sent("delete_task", user_id, task["id"]))

    assert json.loads(health["body"]) == {"status": "ok"}
    assert made["statusCode"] == 201
    assert json.loads(listed["body"]) == [task]
    assert json.loads(got["body"]) == task
    assert json.loads(changed["body"])["title"] == "b"
    assert json.loads(completed["body"])["completed"] is True
    assert gone["statusCode"] == 204


def test_a_built_function_refuses_a_stranger(invoke: Invoke) -> None:
    answer = invoke("list_tasks", event(ROUTES["list_tasks"], path={"user_id": "a"}))

    assert answer["statusCode"] == 401
    assert json.loads(answer["body"])["message"] == "Missing bearer token"


@pytest.mark.parametrize("folder", ["/var/task", "/opt/python"])
def test_nothing_can_be_written_beside_the_code(enter: Enter, folder: str) -> None:
    listed = subprocess.run(
        [*enter("get_task"), "ls", folder], capture_output=True, text=True, check=True
    )
    written = subprocess.run(
        [*enter("get_task"), "touch", f"{folder}/new"], capture_output=True, check=False
    )

    assert {"/var/task": "app.py", "/opt/python": "taskapi"}[folder] in listed.stdout
    assert b"Read-only file system" in written.stderr
