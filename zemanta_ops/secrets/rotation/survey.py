"""The files of a rotation: the tokens it replaces, and what it leaves as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zemanta_ops.secrets import backends
from zemanta_ops.secrets.exceptions import SecretError, SourceError
from zemanta_ops.secrets.files.env_readers import AmbiguousError, keeps_quotes
from zemanta_ops.secrets.files.env_references import find_compose_references
from zemanta_ops.secrets.files.formats.base import line_of, splice
from zemanta_ops.secrets.files.plaintext import describe_copies, find_copies, is_allowed, is_readable
from zemanta_ops.secrets.files.scan import (
    FoundToken,
    count_tokens,
    describe_wrong_folder,
    find_beside,
    find_tokens,
    must_be_valid,
    read_anyway,
)
from zemanta_ops.secrets.files.secret_names import is_secret
from zemanta_ops.secrets.files.source_file import SourceFile, describe_left_out, discover, read
from zemanta_ops.secrets.rotation.selection import Selection
from zemanta_ops.terminal import count

_COMMENTED = re.compile(r"^[ \t]*#[# \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_]\w*)=(?P<value>\S.*)$", re.MULTILINE)


@dataclass
class Survey:
    """What the files hold.

    Attributes:
        found: The tokens and plaintexts to replace.
        notes: One line for each file or token that is left as it is.
        refused: One line for each file that must be readable and is not.
    """

    found: list[FoundToken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def survey(paths: Iterable[Path], selection: Selection, exclude: Sequence[str] = ()) -> Survey:
    """Read the files among ``paths`` and below them.

    Raises:
        SourceError: A path does not exist, or a folder has nothing to replace and never had: it is probably a wrong
            one. Or a file that has tokens cannot be read; then nothing must be written.
    """
    result = Survey()
    seen: set[Path] = set()
    for path in paths:
        files = discover([path], exclude)
        result.notes += describe_left_out(path, exclude)
        held = [_read_file(file, selection, result, named=not path.is_dir()) for file in files if file not in seen]
        if path.is_dir() and not any(held) and seen.isdisjoint(files) and not result.refused:
            raise SourceError(describe_wrong_folder(path, len(files)))
        seen |= set(files)
    if result.refused:
        hint = "no file was changed. Mend these, or leave files out with --exclude or exclude in zemanta_ops.toml"
        raise SourceError("\n".join([*result.refused, hint]))
    return result


def _read_file(path: Path, selection: Selection, result: Survey, *, named: bool) -> bool:
    """Add a file to the survey; return whether it has tokens, or plaintexts to replace."""
    file = None
    try:
        file = read(path)
        chosen = selection.choose(file)
        every = find_tokens(file)
    except AmbiguousError as error:
        result.refused.append(str(error))
        return True
    except SecretError as error:
        if named:
            raise
        tokens = count_tokens(file.data if file else read_anyway(path) or b"")
        kept = f"; {count(tokens, 'token')} in it left as before" if tokens else ""
        ours = must_be_valid(file) if file else bool(tokens)
        (result.refused if ours else result.notes).append(str(error) if ours else f"{error}{kept}")
        return bool(tokens)
    result.found += chosen
    result.notes += _describe_others(file, every, selection)
    if selection.migrate and file.kind == ".env":
        result.notes += [*_describe_plaintexts(file, selection), *_describe_copies(file, chosen)]
    elif selection.migrate and (named or every):
        result.notes += _describe_readable(file)
    return bool(chosen or every)


def _describe_others(file: SourceFile, found: Sequence[FoundToken], selection: Selection) -> list[str]:
    """Describe what looks like a token and is not one that a setting has."""
    odd = [f"{each.place} {each.setting}: not a token, left as it is" for each in found if each.token is None]
    if not backends.may_hold_tokens(file.text):
        return odd
    beside = [each for each in find_beside(file, found) if selection.wants_backend(each)]
    return [*odd, *(f"{each.place}: a token outside settings, left as it is" for each in beside)]


def _describe_plaintexts(file: SourceFile, selection: Selection) -> list[str]:
    """Name every value of a ``.env`` file that stays readable, and what docker and containers would read."""
    left = [entry.literal.setting for entry, wanted in selection.list_plaintexts(file) if not wanted]
    notes = []
    if left:
        names = ", ".join(left)
        notes.append(f"{file.path}: left in plaintext: {names}. To encrypt one: --only NAME; all: --all")
    wanted = {entry.literal.setting for entry, wanted in selection.list_plaintexts(file) if wanted}
    notes += [
        f"{path}:{line}: a container gets the token of {name} from here. If it cannot decrypt, use --skip {name}"
        for path, line, name in find_compose_references(file.path.parent, wanted)
        if file.path.name == ".env"
    ]
    if not selection.reader and keeps_quotes(file):
        notes.append(
            f"{file.path}: docker --env-file would read the quotes around values as parts of them. "
            "If it reads this file, use --reader docker"
        )
    return notes


def _describe_copies(file: SourceFile, chosen: Sequence[FoundToken]) -> list[str]:
    """Name the lines outside values that keep a secret: what is encrypted elsewhere, or what is commented out."""
    blanked = splice(
        file.text, [(each.literal.span, "\n" * file.text.count("\n", *each.literal.span)) for each in chosen]
    )
    lines = find_copies(blanked, [each.token.ciphertext for each in chosen if each.token])
    notes = describe_copies(file.path, lines, "the plaintext of a secret")
    for match in _COMMENTED.finditer(blanked):
        line = line_of(blanked, match.start("name"))
        value = match["value"].strip().strip("\"'")
        if line not in lines and is_secret(match["name"], value) and not backends.is_token(value):
            notes.append(f"{file.path}:{line}: a comment has a plaintext of {match['name']}: remove it")
    return notes


def _describe_readable(file: SourceFile) -> list[str]:
    """Name the values of a file, other than a ``.env``, that are probably secrets and stay readable."""
    lines = file.text.splitlines()
    found = dict.fromkeys(
        f"{value.setting} (line {value.line})"
        for value in file.values
        if value.path and is_readable(value) and is_secret(value.setting, value.value)
        if not is_allowed(lines, value.line)
    )
    if not found:
        return []
    return [f"{file.path}: left in plaintext: {', '.join(found)}. To encrypt one: encrypt_secret --into FILE NAME"]
