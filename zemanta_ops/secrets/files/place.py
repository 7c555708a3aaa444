"""The place of one setting in a file, for a token that is to be written there. Text to text: nothing here writes."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.formats import Literal
from zemanta_ops.secrets.files.formats.base import splice
from zemanta_ops.secrets.files.rewrite import check_appended, check_safe, replace_tokens
from zemanta_ops.secrets.files.scan import is_token, scalars
from zemanta_ops.secrets.files.source_file import SourceFile

_DECRYPTS = re.compile(r"^decrypt_settings\(", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\[[^\],\r\n]+\]\]?[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_LEAD = re.compile(r"(?:^[ \t]*(?:#.*)?\r?\n)+\Z", re.MULTILINE)
_BARE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_EXAMPLES = {
    ".py": 'put Secret("") there',
    ".toml": 'put "" there',
    ".yaml": 'put "" there',
    ".yml": 'put "" there',
    ".json": 'put "" there',
    ".env": "an environment variable's name has letters, digits and _ only",
}


@dataclass(frozen=True)
class Place:
    """Where a token goes.

    Attributes:
        literal: What stands there now; None where the setting is added.
        write: Makes the file's new text of a token.
    """

    literal: Literal | None
    write: Callable[[str], str]


def find(file: SourceFile, setting: str) -> Place:
    """Return the place of a setting, or of a new one where that is unambiguous.

    Unambiguous are a new line at the end of a ``.env``, a top-level name before the first table of a TOML file, and a
    top-level assignment at the end of a Python file, or before its ``decrypt_settings(...)``.

    Raises:
        SourceError: There is none, or more than one, or what stands there cannot be replaced: with what to do.
    """
    parts = [literal for literal in scalars(file) if literal.setting == setting]
    found = [literal for literal in parts if literal.direct]
    if parts and not found:
        where = f"{file.path}:{parts[0].line}"
        raise SourceError(f"{where}: {setting} is what a call returns: {_EXAMPLES[file.kind]} instead")
    if len(found) > 1:
        lines = ", ".join(str(literal.line) for literal in found)
        raise SourceError(f"{file.path}: {setting} is set in lines {lines}: leave one of them and run again")
    if not found:
        return _new(file, setting)
    [literal] = found
    if not is_token(file, literal):
        _check_import(file)
    return Place(literal, lambda token: replace_tokens(file, {literal: token}))


def _new(file: SourceFile, setting: str) -> Place:
    line, before = _line(file.kind), len(file.text)
    if line is None or not _BARE_NAME.fullmatch(setting):
        raise SourceError(f"{file.path} has no {setting}: {_EXAMPLES[file.kind]} and run again")
    if file.kind == ".py":
        _check_import(file)
        before = _before(file, _DECRYPTS)
    elif file.kind == ".toml":
        before = _before(file, _TABLE)
    return Place(None, lambda token: _inserted(file, line.format(setting, token), before, setting, token))


def _line(kind: str) -> str | None:
    return {".py": '{} = Secret("{}")', ".toml": '{} = "{}"', ".env": '{}="{}"'}.get(kind)


def _before(file: SourceFile, pattern: re.Pattern[str]) -> int:
    """Return where the first match outside of values and the comments above it begin, or the end of the text."""
    inside = [literal.span for literal in scalars(file)]
    for match in pattern.finditer(file.text):
        if not any(start <= match.start() < end for start, end in inside):
            lead = _LEAD.search(file.text, 0, match.start())
            # The comments at the top of a file are its own.
            return lead.start() if lead and lead.start() else match.start()
    return len(file.text)


def _inserted(file: SourceFile, line: str, at: int, setting: str, token: str) -> str:
    check_safe(file, token)
    end = "\r\n" if "\r\n" in file.text else "\n"
    begun = at > 0 and file.text[at - 1] != "\n"
    text = splice(file.text, [((at, at), f"{end if begun else ''}{line}{end}")])
    check_appended(file, text, setting, token)
    return text


def _check_import(file: SourceFile) -> None:
    """Refuse a Python file in which ``Secret`` is no name."""
    if file.kind != ".py":
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nodes = list(ast.walk(ast.parse(file.text)))
    names = {name.asname or name.name for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
    if not names & {"Secret", "*"}:
        raise SourceError(f"{file.path}: add this line first: from zemanta_ops.secrets import Secret, decrypt_settings")
