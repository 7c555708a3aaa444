"""The bounds that pyproject.toml promises are the versions that ``tox run -e lowest`` installs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]


def pinned(name: str) -> dict[str, Version]:
    """Return package to version of a constraints file."""
    lines = (ROOT / "tests" / name).read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(each.name): Version(str(each.specifier)[2:]) for each in requirements}


def promised() -> tuple[list[Requirement], list[Requirement]]:
    """Return the requirements of the core, and those of the extras and the demo."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = [text for texts in project["project"]["optional-dependencies"].values() for text in texts]
    others = [Requirement(text) for text in [*extras, *project["dependency-groups"]["demo"]]]
    core = [Requirement(text) for text in project["project"]["dependencies"]]
    return core, [each for each in others if each.name != "zemanta-ops"]


def bounds(requirements: list[Requirement]) -> dict[str, Version]:
    """Return the highest lower bound of each package."""
    found: dict[str, Version] = {}
    for each in requirements:
        bound = max(Version(specifier.version) for specifier in each.specifier if specifier.operator == ">=")
        name = canonicalize_name(each.name)
        found[name] = max(bound, found.get(name, bound))
    return found


@pytest.mark.parametrize("file", ["lowest.txt", "lowest-core.txt"])
def test_the_oldest_versions_tested_are_the_oldest_versions_promised(file: str) -> None:
    core, others = promised()
    assert pinned(file) == bounds(core if file == "lowest-core.txt" else [*core, *others])
