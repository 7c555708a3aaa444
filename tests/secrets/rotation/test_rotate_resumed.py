"""What an interrupted rotation has done is not done again, and no plaintext is in its messages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.rotation.rotations import decrypted, token
from tests.secrets.verbs.calls import call
from zemanta_ops import atomic
from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.backends.local import LocalBackend
from zemanta_ops.secrets.exceptions import EncryptError
from zemanta_ops.secrets.redaction import redact
from zemanta_ops.secrets.verbs import rotate
from zemanta_ops.secrets.wire import Token

pytestmark = pytest.mark.usefixtures("folder")


def interrupt_before_the_second_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    renamed: list[Path] = []

    def stop(step: str, path: Path) -> None:
        if step == "before rename":
            renamed.append(path)
            if len(renamed) == 2:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "step_hook", stop)
        with pytest.raises(KeyboardInterrupt):
            call(rotate, "--to", "local", "--new-key")


def test_a_resumed_rotation_makes_no_token_a_second_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (folder / f"{name}.py").write_text(f'{name.upper()} = Secret("{token(name)}")\n')
    before = {name: (folder / name).read_text() for name in ("a.py", "b.py")}
    interrupt_before_the_second_file(folder, monkeypatch)
    halfway = {name: (folder / name).read_text() for name in before}
    assert [halfway[name] == before[name] for name in before] == [False, True]

    made: list[bytes] = []
    encrypt = LocalBackend.encrypt

    def count(self: LocalBackend, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        made.append(plaintext)
        return encrypt(self, plaintext, context, **options)

    monkeypatch.setattr(LocalBackend, "encrypt", count)
    ended = call(rotate, "--resume")
    assert (ended.code, ended.out) == (0, "re-encrypted 1 secret in 1 file\n")
    assert made == []
    assert (folder / "a.py").read_text() == halfway["a.py"]
    assert decrypted() == {"A": "a", "B": "b"}


def test_a_backend_that_fails_finds_the_plaintext_in_the_ledger(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    redacted: list[str] = []

    def refuse(self: LocalBackend, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        redacted.append(redact(f"cannot encrypt {plaintext.decode()}"))
        raise EncryptError("refused")

    (folder / "a.py").write_text(f'A = Secret("{token("hunter2-example")}")\n')
    ledger.forget()
    monkeypatch.setattr(LocalBackend, "encrypt", refuse)
    assert call(rotate, "--to", "local").code == 1
    assert redacted == ["cannot encrypt <redacted>"]
