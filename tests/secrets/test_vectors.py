"""Frozen vectors: every format that was ever written stays readable, to the byte. Add to them, never change one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zemanta_ops.secrets import StrictSecret
from zemanta_ops.secrets.backends import local

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["format"]))
def test_a_token_of_this_format_opens(vector: dict[str, Any], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vector.get("environment", {}).items():
        monkeypatch.setenv(name, value)
    if "local_key" in vector:
        local.folder().mkdir(parents=True)
        (local.folder() / "current.key").write_text(vector["local_key"])
    bound = {key: vector[key] for key in ("app", "name") if key in vector}
    assert StrictSecret(vector["token"]).decrypt(**bound) == vector["plaintext"]
