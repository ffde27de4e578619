"""The lock file, and what the audit makes of what pip-audit says."""

import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pip_requirements_parser import RequirementsFile

from supply_chain.audit import Outcome, Package, summarize
from supply_chain.lock import DIRECT, read_lock
from supply_chain.relock import ROOT, TOOLS, list_environments

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

FLAW = {"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}
CLEAN = {"name": "a", "version": "1.0", "vulns": []}
VULNERABLE = CLEAN | {"vulns": [FLAW]}
SKIPPED = {"name": "b", "skip_reason": "Dependency not found on PyPI"}


def test_the_lock_file_pins_what_the_requirements_ask_for() -> None:
    pins = read_lock()

    for line in RequirementsFile.from_file(str(DIRECT)).requirements:
        asked = Requirement(str(line.req))
        assert pins[canonicalize_name(asked.name)][0] in asked.specifier
        assert str(asked.specifier).startswith("==")


def test_the_lock_file_holds_each_package_to_hashes() -> None:
    assert all(hashes for _, hashes in read_lock().values())
    assert all(
        one.startswith("sha256:")
        for _, hashes in read_lock().values()
        for one in hashes
    )


def test_dependabot_opens_no_pull_request_that_would_need_a_new_lock_file() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    baselines = ROOT.glob("benchmarks/baselines/*/*")
    locked_or_compared = [*ROOT.glob("shared/*.*"), *baselines]

    for update in updates:
        if update["package-ecosystem"] in ("pip", "uv"):
            assert update["directory"] == "/"
            for file in locked_or_compared:
                path = file.relative_to(ROOT).as_posix()
                assert any(fnmatch(path, glob) for glob in update["exclude-paths"])


def test_a_lock_file_with_a_range_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "requirements.lock"
    file.write_text("fastapi>=0.1\n")

    with pytest.raises(ValueError, match="isn't pinned"):
        read_lock(file)


@pytest.mark.parametrize("file", sorted(TOOLS.glob("*.lock")), ids=lambda f: f.stem)
def test_every_tool_is_held_to_hashes_too(file: Path) -> None:
    """pip refuses a lock file of which one package has none."""
    assert all(hashes for _, hashes in pins(file))


def test_the_makefile_installs_from_lock_files_alone() -> None:
    makefile = (TOOLS.parents[1] / "Makefile").read_text()
    installs = re.findall(r"\$\(PIP_INSTALL\).*(?:\\\n.*)*", makefile)

    assert len(installs) == 2
    for install in installs:
        assert "--require-hashes" in install or "--no-index" in install
    assert set(re.findall(r"\$\(LOCKS\)/(\w+)\.lock", makefile)) == {
        file.stem for file in TOOLS.glob("*.lock")
    }


ENVIRONMENTS = list_environments(PROJECT)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_lock_file_has_what_pyproject_asks_for(name: str) -> None:
    listed = ENVIRONMENTS[name]
    found = dict(version for version, _ in pins(TOOLS / f"{name}.lock"))

    for line in listed:
        if line and not line.startswith("#"):
            asked = Requirement(line)
            assert found[canonicalize_name(asked.name)] in asked.specifier


def test_all_environments_have_the_same_of_what_they_share() -> None:
    versions = [{v for v, _ in pins(TOOLS / f"{n}.lock")} for n in ("local", "aws")]
    dev = {version for version, _ in pins(TOOLS / "dev.lock")}

    assert versions[0] < versions[1] < dev


def pins(file: Path) -> list[tuple[tuple[str, str], list[str]]]:
    """Return names, versions and hashes; a package may come twice, for two Pythons."""
    found: list[tuple[tuple[str, str], list[str]]] = []
    for line in RequirementsFile.from_file(str(file)).requirements:
        requirement = Requirement(str(line.req))
        [pin] = requirement.specifier
        assert pin.operator == "=="
        name = canonicalize_name(requirement.name)
        found.append(((name, pin.version), list(line.hash_options or [])))
    return found


@pytest.mark.parametrize(
    ("packages", "outcome", "says"),
    [
        pytest.param(
            [CLEAN, CLEAN | {"name": "b"}],
            Outcome.CLEAN,
            "2 packages, no known vulnerability",
            id="all looked up",
        ),
        pytest.param(
            [VULNERABLE, CLEAN | {"name": "b"}],
            Outcome.VULNERABLE,
            "a 1.0: PYSEC-2026-1, fixed in 1.1",
            id="vulnerable",
        ),
        pytest.param(
            [VULNERABLE, SKIPPED],
            Outcome.VULNERABLE,
            "for 1 packages: b",
            id="vulnerable, and not all looked up",
        ),
        pytest.param(
            [CLEAN, SKIPPED],
            Outcome.NOT_AUDITED,
            "NOT AUDITED: the vulnerability database did not answer for 1 packages: b",
            id="one skipped, which pip-audit lets pass",
        ),
        pytest.param(
            [CLEAN], Outcome.NOT_AUDITED, "for 1 packages: b", id="one not mentioned"
        ),
        pytest.param(
            [], Outcome.NOT_AUDITED, "for 2 packages: a, b", id="no answer at all"
        ),
    ],
)
def test_only_packages_that_were_looked_up_count_as_audited(
    packages: list[Package], outcome: Outcome, says: str
) -> None:
    found = summarize(packages, ["a", "b"])

    assert found.outcome is outcome
    assert says in found.text


def test_dependabot_looks_at_each_lock_file_of_npm() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    [npm] = [update for update in updates if update["package-ecosystem"] == "npm"]
    listed = subprocess.run(
        ["git", "ls-files", "*package-lock.json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert {f"/{Path(file).parent.as_posix()}" for file in listed} == set(
        npm["directories"]
    )
