"""The verbs, with and without Django settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command, get_commands

from zemanta_ops.secrets.__main__ import VERBS, execute, load, main
from zemanta_ops.secrets.exceptions import SourceError


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_is_a_management_command_with_the_same_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert get_commands()[name] == "zemanta_ops"
    texts = []
    for run in (lambda: main([name, "--help"]), lambda: call_command(name, "--help")):
        with pytest.raises(SystemExit):
            run()
        texts.append(" ".join(capsys.readouterr().out.split()))
    for text in texts:
        assert "examples:" in text
        assert "exit codes:" in text
        assert load(name).HELP in text


def test_a_verb_needs_no_django_settings(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text('raise ValueError\nKEY = Secret("kms:key=k1:QUJDREVGR0g=")\n')
    ended = subprocess.run(
        [sys.executable, "-m", "zemanta_ops.secrets", "audit_secrets", "settings.py"],
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


@pytest.mark.parametrize(
    ("error", "code", "printed"),
    [(SourceError("broken"), 1, "broken\n"), (KeyboardInterrupt(), 130, "\nstopped\n")],
)
def test_an_error_is_one_line(
    error: BaseException, code: int, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    class Failing:
        HELP = EPILOG = ""

        def add_arguments(self, parser: object) -> None: ...

        def run(self, options: object, out: object, err: object) -> int:
            raise error

    import argparse

    assert execute(Failing(), argparse.Namespace(), sys.stdout, sys.stderr) == code
    assert capsys.readouterr().err == printed


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text("".join(f'K{i} = Secret("kms:key=k1:QUJDREVGR0g=")\n' for i in range(3000)))
    command = f"{sys.executable} -m zemanta_ops.secrets audit_secrets --json s.py | head -c 10"
    ended = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stdout == '{\n  "token'
    assert "Traceback" not in ended.stderr
