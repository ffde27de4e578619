"""The page's functions that need no browser, in node."""

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("node") is None, reason="node isn't installed")
def test_dates_and_the_words_of_new_tasks() -> None:
    module = Path(__file__).with_name("page_functions.test.mjs")

    ran = subprocess.run(
        ["node", module], capture_output=True, text=True, check=False, timeout=60
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
