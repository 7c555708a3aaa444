"""The IAM policies of the documentation against moto's server.

Their actions are enforced there. Their form is checked here because moto looks no further: it asks for ``*`` as the
resource of every KMS call, and at no condition.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.conftest import become
from tests.secrets.tokens import made
from tests.servers.kms import ALIAS, KMS, REGION
from zemanta_ops.secrets import Secret, decrypt_settings
from zemanta_ops.secrets.backends import _agekeys, _aws_calls
from zemanta_ops.secrets.exceptions import DeniedError

PAGE = Path(__file__).parents[3] / "docs" / "backends.rst"


def statements() -> list[dict[str, Any]]:
    """Return the statement of each policy of the page: who encrypts, and the application."""
    blocks = PAGE.read_text(encoding="utf-8").split(".. code-block:: json\n")[1:]
    found = []
    for block in blocks:
        [statement] = json.JSONDecoder().raw_decode(block.strip())[0]["Statement"]
        assert (statement["Effect"], statement["Resource"]) == ("Allow", "KEY-ARN")
        found.append(statement)
    return found


@pytest.fixture
def arn(kms: KMS, monkeypatch: pytest.MonkeyPatch) -> str:
    # moto's code for a denial; that of KMS is AccessDeniedException.
    monkeypatch.setitem(_aws_calls._REASONS, "403", _aws_calls._REASONS["AccessDeniedException"])
    found: str = kms.client("kms").describe_key(KeyId=ALIAS)["KeyMetadata"]["Arn"]
    return found


def test_the_policy_of_those_who_encrypt(kms: KMS, arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    statement, _ = statements()
    with kms.identity(statement["Action"]) as developer:
        become(monkeypatch, developer)
        tokens = [made("kms", text, key=arn, region=REGION) for text in ("example", "x" * 5000)]
        for token in tokens:
            with pytest.raises(DeniedError, match="allow it"):
                Secret(token).get()


def test_the_policy_of_the_application(kms: KMS, arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, statement = statements()
    assert statement["Condition"] == {"StringEquals": {"kms:EncryptionContext:app": "shop"}}
    token = made("kms", "example", {"app": "shop", "name": "A"}, key=arn, region=REGION)
    with kms.identity(statement["Action"]) as application:
        become(monkeypatch, application)
        assert Secret(token).get(name="A", app="shop") == "example"
        with pytest.raises(DeniedError):
            made("kms", "example", key=arn, region=REGION)


def test_a_private_key_may_be_a_kms_token(kms: KMS, arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = _agekeys.generate("mlkem768x25519")
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", made("kms", identity.text(), key=arn, region=REGION))
    settings: dict[str, object] = {
        name: Secret(made("sealed", f"example {name}", recipients=str(identity.recipient))) for name in "ABC"
    }
    decrypt_settings(settings)
    assert settings == {"A": "example A", "B": "example B", "C": "example C"}
    with kms.identity(["kms:Encrypt"]) as developer:
        become(monkeypatch, developer)
        with pytest.raises(DeniedError, match=r"the token in ZEMANTA_OPS_SEALED_KEY \(kms\) cannot be decrypted"):
            Secret(made("sealed", "x", recipients=str(identity.recipient))).get()
