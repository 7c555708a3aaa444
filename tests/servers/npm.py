"""Packages of npm, which it installs once into the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import cache


def install_packages(manifest: Path) -> Path:
    """Return the folder with the packages of a ``package.json``. Without npm, skip the test; with CI=true, fail it."""
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    folder = cache.root() / f"npm-{manifest.parent.name}-{digest[:8]}"
    with cache.locked():
        if not (folder / "node_modules").is_dir():
            cache.fill(folder, lambda made: _install(_find_npm(), manifest, made))
    return folder


def _find_npm() -> str:
    npm = shutil.which("npm")
    if npm:
        return npm
    reason = "npm is not installed: apt-get install npm"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _install(npm: str, manifest: Path, folder: Path) -> None:
    shutil.copy(manifest, folder)
    subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True, timeout=300)
