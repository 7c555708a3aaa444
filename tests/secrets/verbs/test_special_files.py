"""Commands that change a file refuse a pipe, a device, a socket or a folder, and wait for none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.verbs.calls import call
from tests.special_files import KINDS, kept, make_special
from zemanta_ops.secrets.files.file_replacement import remove_leftovers
from zemanta_ops.secrets.verbs import audit, edit, encrypt, migrate, rotate

COMMANDS = {
    "into": (encrypt, ["local", "--into", "{}", "A"]),
    "add": (encrypt, ["local", "--add", "--into", "{}", "A"]),
    "edit": (edit, ["{}", "A"]),
    "rotate": (rotate, ["--to", "local", "{}"]),
    "rotate dry": (rotate, ["--dry-run", "--to", "local", "{}"]),
    "migrate": (migrate, ["--to", "local", "{}"]),
    "audit": (audit, ["{}"]),
}
# A folder is where rotate, migrate and audit begin.
CASES = [
    (command, kind) for command in COMMANDS for kind in KINDS if kind != "folder" or command in ("into", "add", "edit")
]


@pytest.mark.parametrize("name", ["settings.py", "named", ".env"])
@pytest.mark.parametrize(("command", "kind"), CASES)
def test_it_is_refused_with_its_kind(command: str, kind: str, name: str, home: Path) -> None:
    verb, arguments = COMMANDS[command]
    with kept(make_special(kind, home / name)):
        ended = call(verb, *(each.format(name) for each in arguments))
    assert (ended.code, ended.out) == (1, "")
    assert f"{name} is not a settings file: it is {KINDS[kind]}, not a regular file" in ended.err


def test_leftovers_are_regular_files(home: Path) -> None:
    (home / ".settings.py.1.zemanta-ops.tmp").write_bytes(b"")
    for number, kind in enumerate(KINDS, 2):
        make_special(kind, home / f".settings.py.{number}.zemanta-ops.tmp")
    (home / ".settings.py.0.zemanta-ops.tmp").symlink_to("elsewhere")
    remove_leftovers(home / "settings.py")
    assert len(list(home.iterdir())) == len(KINDS) + 1
