"""Run `make run` on a copy of the project."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from tests.support.ports import free_port
from tests.support.project import ROOT


def copied(folder: Path) -> Path:
    """Copy the files that `make run` serves into folder; return the copy."""
    for name in ("functions", "local", "openapi", "shared"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "node_modules")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "template.yaml", folder)
    return folder


def environment(**settings: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, **settings}


@contextmanager
def running(
    clone: Path,
    terminal: int | None = None,
    command: tuple[str, ...] = (),
    /,
    until: str = "List the tasks",
    **settings: str,
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run it; when it has printed its addresses, yield the output, then stop it.

    terminal: its input; then the caller reads the rest of the output. command: what it
    runs beside the API.
    """
    with (
        TemporaryFile("w+") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "local", *command],
            cwd=clone,
            env=environment(PORT=str(free_port()), **settings),
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout
            printed = ""
            for line in process.stdout:
                printed += line
                if line.startswith(until):
                    printed += process.stdout.readline()
                    break
            else:
                errors.seek(0)
                pytest.fail(f"make run has ended: {printed}{errors.read()}")
            # A pipe that nobody reads fills up and blocks the process that writes to
            # it.
            if terminal is None:
                threading.Thread(target=process.stdout.read, daemon=True).start()
            yield printed, process
        finally:
            process.terminate()
            process.wait(120)
