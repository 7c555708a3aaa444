"""File formats of settings: where each string is, so that one can be replaced and everything else kept."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

from zemanta_ops.secrets.exceptions import MissingExtraError
from zemanta_ops.secrets.files.formats.base import FIELD as FIELD
from zemanta_ops.secrets.files.formats.base import FormatError as FormatError
from zemanta_ops.secrets.files.formats.base import Literal as Literal

# Larger files are data, not settings.
MAX_BYTES = 4 * 1024 * 1024

_BY_SUFFIX = {
    ".py": "python_text",
    ".toml": "toml_text",
    ".yaml": "yaml_text",
    ".yml": "yaml_text",
    ".json": "json_text",
    ".env": "dotenv",
}


def format_of(filename: str) -> str | None:
    """Return the format of a file by its name, or None if it is not a known format.

    ``.env``, ``.env.production`` and ``production.env`` are all ``.env`` files.
    """
    path = Path(filename)
    if path.name == ".env" or path.name.startswith(".env."):
        return ".env"
    suffix = path.suffix.lower()
    return suffix if suffix in _BY_SUFFIX else None


def kind_of(filename: str, data: bytes) -> str | None:
    """Return the format of a file by its name, or ``.env`` by its contents, or None if it is not a settings file.

    A file whose name has no ending, such as ``.envs/.production/.django``, is a ``.env`` file if it has nothing but
    assignments.
    """
    return format_of(filename) or (".env" if not Path(filename).suffix and _is_env_text(data) else None)


def _is_env_text(data: bytes) -> bool:
    # A shell script may consist of assignments, too.
    if len(data) > MAX_BYTES or data.startswith(b"#!"):
        return False
    try:
        return bool(scalars(data.removeprefix(codecs.BOM_UTF8).decode(), ".env"))
    except (FormatError, UnicodeDecodeError):
        return False


def scalars(text: str, kind: str) -> list[Literal]:
    """Return every string and every other scalar of ``text``, each once, in the order of the text.

    Args:
        text: Text of a file.
        kind: Its format, from :func:`format_of`.

    Raises:
        FormatError: The text is not valid.
        MissingExtraError: The parser is not installed.
    """
    reader: Callable[[str], list[Literal]] = _load(kind).scalars
    return reader(text)


def values(text: str, kind: str) -> list[Literal]:
    """Return what the value of each setting consists of.

    A scalar counts once for each setting that has it, by a YAML alias or by a chained assignment, for example. In
    Python, names of variables and the texts of f-strings count too. Arguments and errors as for :func:`scalars`.
    """
    module = _load(kind)
    reader: Callable[[str], list[Literal]] = getattr(module, "values", module.scalars)
    return reader(text)


def _load(kind: str) -> ModuleType:
    try:
        return import_module(f"zemanta_ops.secrets.files.formats.{_BY_SUFFIX[kind]}")
    except ModuleNotFoundError:
        raise MissingExtraError(f"reading {kind} files", "source") from None


def strings(text: str, kind: str) -> list[Literal]:
    """Return every string of ``text``; arguments and errors as for :func:`scalars`."""
    return [literal for literal in scalars(text, kind) if literal.string]
