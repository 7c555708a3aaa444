"""Frozen vectors: every format that was ever written stays readable, to the byte. Add to them, never change one.

They open offline. KMS and Vault, whose keys nobody can have here, are answered for: their vectors freeze what we ask
of them for a token, to the byte, and what becomes of their answer. The real Vault and moto are asked elsewhere.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from zemanta_ops.secrets import StrictSecret
from zemanta_ops.secrets.backends import _aws_session, local, vault

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))
FORMATS = {
    "kms": 4,
    "local": 1,
    "password": 2,
    "sealed": 4,
    "vault": 3,
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["format"]))
def test_a_token_of_this_format_opens(vector: dict[str, Any], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vector.get("environment", {}).items():
        monkeypatch.setenv(name, value)
    if "local_key" in vector:
        local.folder().mkdir(parents=True)
        (local.folder() / "current.key").write_text(vector["local_key"])
    bound = {key: vector[key] for key in ("app", "name") if key in vector}
    with _asked(vector, monkeypatch):
        assert StrictSecret(vector["token"]).decrypt(**bound) == vector["plaintext"]


def test_there_is_a_vector_of_each_format() -> None:
    backends = [vector["token"].partition(":")[0] for vector in VECTORS]
    assert {backend: backends.count(backend) for backend in set(backends)} == FORMATS


@contextmanager
def _asked(vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Answer for KMS or Vault, if it is asked exactly what the vector has."""
    if "kms" in vector:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "example")
        _aws_session.forget_clients()
        asked = dict(vector["kms"]["asked"])
        asked["CiphertextBlob"] = base64.b64decode(asked["CiphertextBlob"])
        with Stubber(_aws_session.client("eu-west-1")) as stub:
            stub.add_response("decrypt", {"Plaintext": base64.b64decode(vector["kms"]["plaintext"])}, asked)
            yield
            stub.assert_no_pending_responses()
    elif "vault" in vector:
        session = _Vault(vector["vault"])
        monkeypatch.setattr(vault, "visit", session.visit)
        yield
        assert session.calls == 1
    else:
        yield


class _Vault:
    """Replaces a login at Vault."""

    def __init__(self, expected: dict[str, Any]) -> None:
        self.expected = expected
        self.calls = 0

    @contextmanager
    def visit(self) -> Iterator[_Vault]:
        yield self

    def post(self, path: str, body: dict[str, Any], *_: object) -> dict[str, Any]:
        self.calls += 1
        assert path == self.expected["path"]
        assert body["batch_input"] == [self.expected["asked"]]
        return {"data": {"batch_results": [{"plaintext": self.expected["plaintext"]}]}}
