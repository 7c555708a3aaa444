"""File formats that carry settings: where each string stands, so that one can be changed and all else left alone."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from zemanta_ops.secrets.exceptions import MissingExtraError
from zemanta_ops.secrets.files.formats.base import FormatError, Literal

__all__ = ["FormatError", "Literal", "format_of", "scalars", "strings"]

_BY_SUFFIX = {
    ".py": "python_text",
    ".toml": "toml_text",
    ".yaml": "yaml_text",
    ".yml": "yaml_text",
    ".json": "json_text",
    ".env": "dotenv",
}


def format_of(filename: str) -> str | None:
    """Name the format of a file by its name; None where it carries no settings that can be read.

    ``.env``, ``.env.production`` and ``production.env`` are all ``.env`` files.
    """
    path = Path(filename)
    if path.name == ".env" or path.name.startswith(".env."):
        return ".env"
    suffix = path.suffix.lower()
    return suffix if suffix in _BY_SUFFIX else None


def scalars(text: str, kind: str) -> list[Literal]:
    """Return every string of ``text``, and of TOML, YAML and JSON every other scalar too.

    Args:
        kind: What :func:`format_of` returned.

    Raises:
        FormatError: The text is not of that format.
        MissingExtraError: The parser is not installed.
    """
    try:
        module = import_module(f"zemanta_ops.secrets.files.formats.{_BY_SUFFIX[kind]}")
    except ModuleNotFoundError:
        raise MissingExtraError(f"reading {kind} files", "source") from None
    reader: Callable[[str], list[Literal]] = module.scalars
    return reader(text)


def strings(text: str, kind: str) -> list[Literal]:
    """Return every string of ``text``; arguments and errors as :func:`scalars`."""
    return [literal for literal in scalars(text, kind) if literal.string]
