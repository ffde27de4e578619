"""The page's functions that need no browser, in node."""

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("node") is None, reason="node isn't installed")
@pytest.mark.parametrize("name", ["page_functions", "recurrence", "sync"])
def test_functions_of_the_page(name: str) -> None:
    module = Path(__file__).with_name(f"{name}.test.mjs")

    ran = subprocess.run(
        ["node", module], capture_output=True, text=True, check=False, timeout=60
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
