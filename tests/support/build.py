"""Whether this machine can use the built layer."""

import os
import sys

import pytest

NEEDS_THE_LAYER = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="the emulator is a Linux program"
    ),
    pytest.mark.skipif(
        sys.version_info[:2] != (3, 13) and "CI" not in os.environ,
        reason="the layer's wheels are for Python 3.13, which .venv doesn't have",
    ),
]
