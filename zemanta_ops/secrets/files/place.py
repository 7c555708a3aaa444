"""The place in a file where the token of one setting goes. Nothing here writes to disk."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.formats.base import Literal, splice
from zemanta_ops.secrets.files.rewrite import check_appended, check_safe, replace_tokens
from zemanta_ops.secrets.files.scan import is_token
from zemanta_ops.secrets.files.source_file import SourceFile

_DECRYPTS = re.compile(r"^decrypt_settings\(", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\[[^\],\r\n]+\]\]?[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_LEAD = re.compile(r"(?:^[ \t]*(?:#.*)?\r?\n)+\Z", re.MULTILINE)
_BARE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# The line of a new setting.
_TEMPLATES = {".py": '{} = Secret("{}")', ".toml": '{} = "{}"', ".env": '{}="{}"'}
_EXAMPLES = {
    ".py": 'put Secret("") there',
    ".toml": 'put "" there',
    ".yaml": 'put "" there',
    ".yml": 'put "" there',
    ".json": 'put "" there',
    ".env": "choose a name of letters, digits and _",
}


@dataclass(frozen=True)
class Place:
    """Where a token goes.

    Attributes:
        literal: The literal to replace; None if the setting is new.
        write: Returns the file's new text for a token.
    """

    literal: Literal | None
    write: Callable[[str], str]


def find(file: SourceFile, setting: str) -> Place:
    """Return the place of a setting, or of a new one if that is unambiguous.

    A new setting is a line at the end of a ``.env``, a top-level name before the first table of a TOML file, or a
    top-level assignment at the end of a Python file, or before its ``decrypt_settings(...)``.

    Raises:
        SourceError: There is no such place, there are several, or the value cannot be replaced.
    """
    parts = [literal for literal in file.scalars if literal.setting == setting]
    found = [literal for literal in parts if literal.direct]
    if parts and not found:
        place = f"{file.path}:{parts[0].line}"
        raise SourceError(f"{place}: {setting} is the result of a call: {_EXAMPLES[file.kind]} instead")
    if len(found) > 1:
        lines = ", ".join(str(literal.line) for literal in found)
        raise SourceError(f"{file.path}: {setting} is set in lines {lines}: keep one of them and run the command again")
    if not found:
        return _find_new(file, setting)
    [literal] = found
    if not is_token(file, literal):
        _check_import(file)
    return Place(literal, lambda token: replace_tokens(file, {literal: token}))


def _find_new(file: SourceFile, setting: str) -> Place:
    line, before = _TEMPLATES.get(file.kind), len(file.text)
    if line is None or not _BARE_NAME.fullmatch(setting):
        raise SourceError(f"{file.path} has no {setting}: {_EXAMPLES[file.kind]} and run the command again")
    if file.kind == ".py":
        _check_import(file)
        before = _find_start(file, _DECRYPTS)
    elif file.kind == ".toml":
        before = _find_start(file, _TABLE)
    return Place(None, lambda token: _insert(file, line.format(setting, token), before, setting, token))


def _find_start(file: SourceFile, pattern: re.Pattern[str]) -> int:
    """Return the start of the first match outside values, or of the comments above it; or else the end of the text."""
    inside = [literal.span for literal in file.scalars]
    for match in pattern.finditer(file.text):
        if not any(start <= match.start() < end for start, end in inside):
            lead = _LEAD.search(file.text, 0, match.start())
            # Comments at the top of a file belong to the file.
            return lead.start() if lead and lead.start() else match.start()
    return len(file.text)


def _insert(file: SourceFile, line: str, at: int, setting: str, token: str) -> str:
    check_safe(file, token)
    end = "\r\n" if "\r\n" in file.text else "\n"
    in_line = at > 0 and file.text[at - 1] != "\n"
    text = splice(file.text, [((at, at), f"{end if in_line else ''}{line}{end}")])
    check_appended(file, text, setting, token)
    return text


def _check_import(file: SourceFile) -> None:
    """Refuse a Python file that does not import ``Secret``."""
    if file.kind != ".py":
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nodes = list(ast.walk(ast.parse(file.text)))
    names = {name.asname or name.name for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
    if not names & {"Secret", "*"}:
        raise SourceError(f"{file.path}: add this line first: from zemanta_ops.secrets import Secret, decrypt_settings")
