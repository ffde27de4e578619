"""The lock file, and what the audit makes of what pip-audit says."""

from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pip_requirements_parser import RequirementsFile

from supply_chain.audit import Outcome, Package, verdict
from supply_chain.lock import DIRECT, locked

ROOT = Path(__file__).parents[2]

FLAW = {"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}
CLEAN = {"name": "a", "version": "1.0", "vulns": []}
VULNERABLE = CLEAN | {"vulns": [FLAW]}
SKIPPED = {"name": "b", "skip_reason": "Dependency not found on PyPI"}


def test_the_lock_file_pins_what_the_requirements_ask_for() -> None:
    pins = locked()

    for line in RequirementsFile.from_file(str(DIRECT)).requirements:
        asked = Requirement(str(line.req))
        assert pins[canonicalize_name(asked.name)][0] in asked.specifier
        assert str(asked.specifier).startswith("==")


def test_the_lock_file_holds_each_package_to_hashes() -> None:
    assert all(hashes for _, hashes in locked().values())
    assert all(
        one.startswith("sha256:") for _, hashes in locked().values() for one in hashes
    )


def test_dependabot_opens_no_pull_request_that_would_need_a_new_lock_file() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    locked_or_compared = [*ROOT.glob("shared/*.*"), *ROOT.glob("benchmarks/peers/*/*")]

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
        locked(file)


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
    found = verdict(packages, ["a", "b"])

    assert found.outcome is outcome
    assert says in found.text
