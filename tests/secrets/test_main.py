"""The verbs, with and without Django settings."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands

from zemanta_ops.secrets.__main__ import main
from zemanta_ops.secrets.verbs import audit, load

COMMANDS = {
    "audit_secrets": "audit",
    "decrypt_secret": "decrypt",
    "encrypt_secret": "encrypt",
    "guard_secrets": "guard",
    "rotate_secrets": "rotate",
    "secret_keygen": "keygen",
    "secret_history": "history",
}


@pytest.mark.parametrize(("command", "verb"), COMMANDS.items())
def test_a_verb_is_a_management_command_with_the_same_help(
    command: str, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert get_commands()[command] == "zemanta_ops"
    texts = []
    for run in (lambda: main([verb, "--help"]), lambda: call_command(command, "--help")):
        with pytest.raises(SystemExit):
            run()
        texts.append(" ".join(capsys.readouterr().out.split()))
    for text in texts:
        assert "examples:" in text
        assert "exit codes:" in text
        assert load(verb).HELP in text


def test_a_verb_needs_no_django_settings(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text('raise ValueError\nKEY = Secret("kms:key=k1:QUJDREVGR0g=")\n')
    ended = subprocess.run(
        [sys.executable, "-m", "zemanta_ops.secrets", "audit", "settings.py"],
        cwd=tmp_path,
        env={"DJANGO_SETTINGS_MODULE": "settings", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0
    assert "settings.py:2" in ended.stdout


def test_the_exit_code_of_a_command_is_the_verbs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "settings.py"
    path.write_text('KEY = Secret("plain::hunter2")\n')
    with pytest.raises(SystemExit) as caught:
        call_command("audit_secrets", str(path))
    assert caught.value.code == 1
    assert "in plaintext" in capsys.readouterr().out
    call_command("audit_secrets", str(path), "--allow", "plain")


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4])
def test_a_command_ends_with_any_code_of_its_verb(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "run", lambda *_: code)
    with pytest.raises(SystemExit) if code else nullcontext() as caught:
        call_command("audit_secrets")
    assert (caught.value.code if caught else 0) == code
    assert main(["audit"]) == code
