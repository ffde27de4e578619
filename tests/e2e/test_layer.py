"""The layer that `sam build` makes: what is in it, and what isn't."""

import importlib.util
from pathlib import Path

from tests.e2e.test_lambda_runtime import build, pytestmark

__all__ = ["build", "pytestmark"]


def test_the_layer_has_byte_code_that_is_not_checked_against_its_source(
    build: Path,
) -> None:
    layer = build / "SharedLayer" / "python"
    sources = {str(file.relative_to(layer)) for file in layer.rglob("*.py")}
    compiled = list(layer.rglob("*.pyc"))

    # PEP 552: the second word of the header is 1, "hash-based, unchecked".
    assert {file.read_bytes()[4:8] for file in compiled} == {b"\1\0\0\0"}
    assert sources == {
        str(importlib.util.source_from_cache(str(file.relative_to(layer))))
        for file in compiled
    }
