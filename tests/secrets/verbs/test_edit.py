"""edit_secret: the plaintext is in a private file for as long as the editor runs; the token is all that changes."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.secrets.tokens import local
from tests.secrets.verbs.calls import call
from tests.servers.process import wait_until
from zemanta_ops.secrets import Secret, wire
from zemanta_ops.secrets.files.scan import find_tokens
from zemanta_ops.secrets.files.source_file import read
from zemanta_ops.secrets.verbs import edit, editor

PLAINTEXT = "example-plaintext"
Editor = Callable[[str], Path]


@pytest.fixture
def editing(home: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    """Return a function that makes an editor of a few lines of Python; it returns the file in which they may note."""

    def make(script: str) -> Path:
        notes = home / "notes"
        program = home / "editor.py"
        program.write_text(f"import os, sys\npath = sys.argv[1]\nnotes = {str(notes)!r}\n{script}\n")
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", f"{sys.executable} {program}")
        return notes

    return make


def value_of(path: str, **bound: str) -> str:
    [found] = find_tokens(read(Path(path)))
    return Secret(found.text).get(**bound)


APPEND = "open(path, 'a').write('-more\\n')"


@pytest.mark.parametrize(
    ("name", "text", "setting"),
    [
        ("a.py", "from x import *\nA = Secret('TOKEN').get()  # é\r\nB = 1\n", "A"),
        ("a.toml", "[d]\np = 'TOKEN' # x\n", "d.p"),
        ("a.yaml", "d:\n  - p: TOKEN\n", "d.0.p"),
        (".env", "export A=TOKEN # x\n", "A"),
    ],
)
def test_only_the_token_changes(name: str, text: str, setting: str, editing: Editor) -> None:
    old = local(PLAINTEXT)
    Path(name).write_bytes(text.replace("TOKEN", old).encode())
    editing(APPEND)
    ended = call(edit, name, setting)
    assert (ended.code, ended.out) == (0, ""), ended.err
    assert value_of(name) == f"{PLAINTEXT}-more"
    [found] = find_tokens(read(Path(name)))
    assert Path(name).read_bytes().decode() == text.replace("TOKEN", found.text)
    assert PLAINTEXT not in ended.err


def test_the_file_is_private_and_gone_afterwards_with_the_copies_of_the_editor(
    home: Path, editing: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "a.toml").write_text(f"a = '{local(PLAINTEXT)}'\n")
    shredded: list[str] = []
    monkeypatch.setattr(editor, "_shred", lambda path: shredded.append(path.name))
    notes = editing(
        "folder = os.path.dirname(path)\nopen(path + '.swp', 'w').write('copy')\n"
        "open(notes, 'w').write(f'{folder} {os.stat(folder).st_mode} {os.stat(path).st_mode}')"
    )
    assert "did not change" in call(edit, "a.toml", "a").err
    folder, folder_mode, mode = notes.read_text().split()
    assert (stat.S_IMODE(int(folder_mode)), stat.S_IMODE(int(mode))) == (0o700, 0o600)
    assert not Path(folder).exists()
    assert sorted(shredded) == ["secret", "secret.swp"]


def test_a_file_is_overwritten_before_it_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"example")
    editor._shred(path)
    assert path.read_bytes() == bytes(7)


@pytest.mark.parametrize(
    ("script", "code", "says"),
    [
        ("pass", 0, "did not change, so nothing was written"),
        ("open(path, 'a').write('\\n')", 0, "did not change"),
        ("open(path, 'w')", 1, "use --empty"),
        ("open(path, 'w').write('changed'); sys.exit(3)", 1, "exit code 3, so nothing was changed"),
        ("os.remove(path)", 1, "has removed the file"),
        ("open('a.toml', 'a').write('# meanwhile')\nopen(path, 'w').write('x')", 1, "changed by another program"),
    ],
)
def test_without_a_new_text_nothing_is_written(script: str, code: int, says: str, home: Path, editing: Editor) -> None:
    text = f"a = '{local(PLAINTEXT)}'\n"
    (home / "a.toml").write_text(text)
    editing(script)
    ended = call(edit, "a.toml", "a")
    assert (ended.code, ended.out) == (code, "")
    assert says in ended.err
    assert (home / "a.toml").read_text().startswith(text)


def test_line_breaks_and_bytes_that_are_no_text_stay(home: Path, editing: Editor) -> None:
    lines = local("line\n")
    (home / "a.toml").write_text(f"a = '{lines}'\nb = '{local(bytes([0xFF]))}'\n")
    editing("open(path, 'ab').write(b'two\\n')")
    assert call(edit, "a.toml", "a").code == call(edit, "a.toml", "b").code == 0
    first, second = (Secret(found.text).get_bytes() for found in find_tokens(read(home / "a.toml")))
    assert (first, second) == (b"line\ntwo\n", b"\xfftwo")


def test_the_binding_stays(home: Path, editing: Editor) -> None:
    (home / "zemanta_ops.toml").write_text('app = "shop"\n')
    (home / "a.toml").write_text(f"a = '{local(PLAINTEXT, app='shop', name='a', env='test')}'\n")
    editing(APPEND)
    ended = call(edit, "a.toml", "a")
    assert ended.code == 0, ended.err
    [found] = find_tokens(read(home / "a.toml"))
    assert wire.parse(found.text).context == {"app": "shop", "name": "a", "env": "test"}


def test_the_configuration_of_the_file_may_forbid_it(home: Path, editing: Editor) -> None:
    (home / "zemanta_ops.toml").write_text('[environments.production]\nbackend = "kms"\nkey = "alias/shop"\n')
    text = f"a = '{local(PLAINTEXT)}'\n"
    (home / "a.toml").write_text(text)
    editing(APPEND)
    ended = call(edit, "a.toml", "a")
    assert ended.code == 1
    assert "has no environment with the local backend" in ended.err
    assert (home / "a.toml").read_text() == text


@pytest.mark.parametrize(
    ("text", "setting", "says"),
    [
        ("a = 'hunter2'\n", "a", "a.toml:1: the setting is not encrypted"),
        ("a = 1\n", "hunter2", "has no setting of that name"),
        ("a = 'local:v=2:hunter2hunter2'\n", "a", "a.toml:1: "),
    ],
)
def test_what_cannot_be_edited_never_reaches_the_editor(
    text: str, setting: str, says: str, home: Path, editing: Editor
) -> None:
    (home / "a.toml").write_text(text)
    notes = editing("open(notes, 'w')")
    ended = call(edit, "a.toml", setting)
    assert ended.code == 1
    assert says in ended.err
    assert "hunter2" not in ended.err
    assert not notes.exists()


@pytest.mark.parametrize("command", ["", "/absent/editor", "absent-editor --wait"])
def test_an_editor_that_is_not_there_is_an_error(command: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "a.toml").write_text(f"a = '{local(PLAINTEXT)}'\n")
    monkeypatch.setenv("VISUAL", command)
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.setattr(editor, "_DEFAULT", "absent-vi")
    assert "set EDITOR" in call(edit, "a.toml", "a").err
    assert os.environ["VISUAL"] == command


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_terminal_that_is_closed_leaves_no_plaintext(home: Path, editing: Editor, number: signal.Signals) -> None:
    Path("a.toml").write_text(f"p = '{local(PLAINTEXT)}'\n")
    notes = editing(
        "open(notes + '.part', 'w').write(path); os.rename(notes + '.part', notes)\nimport time; time.sleep(60)"
    )
    arguments = [sys.executable, "-m", "zemanta_ops.secrets", "edit", "a.toml", "p"]
    with subprocess.Popen(arguments, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}) as process:
        assert wait_until(notes.exists, 30)
        secret = Path(notes.read_text())
        assert secret.read_text().strip() == PLAINTEXT
        process.send_signal(number)
        assert process.wait(30) == 128 + number
    assert not secret.parent.exists()
