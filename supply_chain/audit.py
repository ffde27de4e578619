"""Look up known vulnerabilities of the layer's packages with pip-audit.

Exits with 0 if all packages were looked up and none is vulnerable, with 1 if one is,
and with 3 if not all could be looked up. pip-audit itself exits with 0 in that case,
because it skips a package that the database doesn't answer for.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from supply_chain.lock import LOCK, read_lock

SERVICES = ("pypi", "osv")
"""Both have PyPA's advisories; the second is for when the first can't be reached."""

Package = Mapping[str, Any]
"""As in pip-audit's JSON: name, version and vulns, or name and skip_reason."""


class Outcome(IntEnum):
    """The exit status of the audit."""

    CLEAN = 0
    VULNERABLE = 1
    NOT_AUDITED = 3


class Report(NamedTuple):
    """The outcome of the audit, and the text to print."""

    outcome: Outcome
    text: str


def summarize(packages: Iterable[Package], expected: Iterable[str]) -> Report:
    """Return the report on what pip-audit found for the expected packages."""
    known = {package["name"]: package for package in packages}
    lines = [
        f"{name} {package['version']}: {flaw['id']},"
        f" fixed in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for name, package in known.items()
        for flaw in package.get("vulns", [])
    ]
    missing = [name for name in expected if "vulns" not in known.get(name, {})]
    if missing:
        lines.append(
            "NOT AUDITED: the vulnerability database did not answer"
            f" for {len(missing)} packages: {', '.join(missing)}"
        )
    if any("vulns" in package and package["vulns"] for package in known.values()):
        return Report(Outcome.VULNERABLE, "\n".join(lines))
    if missing:
        return Report(Outcome.NOT_AUDITED, "\n".join(lines))
    return Report(Outcome.CLEAN, f"{len(known)} packages, no known vulnerability")


def run_pip_audit(service: str) -> list[Package]:
    """Return pip-audit's result for each package, or an empty list if it fails."""
    run = subprocess.run(  # noqa: S603
        [
            sys.executable, "-m", "pip_audit", "--requirement", LOCK, "--disable-pip",
            "--vulnerability-service", service, "--timeout", "10",
            "--format", "json", "--progress-spinner", "off",
        ],
        capture_output=True,
    )  # fmt: skip
    try:
        packages: list[Package] = json.loads(run.stdout)["dependencies"]
    except ValueError:
        return []
    return packages


def main() -> None:
    for service in SERVICES:
        outcome, text = summarize(run_pip_audit(service), read_lock())
        if outcome is not Outcome.NOT_AUDITED:
            break
    print(text, file=sys.stderr if outcome else sys.stdout)
    sys.exit(outcome)


if __name__ == "__main__":
    main()
