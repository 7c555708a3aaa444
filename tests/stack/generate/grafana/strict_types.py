"""The program that reads generated documents with Grafana's own Go types, strictly."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.servers import cache, golang

STRICT = Path(__file__).with_name("strict")


def build_checker() -> Path:
    """Return the path of the program, which Go builds once."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(STRICT.iterdir()))).hexdigest()
    folder = cache.root() / f"grafana-types-{digest[:8]}"
    with cache.locked():
        if not folder.is_dir():
            cache.fill(folder, _compile_checker)
    return folder / "check"


def _compile_checker(folder: Path) -> None:
    env = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": ""}
    options: Sequence[str | Path] = ["-buildvcs=false", "-o", folder / "check"]
    subprocess.run([golang.find(), "build", "-C", STRICT, *options, "."], env=env, check=True, timeout=300)


def check_types(checker: Path, documents: Mapping[str, Any]) -> str:
    """Return what the types do not know, or miss, in lists of documents by kind; nothing if all is well."""
    done = subprocess.run([checker], input=json.dumps(documents), capture_output=True, text=True, check=True)
    return done.stdout
