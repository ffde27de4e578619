"""Projects of one function, made for one test."""

import subprocess
from pathlib import Path

import pytest

from benchmarks.artifacts import ARCH
from tests.support.gateway import TEMPLATE, Project
from tests.support.once import once
from tests.support.project import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a function that writes a project with one function, at `ANY /`."""

    def write(source: str, timeout: float = 10) -> Path:
        folder = tmp_path / "functions/it"
        folder.mkdir(parents=True)
        (folder / "app.py").write_text(source)
        (tmp_path / "template.yaml").write_text(
            TEMPLATE.format(timeout=timeout, path="/")
        )
        return tmp_path

    return write


@pytest.fixture(scope="session")
def build(run_folder: Path) -> Path:
    """Return the folder of `make build` for this machine, built once for each run."""
    folder = run_folder / "build"
    with once(folder) as missing:
        if missing:
            command = ["make", "build", f"ARCH={ARCH}", f"BUILD_DIR={folder}"]
            made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            assert made.returncode == 0, made.stdout + made.stderr
    return folder
