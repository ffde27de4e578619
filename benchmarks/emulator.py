"""Run an execution environment: Lambda's runtime client under AWS's emulator."""

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.artifacts import ARCH, PYTHON, ROOT, unprivileged
from benchmarks.world import Case, check

INVOKE = "/2015-03-31/functions/function/invocations"


class Environment:
    """An execution environment; its first event starts the function's process."""

    def __init__(self, case: Case, process: subprocess.Popen[str], port: int) -> None:
        self._case = case
        self._process = process
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.connect()

    def invoke(self) -> float:
        """Send an event and check the answer; return the milliseconds it took."""
        event = self._case.event()
        sent = json.dumps(event).encode()
        started = time.perf_counter()
        self._connection.request("POST", INVOKE, sent)
        received = self._connection.getresponse().read()
        taken = time.perf_counter() - started
        check(self._case, event, json.loads(received))
        return taken * 1000

    def cpu(self) -> float:
        """Return the milliseconds of CPU time that the function's process has used.

        clock_getcpuclockid(3) makes the number of its CPU clock from the process id.
        """
        clock = (~self._runtime_pid() << 3) | 2
        return time.clock_gettime(clock) * 1000

    def peak_memory(self) -> int:
        """Return the most memory, in KiB, that the function's process has used."""
        status = Path(f"/proc/{self._runtime_pid()}/status").read_text()
        found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
        assert found
        return int(found[1])

    def _runtime_pid(self) -> int:
        """Return the process id of the function, the emulator's only child."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        [pid] = " ".join(f.read_text() for f in tasks.glob("*/children")).split()
        return int(pid)


class Fault(Exception):
    """The function answered, but logged that it repaired a fault."""


@contextmanager
def environment(case: Case) -> Iterator[Environment]:
    """Yield an execution environment of the case."""
    port, api_port = find_free_ports()
    process = subprocess.Popen(
        [*unprivileged(), *emulator_command(port, api_port)],
        cwd=case.artifact.task,
        env=case.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    logged: list[str] = []
    assert process.stdout
    reader = threading.Thread(target=logged.extend, args=[process.stdout], daemon=True)
    reader.start()
    try:
        wait_for_port(port, process)
        yield Environment(case, process, port)
    except BaseException as error:
        error.add_note("".join(logged[-40:]))
        raise
    finally:
        process.terminate()
        process.wait()
        reader.join(5)
    if any('"level":"WARNING"' in line.replace(" ", "") for line in logged):
        raise Fault(f"{case.name}: {''.join(logged)}")


def emulator_command(port: int, api_port: int) -> list[str]:
    """Return a command that runs the function in its working folder, emulated."""
    [binary] = ROOT.glob(
        f".venv-sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{ARCH}"
    )
    return [
        str(binary),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{api_port}"),
        *(str(PYTHON), "-S", "-m", "awslambdaric", "app.handler"),
    ]


def find_free_ports() -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_for_port(port: int, process: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise AssertionError("the emulator doesn't listen")
