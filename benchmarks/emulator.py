"""An execution environment: Lambda's runtime client under AWS's own emulator."""

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.artifacts import ARCH, PYTHON, ROOT, unprivileged
from benchmarks.world import Case, check

INVOKE = "/2015-03-31/functions/function/invocations"

Watch = Callable[[str], None]


class Environment:
    """One that waits for its first event; the function's process starts with that."""

    def __init__(self, case: Case, process: subprocess.Popen[str], port: int) -> None:
        self._case = case
        self._process = process
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.connect()

    def invoke(self) -> float:
        """Return the milliseconds from event to answer, which is the right one."""
        event = self._case.event()
        sent = json.dumps(event).encode()
        started = time.perf_counter()
        self._connection.request("POST", INVOKE, sent)
        received = self._connection.getresponse().read()
        taken = time.perf_counter() - started
        check(self._case, event, json.loads(received))
        return taken * 1000

    def cpu(self) -> float:
        """Return the milliseconds of processor that the function's process has had.

        Its CPU clock, whose number clock_getcpuclockid(3) makes from the process id.
        """
        clock = (~self._runtime() << 3) | 2
        return time.clock_gettime(clock) * 1000

    def peak_memory(self) -> int:
        """Return the most KiB of memory that the function's process has had."""
        status = Path(f"/proc/{self._runtime()}/status").read_text()
        found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
        assert found
        return int(found[1])

    def _runtime(self) -> int:
        """Return the process id of the function, the emulator's only child."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        [pid] = " ".join(f.read_text() for f in tasks.glob("*/children")).split()
        return int(pid)


class Fault(Exception):
    """The function answered, but logged that something had to be repaired."""


@contextmanager
def environment(case: Case, watch: Watch = lambda line: None) -> Iterator[Environment]:
    """Give an execution environment of the case; watch sees each line it logs."""
    port, api_port = free_ports()
    process = subprocess.Popen(
        [*unprivileged(), *emulated(port, api_port)],
        cwd=case.artifact.task,
        env=case.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    logged: list[str] = []
    reader = threading.Thread(target=read, args=[process, logged, watch], daemon=True)
    reader.start()
    try:
        wait_for(port, process)
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


def read(process: subprocess.Popen[str], logged: list[str], watch: Watch) -> None:
    assert process.stdout
    for line in process.stdout:
        logged.append(line)
        watch(line)


def emulated(port: int, api_port: int) -> list[str]:
    """Return the command that runs the function of its folder under the emulator."""
    [binary] = ROOT.glob(
        f".venv-sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{ARCH}"
    )
    return [
        str(binary),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{api_port}"),
        *(str(PYTHON), "-S", "-m", "awslambdaric", "app.handler"),
    ]


def free_ports() -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def wait_for(port: int, process: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise AssertionError("the emulator doesn't listen")
