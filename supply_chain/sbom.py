"""Write the layer's bill of materials: `python -m supply_chain.sbom LAYER FILE`.

Also prints the packages and their licences, and fails if a licence isn't allowed. It
describes what the layer really contains: names, versions and licences come from its
*.dist-info, hashes from the lock file that pip checked them with.
"""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, version
from pathlib import Path

from cyclonedx.contrib.hash.factories import HashTypeFactory
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from supply_chain.lock import read_lock

ALLOWED = {
    "MIT": "keep the notice",
    "BSD-3-Clause": "keep the notice",
    "Apache-2.0": "keep the notice, and say what was changed",
    "Apache-2.0 OR BSD-3-Clause": "either",
    "PSF-2.0": "keep the notice",
    # psycopg: our code only imports it, and anyone who has the layer can replace it.
    "LGPL-3.0-only": "give others the layer only with the notice and psycopg's source",
}
"""Allowed SPDX expressions, and what each requires."""

CLASSIFIERS = {"License :: OSI Approved :: MIT License": "MIT"}
"""For packages that state their licence only by a classifier."""


def make_bill_of_materials(layer: Path) -> Bom:
    """Return the bill of materials of a built layer."""
    root = Component(
        name="tasks-layer", version=version("taskapi"), type=ComponentType.APPLICATION
    )
    parts = [make_component(*package) for package in find_packages(layer)]
    bom = Bom(components=parts)
    bom.metadata.component = root
    bom.register_dependency(root, parts)
    for part in parts:
        bom.register_dependency(part)
    return bom


def find_packages(layer: Path) -> list[tuple[Path, Distribution]]:
    """Return the packages in a built layer, each with its *.dist-info."""
    folders = sorted((layer / "python").glob("*.dist-info"))
    if not folders:
        sys.exit(f"{layer} has no packages; run make build first")
    return [(folder, Distribution.at(folder)) for folder in folders]


def make_component(folder: Path, package: Distribution) -> Component:
    """Return a package with the native libraries that its wheel lists."""
    name = canonicalize_name(package.name)
    pinned, hashes = read_lock()[name]
    if package.version != pinned:
        sys.exit(f"the layer has {name} {package.version}, the lock file {pinned}")
    return Component(
        name=name,
        version=package.version,
        purl=PackageURL("pypi", name=name, version=package.version),
        licenses=[LicenseFactory().make_from_string(find_licence(package))],
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(f"https://pypi.org/simple/{name}/"),
                comment="the files of this release that the build accepts",
                hashes=[HashTypeFactory().from_composite_str(one) for one in hashes],
            )
        ],
        components=list(read_bundled_parts(folder, name)),
    )


def find_licence(package: Distribution) -> str:
    """Return the SPDX expression of a package's licence, or "" if it states none."""
    stated = package.metadata.get_all("License-Expression")
    stated = stated or package.metadata.get_all("License")
    classifiers = package.metadata.get_all("Classifier") or []
    known = [CLASSIFIERS[one] for one in classifiers if one in CLASSIFIERS]
    return (stated or known or [""])[0]


def read_bundled_parts(folder: Path, name: str) -> Iterator[Component]:
    """Yield what is compiled into a wheel, as its own bills list it (PEP 770)."""
    for file in sorted(folder.glob("sboms/*.json")):
        for part in json.loads(file.read_bytes())["components"]:
            if canonicalize_name(part["name"]) != name:
                purl = part.get("purl")
                yield Component(
                    name=part["name"],
                    version=part.get("version"),
                    purl=PackageURL.from_string(purl) if purl else None,
                )


def main(layer: Path, file: Path) -> None:
    text = JsonV1Dot6(make_bill_of_materials(layer)).output_as_string(indent=1)
    if invalid := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        sys.exit(f"not CycloneDX 1.6: {invalid}")
    file.write_text(text + "\n")
    listed = {
        package.name: find_licence(package) for _, package in find_packages(layer)
    }
    print("\n".join(f"{name:24}{stated}" for name, stated in listed.items()))
    if refused := [name for name, one in listed.items() if one not in ALLOWED]:
        sys.exit(f"under a licence that isn't in ALLOWED: {', '.join(refused)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
