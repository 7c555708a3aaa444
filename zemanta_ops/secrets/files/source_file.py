"""Settings files: which ones there are, and their text, with encoding, byte order mark and line ends kept."""

from __future__ import annotations

import codecs
import io
import os
import tokenize
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from zemanta_ops.secrets import backends
from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files import formats, git
from zemanta_ops.secrets.files.exclusion import Exclusion
from zemanta_ops.secrets.files.file_replacement import refuse_special
from zemanta_ops.secrets.files.formats import MAX_BYTES, excerpts, format_of, kind_of
from zemanta_ops.secrets.files.formats.base import FormatError, Literal

# Within these git, too, looks for a zero byte to know that a file is not text.
_BINARY_BYTES = 8_000
# Of a token across two pieces of a file; longer ones are rare.
_LONGEST_TOKEN = 16 * 1024
# Files in these have names such as .django, common and postgresql.
_ENV_FOLDERS = frozenset({".envs", "envs", "env.d"})
_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages"})


@dataclass(frozen=True)
class SourceFile:
    """A settings file as it was read.

    Attributes:
        path: Path of the file.
        kind: Format of the file, as :func:`zemanta_ops.secrets.files.formats.format_of` returns it.
        data: The bytes of the file.
        text: The decoded bytes, without the byte order mark.
        encoding: Encoding of the text.
    """

    path: Path
    kind: str
    data: bytes = field(repr=False)
    text: str = field(repr=False)
    encoding: str

    @cached_property
    def scalars(self) -> list[Literal]:
        """Every string of the file, and every other scalar; parsed once.

        Raises:
            SourceError: The file is not valid. The message names file and line and quotes nothing.
            MissingExtraError: The parser is not installed.
        """
        return self._parse(formats.scalars)

    @cached_property
    def values(self) -> list[Literal]:
        """What each setting's value consists of (:func:`zemanta_ops.secrets.files.formats.values`); parsed once.

        Errors as for ``scalars``.
        """
        return self._parse(formats.values)

    def excerpt(self, word: str) -> SourceFile:
        """Return a file of the parts of this one that can concern a setting whose name contains ``word``.

        It may not be valid even if this file is.
        """
        return replace(self, text=excerpts.excerpt(self.text, self.kind, word))

    def _parse(self, reader: Callable[[str, str], list[Literal]]) -> list[Literal]:
        try:
            return reader(self.text, self.kind)
        except FormatError as error:
            place = f"{self.path}:{error.line}" if error.line else str(self.path)
            raise SourceError(f"{place}: {error.reason}") from None

    @property
    def strings(self) -> list[Literal]:
        """Every string of the file; errors as for ``scalars``."""
        return [literal for literal in self.scalars if literal.string]

    def encode(self, text: str) -> bytes:
        """Encode a changed text in the encoding of the file."""
        mark = codecs.BOM_UTF8 if self.data.startswith(codecs.BOM_UTF8) else b""
        return mark + text.encode(self.encoding)


def read(path: Path) -> SourceFile:
    """Read a settings file.

    Raises:
        SourceError: It cannot be read, its format is unknown, or it is not text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    return decode(path, data)


def read_to_change(path: Path) -> SourceFile:
    """Read a settings file that is written afterwards.

    Raises:
        SourceError: As for :func:`read`; or it is not a regular file.
    """
    refuse_special(path)
    return read(path)


def decode(path: Path, data: bytes) -> SourceFile:
    """Make a SourceFile from bytes, such as those of an older commit.

    Raises:
        SourceError: The format is unknown, or the bytes are not text.
    """
    kind = kind_of(path.name, data)
    if kind is None:
        raise SourceError(f"{path} is not a .py, .toml, .yaml, .yml, .json or .env file")
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0] if kind == ".py" else "utf-8"
        encoding = encoding.removesuffix("-sig")
        text = data.removeprefix(codecs.BOM_UTF8).decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        raise SourceError(f"{path} is not text in its declared encoding") from None
    return SourceFile(path, kind, data, text, encoding)


def discover(paths: Iterable[Path], exclude: Sequence[str] = ()) -> list[Path]:
    """List the settings files among ``paths`` and, for folders, below them.

    In a git repository, a folder means the files that git tracks or would add; elsewhere, everything except hidden
    folders and virtual environments. Submodules and links to files are left out, and files that ``exclude`` in
    ``zemanta_ops.toml`` names, unless they are among ``paths``.

    Args:
        paths: Files and folders.
        exclude: More patterns of files that are left out.

    Raises:
        SourceError: A path does not exist, is not a regular file, or is a file of an unknown format.
        ConfigError: ``zemanta_ops.toml`` cannot be read.
    """
    found: list[Path] = []
    excluded = Exclusion(exclude)
    for path in paths:
        if path.is_dir():
            # Git usually ignores such a folder: whoever names it means its files.
            files = _walk(path) if _is_env_folder(path) else _list_files(path)
            inside = (inner for inner in files if _is_settings(inner))
            found += sorted(inner for inner in inside if not excluded.has(inner))
        elif not path.exists():
            raise SourceError(f"{path} does not exist")
        else:
            found.append(_accept(path))
    return list(dict.fromkeys(found))


def describe_left_out(folder: Path, exclude: Sequence[str] = ()) -> list[str]:
    """Return a line for each other repository and each file with tokens that ``discover`` leaves out in a folder."""
    excluded = Exclusion(exclude)
    lines = []
    for path in sorted(_list_files(folder)) if folder.is_dir() else ():
        if path.is_symlink() or excluded.has(path):
            continue
        if path.is_dir():
            lines.append(f"{path}: another git repository, left out. To include it, name it")
        elif path.is_file() and not _is_settings(path) and (reason := _explain_left_out(path)):
            lines.append(f"{path}: {reason}")
    return lines


def _explain_left_out(path: Path) -> str:
    try:
        if not _holds_tokens(path):
            return ""
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if format_of(path.name):
        return f"larger than {MAX_BYTES >> 20} MiB and has tokens, left out. To include it, name it"
    return "not a settings file, and has tokens, left out: they are neither listed nor rotated"


def _holds_tokens(path: Path) -> bool:
    """Return whether a file has tokens; one of an unknown format that is not text has none."""
    kept = ""
    with path.open("rb") as stream:
        if not format_of(path.name) and b"\0" in stream.read(_BINARY_BYTES):
            return False
        stream.seek(0)
        while chunk := stream.read(MAX_BYTES):
            text = kept + chunk.decode("latin-1")
            if any(backends.find_tokens(text)):
                return True
            kept = text[-_LONGEST_TOKEN:]
    return False


def _accept(path: Path) -> Path:
    refuse_special(path)
    # A file that is known by its name is read only once, later. So is one that cannot be read, which is an error then.
    if format_of(path.name) is None and not _is_known_by_content(path):
        raise SourceError(f"{path} is not a .py, .toml, .yaml, .yml, .json or .env file")
    return path


def _list_files(folder: Path) -> list[Path]:
    try:
        return git.list_tracked(folder)
    except git.GitError:
        return list(_walk(folder))


def _walk(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if (not name.startswith(".") or _is_env_folder(Path(here, name)))
            and name not in _SKIPPED_FOLDERS
            and not Path(here, name, "pyvenv.cfg").exists()
        ]
        yield from (Path(here, name) for name in files)


def _is_env_folder(path: Path) -> bool:
    return not _ENV_FOLDERS.isdisjoint(path.absolute().parts)


def _is_settings(path: Path) -> bool:
    if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_BYTES:
        return False
    if format_of(path.name):
        return True
    # Elsewhere, a list of assignments is a settings file only if it has tokens.
    may_be = not path.suffix and (_is_env_folder(path) or _may_hold_tokens(path))
    return may_be and _is_known_by_content(path)


def _may_hold_tokens(path: Path) -> bool:
    try:
        return _holds_tokens(path)
    except OSError:
        return True


def _is_known_by_content(path: Path) -> bool:
    """Return whether the contents are those of a settings file, or cannot be read: reading the file reports that."""
    try:
        return kind_of(path.name, path.read_bytes()) is not None
    except OSError:
        return True
