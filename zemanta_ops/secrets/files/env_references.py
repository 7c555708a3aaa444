"""Values of ``.env`` files that refer to other variables: a program would put a token there in place of the secret."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from zemanta_ops.secrets.files.env_readers import Entry

_COMPOSE_FILES = ("compose*.y*ml", "docker-compose*.y*ml")
_BRACED = re.compile(r"\$\{(\w+)")
_WHOLE = re.compile(r"""(['"]?)\\?\$(\w+)\1""")
_ANY = re.compile(r"(?<!\$)\$\{?(\w+)")


def find_references(entries: Sequence[Entry], names: Collection[str], reader: str = "") -> Iterator[tuple[Entry, str]]:
    """Yield each assignment whose value refers to one of the names, with that name.

    Args:
        entries: The assignments of a file.
        names: The variables that are to be tokens.
        reader: The program that reads the file; by default any may.
    """
    for entry in entries:
        for name in sorted(_list_names(entry.after.strip(), reader) & set(names) - {entry.literal.setting}):
            yield entry, name


def _list_names(text: str, reader: str) -> set[str]:
    """Return the variables that a program puts into a value. docker and systemd put none."""
    found: set[str] = set()
    if reader in ("", "python-dotenv"):
        found |= set(_BRACED.findall(text))
    if reader in ("", "django-environ") and (whole := _WHOLE.fullmatch(text)):
        found.add(whole[2])
    if reader in ("", "compose") and not text.startswith("'"):
        found |= set(_ANY.findall(text))
    return found


def find_compose_references(folder: Path, names: Collection[str]) -> Iterator[tuple[Path, int, str]]:
    """Yield file, line and name of what the compose files beside a ``.env`` take from it."""
    for path in sorted({path for pattern in _COMPOSE_FILES for path in folder.glob(pattern) if path.is_file()}):
        for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1):
            for name in sorted(set(_ANY.findall(line)) & set(names)):
                yield path, number, name
