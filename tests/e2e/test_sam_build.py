"""`sam build` as someone types it who doesn't know `make build`: what the layer is for.

`test_layer.py` has what is in a layer; here, an interpreter that only writes down what
it is asked stands in for the one that makes it.
"""

import os
import re
import subprocess
from pathlib import Path

from tests.support.build import NEEDS_THE_LAYER
from tests.support.project import ROOT

pytestmark = NEEDS_THE_LAYER

X86_64 = ["--parameter-overrides", "Architecture=x86_64"]

SCRIBE = """#!/bin/sh
[ "$2" = run_pip.py ] || exit 0
mkdir -p "$ARTIFACTS_DIR/python" && echo "$@" > "$ARTIFACTS_DIR/python/asked"
"""


def processors(folder: Path, *arguments: str, **environment: str) -> set[str]:
    """Build the layer into folder; return the processors that pip is asked for."""
    scribe = folder.parent / "scribe"
    scribe.write_text(SCRIBE)
    scribe.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if k not in ("ARCH", "MAKEFLAGS")}
    sam: list[str | Path] = [
        ROOT / ".venv-sam/bin/sam",
        "build",
        "SharedLayer",
        "--build-dir",
        folder,
    ]
    built = subprocess.run(
        [*sam, *arguments],
        cwd=ROOT,
        env={**kept, "PYTHON": str(scribe), "SAM_CLI_TELEMETRY": "0", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    asked = (folder / "SharedLayer/python/asked").read_text()
    return set(re.findall(r"--platform manylinux_?\d+(?:_\d+)?_(\S+)", asked))


def test_the_layer_is_for_the_functions_processor(tmp_path: Path) -> None:
    """Also with a cache, and whatever ARCH the shell or another make has set."""
    cache = ["--cached", "--cache-dir", str(tmp_path / "cache")]
    arm64 = processors(tmp_path / "arm64", *cache, ARCH="x86_64")

    x86_64 = processors(
        tmp_path / "x86_64",
        *cache,
        *X86_64,
        ARCH="arm64",
        MAKEFLAGS="-j2 -- ARCH=arm64",
    )

    assert (arm64, x86_64) == ({"aarch64"}, {"x86_64"})


def test_the_layer_is_for_the_functions_processor_when_built_in_the_source(
    tmp_path: Path,
) -> None:
    built = processors(tmp_path / "build", *X86_64, "--build-in-source")

    assert built == {"x86_64"}
