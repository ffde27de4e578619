"""Ask for known vulnerabilities of what the layer is made of, by pip-audit.

Ends with 0 if all packages were looked up and none is vulnerable, with 1 if one is,
and with 3 if not all could be looked up. pip-audit ends with 0 then too: to it, a
package that its database doesn't answer for is one that it can skip.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from supply_chain.lock import LOCK, locked

SERVICES = ("pypi", "osv")
"""Both know PyPA's advisories: the second is asked where the first can't be reached."""

Package = Mapping[str, Any]
"""As in pip-audit's JSON: name, version and vulns, or name and skip_reason."""


class Outcome(IntEnum):
    """What the audit ends with."""

    CLEAN = 0
    VULNERABLE = 1
    NOT_AUDITED = 3


class Verdict(NamedTuple):
    """What the audit says."""

    outcome: Outcome
    text: str


def verdict(packages: Iterable[Package], expected: Iterable[str]) -> Verdict:
    """Return what follows from what pip-audit said of the expected packages."""
    known = {package["name"]: package for package in packages}
    found = [
        f"{name} {package['version']}: {flaw['id']},"
        f" fixed in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for name, package in known.items()
        for flaw in package.get("vulns", [])
    ]
    missing = [name for name in expected if "vulns" not in known.get(name, {})]
    if missing:
        found.append(
            "NOT AUDITED: the vulnerability database did not answer"
            f" for {len(missing)} packages: {', '.join(missing)}"
        )
    if any("vulns" in package and package["vulns"] for package in known.values()):
        return Verdict(Outcome.VULNERABLE, "\n".join(found))
    if missing:
        return Verdict(Outcome.NOT_AUDITED, "\n".join(found))
    return Verdict(Outcome.CLEAN, f"{len(known)} packages, no known vulnerability")


def asked(service: str) -> list[Package]:
    """Return what pip-audit says of each package; nothing where it fails."""
    answer = subprocess.run(  # noqa: S603
        [
            sys.executable, "-m", "pip_audit", "--requirement", LOCK, "--disable-pip",
            "--vulnerability-service", service, "--timeout", "10",
            "--format", "json", "--progress-spinner", "off",
        ],
        capture_output=True,
    )  # fmt: skip
    try:
        packages: list[Package] = json.loads(answer.stdout)["dependencies"]
    except ValueError:
        return []
    return packages


def main() -> None:
    for service in SERVICES:
        outcome, text = verdict(asked(service), locked())
        if outcome is not Outcome.NOT_AUDITED:
            break
    print(text, file=sys.stderr if outcome else sys.stdout)
    sys.exit(outcome)


if __name__ == "__main__":
    main()
