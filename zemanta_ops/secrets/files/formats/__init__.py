"""File formats of settings: where each string is, so that one can be replaced and everything else kept."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from zemanta_ops.secrets.exceptions import MissingExtraError
from zemanta_ops.secrets.files.formats.base import Literal

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


def scalars(text: str, kind: str) -> list[Literal]:
    """Return every string of ``text``, and every other scalar of TOML, YAML and JSON.

    Args:
        text: Text of a file.
        kind: Its format, from :func:`format_of`.

    Raises:
        FormatError: The text is not valid.
        MissingExtraError: The parser is not installed.
    """
    try:
        module = import_module(f"zemanta_ops.secrets.files.formats.{_BY_SUFFIX[kind]}")
    except ModuleNotFoundError:
        raise MissingExtraError(f"reading {kind} files", "source") from None
    reader: Callable[[str], list[Literal]] = module.scalars
    return reader(text)


def strings(text: str, kind: str) -> list[Literal]:
    """Return every string of ``text``; arguments and errors as for :func:`scalars`."""
    return [literal for literal in scalars(text, kind) if literal.string]
