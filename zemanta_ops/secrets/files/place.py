"""The place in a file where the token of one setting goes. Nothing here writes to disk."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.formats.base import Literal, Span, splice
from zemanta_ops.secrets.files.formats.python_targets import Target, find_import, find_import_place, find_targets
from zemanta_ops.secrets.files.scan import is_token
from zemanta_ops.secrets.files.source_file import SourceFile
from zemanta_ops.secrets.files.token_replacement import check_added, check_safe, replace_tokens

# What a new setting goes before.
_STARTS = {
    ".py": re.compile(r"^decrypt_settings\(", re.MULTILINE),
    ".toml": re.compile(r"^[ \t]*\[[^\],\r\n]+\]\]?[ \t]*(?:#.*)?\r?$", re.MULTILINE),
}
_LEAD = re.compile(r"(?:^[ \t]*(?:#.*)?\r?\n)+\Z", re.MULTILINE)
_IMPORT = "from zemanta_ops.secrets import Secret"
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


def find(file: SourceFile, setting: str, *, add: bool = False) -> Place:
    """Return the place of a setting.

    In Python, the whole expression that the setting is set to is replaced: an f-string, a concatenation, a number.

    Args:
        file: The file.
        setting: Its dotted name.
        add: Whether a setting that is not there is added: as a line at the end of a ``.env``, as a top-level name
            before the first table of a TOML file, or as a top-level assignment at the end of a Python file, or before
            its ``decrypt_settings(...)``.

    Raises:
        SourceError: There is no such place, there are several, or a plaintext of the setting would be left.
    """
    parts = [literal for literal in file.scalars if literal.setting == setting]
    targets = [each for each in _find_targets(file) if ".".join(each.path) == setting]
    lines = [each.line for each in targets] or [literal.line for literal in parts]
    if len(lines) > 1:
        shown = ", ".join(map(str, lines))
        raise SourceError(f"{file.path}: {setting} is set in lines {shown}: keep one of them and run the command again")
    if not lines:
        return _find_new(file, setting, add=add)
    tokens = [literal for literal in parts if is_token(file, literal)]
    if targets and not targets[0].is_secret:
        return _find_expression(file, targets[0])
    if targets and len(tokens) != 1:
        raise _refuse(file, targets[0], "is a Secret of something else than one token")
    [literal] = tokens if targets else parts
    _refuse_rest_of_line(file, literal)
    return Place(literal, lambda token: replace_tokens(file, {literal: token}))


def _find_targets(file: SourceFile) -> list[Target]:
    return find_targets(file.text) if file.kind == ".py" else []


def _find_expression(file: SourceFile, target: Target) -> Place:
    """Return the place of an expression that is not a Secret yet."""
    shared = [each for each in _find_targets(file) if each.span == target.span and each.path != target.path]
    # A pair may also be an item of a dict: that is the same setting.
    others = [each for each in shared if each.path[:-1] == target.path[:-1] and not each.path[-1].isdigit()]
    if target.obstacle or others:
        raise _refuse(file, target, target.obstacle or f"is set together with {'.'.join(others[0].path)}")
    _check_import(file, target.span[0])
    literals = [literal for literal in file.scalars if literal.span == target.span]
    return Place(literals[0] if literals else _stand_for(target), lambda token: _replace(file, target, token))


def _refuse(file: SourceFile, target: Target, why: str) -> SourceError:
    place = f"{file.path}:{target.line}"
    return SourceError(f"{place}: {'.'.join(target.path)} {why}: {_EXAMPLES[file.kind]} instead")


def _stand_for(target: Target) -> Literal:
    return Literal(target.path, "", target.span, (), target.line, string=False, scope=target.scope)


def _replace(file: SourceFile, target: Target, token: str) -> str:
    """Return the text with ``Secret("token")`` in place of an expression."""
    check_safe(file, token)
    edits = [(target.span, f'Secret("{token}")'), *_import_edits(file, target.span[0])]
    text = splice(file.text, edits)
    check_added(file, text, target.path, token, without=target.span)
    return text


def _refuse_rest_of_line(file: SourceFile, literal: Literal) -> None:
    """Refuse a value of a ``.env`` after which a # begins a comment for some programs, and not for others."""
    if file.kind != ".env" or not literal.value or is_token(file, literal):
        return
    start, end = literal.span
    rest = file.text[end:].split("\n", 1)[0].strip()
    if rest and file.text[start] not in "'\"":
        raise SourceError(
            f"{file.path}:{literal.line}: what follows # is a comment for some programs and part of the value for "
            "others: remove it and run the command again"
        )


def _find_new(file: SourceFile, setting: str, *, add: bool) -> Place:
    inside = [each for each in _find_targets(file) if ".".join(each.path[each.scope :]) == setting]
    if inside and not add:
        raise SourceError(
            f"{file.path}:{inside[0].line}: {setting} is set in a class or function. "
            f"Name it as {' or '.join(dict.fromkeys('.'.join(each.path) for each in inside))}"
        )
    line, before = _TEMPLATES.get(file.kind), len(file.text)
    if line is None or not _BARE_NAME.fullmatch(setting):
        raise SourceError(f"{file.path} has no {setting}: {_EXAMPLES[file.kind]} and run the command again")
    if file.kind in _STARTS:
        before = _find_start(file, _STARTS[file.kind])
    _check_import(file, before)
    if not add:
        raise SourceError(f"{file.path} has no {setting}: use --add to add it")
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
    end = _line_end(file)
    in_line = at > 0 and file.text[at - 1] != "\n"
    imports = _import_edits(file, at)
    above = "".join(new for (start, _), new in imports if start == at)
    lead = end if in_line and not above else ""
    others = [edit for edit in imports if edit[0][0] != at]
    text = splice(file.text, [*others, ((at, at), f"{above}{lead}{line}{end}")])
    check_added(file, text, (setting,), token)
    return text


def _line_end(file: SourceFile) -> str:
    return "\r\n" if "\r\n" in file.text else "\n"


def _import_edits(file: SourceFile, before: int) -> list[tuple[Span, str]]:
    """Return the edit that adds the import of ``Secret``, if only a star import may bring it."""
    if file.kind != ".py" or find_import(file.text, before)[0]:
        return []
    at = find_import_place(file.text, before)
    end = _line_end(file)
    in_line = at > 0 and file.text[at - 1] not in "\r\n"
    return [((at, at), f"{end if in_line else ''}{_IMPORT}{end}")]


def _check_import(file: SourceFile, before: int) -> None:
    """Refuse a Python file that cannot import ``Secret``, or in which that is another class."""
    if file.kind != ".py":
        return
    imported, stars, foreign = find_import(file.text, before)
    if foreign:
        raise SourceError(f"{file.path}: Secret is a class of {foreign} there: import that under another name first")
    if not imported and not stars:
        raise SourceError(f"{file.path}: add this line first, above the setting: {_IMPORT}, decrypt_settings")
