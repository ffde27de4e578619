"""The lock file: each package that the layer is made of, pinned, with its hashes."""

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pip_requirements_parser import RequirementsFile

SHARED = Path(__file__).parents[1] / "shared"
LOCK = SHARED / "requirements.lock"
DIRECT = SHARED / "requirements.txt"


def locked(file: Path = LOCK) -> dict[str, tuple[str, list[str]]]:
    """Return each package's version and its hashes, "sha256:…", by normalised name."""
    found: dict[str, tuple[str, list[str]]] = {}
    for line in RequirementsFile.from_file(str(file)).requirements:
        requirement = Requirement(str(line.req))
        [pin] = requirement.specifier
        if pin.operator != "==":
            raise ValueError(f"{file.name}: {requirement} isn't pinned")
        name = canonicalize_name(requirement.name)
        found[name] = pin.version, sorted(line.hash_options or [])
    return found
