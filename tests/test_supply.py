"""Every dependency is locked with its hashes, and the bill of materials names the same versions."""

import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", re.MULTILINE)


def asked_for(file: str) -> list[Requirement]:
    lines = (line.strip() for line in (ROOT / file).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def locked(file: str) -> dict[str, set[Version]]:
    """Versions by package; a package may have a version for each Python."""
    found: dict[str, set[Version]] = {}
    for name, version in PINNED.findall((ROOT / file).read_text()):
        found.setdefault(canonicalize_name(name), set()).add(Version(version))
    return found


@pytest.mark.parametrize("name", ["requirements", "requirements-search", "requirements-dev"])
def test_the_lock_holds_what_is_asked_for(name: str) -> None:
    versions = locked(f"{name}.lock")
    missing = [
        str(wanted)
        for wanted in asked_for(f"{name}.txt")
        if not any(version in wanted.specifier for version in versions.get(canonicalize_name(wanted.name), ()))
    ]
    assert missing == [], "run `make lock`"


@pytest.mark.parametrize("name", ["requirements", "requirements-search", "requirements-dev"])
def test_every_locked_version_has_hashes(name: str) -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / f"{name}.lock").read_text(), flags=re.MULTILINE)
    assert [entry.splitlines()[0] for entry in entries if PINNED.match(entry) and "--hash=sha256:" not in entry] == []


def test_what_serves_is_tested_in_the_same_versions() -> None:
    testing = locked("requirements-dev.lock")
    for file in ("requirements.lock", "requirements-search.lock"):
        assert {name for name, versions in locked(file).items() if testing.get(name) != versions} == set()


def test_the_bill_of_materials_names_every_locked_version() -> None:
    components = json.loads((ROOT / "sbom.cdx.json").read_text())["components"]
    listed: dict[str, set[Version]] = {}
    for component in components:
        listed.setdefault(canonicalize_name(component["name"]), set()).add(Version(component["version"]))
    assert listed == locked("requirements.lock"), "run `make sbom`"
