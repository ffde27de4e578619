"""A test module can be read, moved and run without any other."""

import ast
from pathlib import Path

import pytest

from tests.support.project import ROOT

SUPPORT = ROOT / "tests/support"
MODULES = sorted(
    path for path in ROOT.glob("tests/**/*.py") if SUPPORT not in path.parents
)


def imported(path: Path) -> set[str]:
    """Return the names of the modules that a file imports from."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    froms = {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module}
    return froms | {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_from_no_other_test_module(path: Path) -> None:
    tests = {name for name in imported(path) if name.split(".")[0] == "tests"}

    assert {name for name in tests if not name.startswith("tests.support")} == set()
