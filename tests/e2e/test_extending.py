"""The recipes in docs/extending.md work: they are applied to a copy of the tree."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from local.direct import SECRET
from tests.support.project import ROOT

PAGE = ROOT / "docs/extending.md"
OPERATION, FIELD = re.findall(r"^```diff\n(.*?)^```", PAGE.read_text(), re.M | re.S)

MOST_FILES, MOST_LINES = 4, 25
"""By hand, besides an operation's own folder."""

COPIED = (
    *("benchmarks", "docs", "events", "functions", "local", "openapi", "ops"),
    *("parameters", "shared", "supply_chain", "tests", "Makefile", "README.md"),
    *("openapi.json", "pyproject.toml", "samconfig.toml", "template.yaml"),
    ".squawk.toml",
)


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """Return a copy of the tree with both recipes applied and documents generated."""
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                # With byte code, except for what is being written: "….pyc.1234".
                ignored = shutil.ignore_patterns("node_modules", "*.pyc.*")
                shutil.copytree(source, copy / name, ignore=ignored)
            else:
                shutil.copy(source, copy / name)
        # What mypy knows about the packages, if it has run.
        with suppress(FileNotFoundError):
            shutil.copytree(ROOT / ".mypy_cache", copy / ".mypy_cache")
        for patch in (OPERATION, FIELD):
            apply(patch, copy)
        document = run(copy, "-m", "openapi")
        (copy / "openapi.json").write_text(document)
        run(copy, "-m", "openapi.readme")
        run(copy, "-m", "local.sample_events")
        yield copy


def apply(patch: str, tree: Path) -> None:
    """Apply a diff. Its context is only what comes after, which seldom changes."""
    done = subprocess.run(
        ["git", "apply", "-"], cwd=tree, input=patch, stderr=subprocess.PIPE, text=True
    )
    if done.returncode:
        pytest.fail(f"Update the diff in docs/extending.md: {done.stderr}")


def run(tree: Path, *arguments: str, **environment: str) -> str:
    """Run Python in a tree, with its packages; return what it prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": f"{tree}/shared:{tree}", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("patch", [OPERATION, FIELD], ids=["operation", "field"])
def test_a_recipe_changes_few_lines_by_hand(patch: str) -> None:
    by_hand = [
        part
        for part in patch.split("diff --git ")[1:]
        if not part.startswith("a/functions/")
    ]
    lines = re.findall(r"^(?!\+\+\+ |--- )[+-]", "".join(by_hand), re.M)

    assert 0 < len(by_hand) <= MOST_FILES
    assert 0 < len(lines) <= MOST_LINES


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(("ruff", "check"), id="style"),
        pytest.param(("ruff", "format", "--check"), id="format"),
        pytest.param(("mypy", "functions", "shared/taskapi", "openapi"), id="types"),
        pytest.param(
            (
                *("pytest", "-q", "-n", "0", "-p", "no:cacheprovider"),
                "tests/unit/test_architecture.py",
                "tests/unit/test_ownership.py",
                "tests/unit/test_migration_rules.py",
                "tests/unit/test_databases_page.py",
            ),
            id="architecture",
        ),
    ],
)
def test_the_tree_passes_its_checks(tree: Path, check: tuple[str, ...]) -> None:
    run(tree, "-m", *check)


CALL = """
import json
from tests.support.api import Client
user = Client("alice")
id = user.create(completed=True)["id"]
print(json.dumps(user.send("reopen_task", id).json))
"""


def test_the_operation_answers(tree: Path, new_database: str) -> None:
    settings = {"DATABASE_URL": new_database, "BETTER_AUTH_SECRET": SECRET}

    run(tree, "-m", "taskapi.postgres.migrate", **settings)
    printed = run(tree, "-c", CALL, **settings)

    task = json.loads(printed.splitlines()[-1])
    assert (task["completed"], task["starred"]) == (False, False)
