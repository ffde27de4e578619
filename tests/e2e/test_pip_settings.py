"""shared/run_pip.py: this machine's pip settings say where from, and nothing else."""

import subprocess
import venv
import zipfile
from pathlib import Path

import pip
import pytest

from supply_chain.lock import SHARED
from tests.support.pip_settings import ELSEWHERE

CONFIG = """
user = true
prefix = elsewhere
target = elsewhere
root = elsewhere
require-virtualenv = true
require-hashes = true
dry-run = true
global = true
no-binary = :all:
"""


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of an empty environment, with the pip of this one."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, system_site_packages=False, symlinks=True)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "pip").symlink_to(Path(pip.__file__).parent)
    return folder / "bin/python"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which pip finds one package, taskapi-probe."""
    folder = tmp_path_factory.mktemp("wheels")
    files = {
        "METADATA": "Metadata-Version: 2.1\nName: taskapi-probe\nVersion: 1\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(folder / "taskapi_probe-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("taskapi_probe.py", "")
        for name, text in files.items():
            wheel.writestr(f"taskapi_probe-1.dist-info/{name}", text)
    return folder


@pytest.mark.parametrize(
    ("config", "environment"),
    [
        pytest.param(
            "[global]\nno-index = true\n"
            f"{CONFIG}[install]\nfind-links = {{wheels}}\n{CONFIG}",
            {},
            id="from pip.conf",
        ),
        pytest.param(
            f"[global]\n{CONFIG}",
            {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "{wheels}", **ELSEWHERE},
            id="from variables",
        ),
    ],
)
def test_settings_say_where_from_and_not_where_to(
    interpreter: Path,
    wheels: Path,
    tmp_path: Path,
    config: str,
    environment: dict[str, str],
) -> None:
    (tmp_path / "pip.conf").write_text(config.format(wheels=wheels))
    settings = {k: v.format(wheels=wheels) for k, v in environment.items()}
    install = ["run_pip.py", "install", "--quiet", "--force-reinstall", "taskapi-probe"]

    ran = subprocess.run(
        [interpreter, "-I", SHARED / install[0], *install[1:]],
        cwd=tmp_path,
        env={"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), **settings},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["pip.conf"]
    [found] = interpreter.parents[1].rglob("taskapi_probe.py")
    found.unlink()
