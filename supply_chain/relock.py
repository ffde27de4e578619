"""Write the lock files again: `make lock`, or `make lock LOCK=--upgrade` to upgrade.

The layer's lock file is for one platform. The others are for every developer, so they
have markers for each Python and system. Packages that the layer has too get the same
version.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

from supply_chain.lock import DIRECT, LOCK

ROOT = Path(__file__).parents[1]
TOOLS = Path(__file__).with_name("tools")

COMMON = (
    *("--quiet", "--no-config", "pip", "compile", "-"),
    *("--generate-hashes", "--only-binary", ":all:"),
    *("--custom-compile-command", "make lock"),
)
LAYER = ("--python-version", "3.13", "--python-platform", "aarch64-manylinux_2_34")

PYTHONS = {"emulator": "3.13"}
"""The oldest Python of a lock file, if it isn't the one in pyproject.toml."""


def main(*options: str) -> None:
    compile_lock(LOCK, DIRECT.read_text(encoding="utf-8"), *LAYER, *options)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for name, listed in list_environments(project).items():
        constraints = LOCK if name == "dev" else TOOLS / "dev.lock"
        lock_tool(name, "\n".join(listed), "--constraints", str(constraints), *options)
    for file in sorted(TOOLS.glob("*.txt")):
        lock_tool(file.stem, file.read_text(encoding="utf-8"), *options)


def list_environments(project: dict[str, object]) -> dict[str, list[str]]:
    """Return the requirements of each environment of the Makefile, largest first."""
    match project:
        case {
            "build-system": {"requires": list(build)},
            "project": {"optional-dependencies": dict(extras)},
        }:
            pass
        case _:
            raise ValueError("pyproject.toml lists no extras")
    runtime = [*DIRECT.read_text(encoding="utf-8").splitlines(), *build]
    local = [*runtime, *extras["local"]]
    aws = [*local, *extras["aws"]]
    dev = [each for each in extras["dev"] if not each.startswith("taskapi")]
    return {"dev": [*aws, *dev], "aws": aws, "local": local}


def lock_tool(name: str, requirements: str, *options: str) -> None:
    python = PYTHONS.get(name, "3.11")
    everywhere = ("--universal", "--python-version", python, "--no-annotate")
    compile_lock(TOOLS / f"{name}.lock", requirements, *everywhere, *options)


def compile_lock(file: Path, requirements: str, *options: str) -> None:
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), *COMMON, *options, "--output-file", str(file)]
    subprocess.run(command, input=requirements, text=True, check=True)  # noqa: S603


if __name__ == "__main__":
    main(*sys.argv[1:])
