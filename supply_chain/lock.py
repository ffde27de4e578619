"""Read the lock file, which pins each package of the layer with its hashes."""

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pip_requirements_parser import RequirementsFile

SHARED = Path(__file__).parents[1] / "shared"
LOCK = SHARED / "requirements.lock"
DIRECT = SHARED / "requirements.txt"


def read_lock(file: Path = LOCK) -> dict[str, tuple[str, list[str]]]:
    """Return each package's version and its hashes, "sha256:…", by normalised name."""
    packages: dict[str, tuple[str, list[str]]] = {}
    for line in RequirementsFile.from_file(str(file)).requirements:
        requirement = Requirement(str(line.req))
        [pin] = requirement.specifier
        if pin.operator != "==":
            raise ValueError(f"{file.name}: {requirement} isn't pinned")
        name = canonicalize_name(requirement.name)
        packages[name] = pin.version, sorted(line.hash_options or [])
    return packages
