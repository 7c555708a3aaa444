"""Which files to look at, and their text with nothing translated: encoding, byte order mark and line ends stay."""

from __future__ import annotations

import codecs
import io
import os
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files import git
from zemanta_ops.secrets.files.formats import format_of

# Larger files are data, not settings.
_MAX_BYTES = 4 * 1024 * 1024
_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages"})


@dataclass(frozen=True)
class SourceFile:
    """A settings file as it was read.

    Attributes:
        kind: Its format, as :func:`zemanta_ops.secrets.files.formats.format_of` names it.
        data: Its bytes.
        text: The same, decoded, without the byte order mark.
    """

    path: Path
    kind: str
    data: bytes = field(repr=False)
    text: str = field(repr=False)
    encoding: str

    def encoded(self, text: str) -> bytes:
        """Encode a changed text as the file was."""
        mark = codecs.BOM_UTF8 if self.data.startswith(codecs.BOM_UTF8) else b""
        return mark + text.encode(self.encoding)


def read(path: Path) -> SourceFile:
    """Read a settings file.

    Raises:
        SourceError: It cannot be read, is of no known format, or is not text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    return decode(path, data)


def decode(path: Path, data: bytes) -> SourceFile:
    """Make a SourceFile of bytes that come from elsewhere (an older commit, say).

    Raises:
        SourceError: It is of no known format, or not text.
    """
    kind = format_of(path.name)
    if kind is None:
        raise SourceError(f"{path} is none of .py, .toml, .yaml, .yml, .json and .env")
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0] if kind == ".py" else "utf-8"
        encoding = encoding.removesuffix("-sig")
        text = data.removeprefix(codecs.BOM_UTF8).decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        raise SourceError(f"{path} is not text in the encoding that it claims") from None
    return SourceFile(path, kind, data, text, encoding)


def discover(paths: Iterable[Path]) -> list[Path]:
    """List the settings files among ``paths`` and, for folders, below them.

    In a git repository a folder stands for what git tracks or would add in it, elsewhere for all but hidden folders
    and virtual environments. Links to files are left out (their target counts), but for those named themselves.

    Raises:
        SourceError: A path does not exist, or is a file of no known format.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(inner for inner in _below(path) if _is_settings(inner))
        elif not path.exists():
            raise SourceError(f"{path} does not exist")
        elif format_of(path.name) is None:
            raise SourceError(f"{path} is none of .py, .toml, .yaml, .yml, .json and .env")
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _below(folder: Path) -> list[Path]:
    try:
        return git.tracked(folder)
    except git.GitError:
        return list(_walk(folder))


def _walk(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and name not in _SKIPPED_FOLDERS and not Path(here, name, "pyvenv.cfg").exists()
        ]
        yield from (Path(here, name) for name in files)


def _is_settings(path: Path) -> bool:
    return (
        format_of(path.name) is not None
        and path.is_file()
        and not path.is_symlink()
        and path.stat().st_size <= _MAX_BYTES
    )
