"""Two versions of a settings file compared: plaintexts where the older one has tokens. Needs no key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from zemanta_ops.secrets.files.comments import find_commented
from zemanta_ops.secrets.files.formats import Literal
from zemanta_ops.secrets.files.formats.base import SettingPath
from zemanta_ops.secrets.files.plaintext import is_allowed, is_readable, is_token
from zemanta_ops.secrets.files.references import find_values
from zemanta_ops.secrets.files.source_file import SourceFile

_ANY = "?"
_INDEX = "#"


@dataclass(frozen=True)
class Exposure:
    """A plaintext where a token was, or in a comment beside one.

    Attributes:
        file: The file that has it.
        value: Where it is.
        setting: The setting of the token.
        backend: Name of the token's backend.
        is_comment: Whether it is in a comment.
    """

    file: SourceFile
    value: Literal
    setting: str
    backend: str
    is_comment: bool = False


@dataclass(frozen=True)
class Encrypted:
    """A setting with a token, in some version of a file.

    Attributes:
        key: Its name without classes and functions, and without the positions in lists, which change.
        path: Its full name.
        backend: Name of the token's backend.
        text: The token.
    """

    key: SettingPath
    path: SettingPath
    backend: str
    text: str = field(repr=False)

    @property
    def setting(self) -> str:
        """The dotted name."""
        return ".".join(self.path)


_Fits = Callable[[Literal, Encrypted], bool]


class Version:
    """The settings of one version of a file; without a file there are none."""

    def __init__(self, file: SourceFile | None) -> None:
        """Read the settings.

        Raises:
            SourceError: The file is not valid.
        """
        self.file = file
        self.values = find_values(file) if file else []
        self.encrypted = [
            Encrypted(_key(value), value.path, value.value.strip().partition(":")[0], value.value.strip())
            for value in self.values
            if value.path and is_token(value)
        ]
        self.counts = Counter(each.key for each in {(each.path, each.key): each for each in self.encrypted}.values())
        self.texts = frozenset(each.text for each in self.encrypted)

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the file."""
        return self.file.text.splitlines() if self.file else []

    @cached_property
    def readable(self) -> list[Literal]:
        """The values that can be read."""
        return [value for value in self.values if value.path and is_readable(value)]

    @cached_property
    def known(self) -> frozenset[tuple[SettingPath, str]]:
        """The readable values, with their settings."""
        return frozenset((_key(value), value.value) for value in self.readable)

    @cached_property
    def texts_in_clear(self) -> frozenset[str]:
        """The readable values."""
        return frozenset(value.value for value in self.readable)

    def find_lost(self, old: Version) -> list[Encrypted]:
        """Return the settings that have a token in the old version and fewer or none in this one."""
        return [each for each in old.encrypted if self.counts[each.key] < old.counts[each.key]]


def find_exposed(
    new: Version, old: Version, lost: Iterable[Encrypted], before: Iterable[Encrypted] = ()
) -> Iterator[Exposure]:
    """Yield the plaintexts of ``new`` that are not in ``old``, and that replace a token or take precedence over it.

    Args:
        new: The version to check.
        old: The version before it.
        lost: Settings that have a token in ``old`` only.
        before: Settings that had a token in earlier versions of the file.
    """
    for each in lost:
        yield from _find(new, old, each, _covers)
    held = {each.key for each in old.encrypted}
    for each in {each.path: each for each in before}.values():
        if not new.counts[each.key] and each.key not in held:
            yield from _find(new, old, each, _is_at)
    yield from _find_beside(new, old)


def find_moved(new: Version, old: Version, lost: Iterable[Encrypted]) -> Iterator[Exposure]:
    """Yield the new plaintexts of settings whose tokens another file has lost."""
    for each in lost:
        if not new.counts[each.key]:
            yield from _find(new, old, each, _is_at)


def find_referred(user: Version, new: Version, old: Version, lost: Iterable[Encrypted]) -> Iterator[Exposure]:
    """Yield the new plaintexts of variables that another file, ``user``, now uses in place of tokens it has lost."""
    for each in lost:
        names = {value.refers[-1:] for value in user.values if value.refers and _is_at(value, each)}
        for value in new.readable if names else ():
            if _key(value) in names and _is_new(value, old):
                yield from _expose(new, value, each)


def find_in_comments(new: Version, old: Version) -> Iterator[Exposure]:
    """Yield the plaintexts of encrypted settings in comments that ``old`` does not have."""
    if new.file is None:
        return
    encrypted = {each.key[-1]: each for each in (*old.encrypted, *new.encrypted) if each.key[-1].strip(_ANY + _INDEX)}
    known = frozenset(old.lines)
    lines = [(number, line) for number, line in enumerate(new.lines, 1) if "#" in line and line not in known]
    for value in find_commented(lines, new.file.kind, encrypted) if lines and encrypted else ():
        if is_readable(value) and not is_allowed(new.lines, value.line):
            each = encrypted[value.path[-1]]
            yield Exposure(new.file, value, each.setting, each.backend, is_comment=True)


def _find(new: Version, old: Version, each: Encrypted, fits: _Fits) -> Iterator[Exposure]:
    for value in new.readable:
        if fits(value, each) and _is_new(value, old):
            yield from _expose(new, value, each)


def _is_new(value: Literal, old: Version) -> bool:
    # An argument of a call is often a constant that many settings share.
    return (_key(value), value.value) not in old.known and (value.direct or value.value not in old.texts_in_clear)


def _find_beside(new: Version, old: Version) -> Iterator[Exposure]:
    """Yield the new plaintexts that are set as well as a token, and not in another branch."""
    tokens: dict[SettingPath, list[Encrypted]] = {}
    for each in new.encrypted:
        tokens.setdefault(each.path, []).append(each)
    firm = {value.path for value in new.values if is_token(value) and not value.conditional}
    statements = {(value.path, value.statement) for value in new.values if is_token(value)}
    for value in new.readable:
        if value.path not in firm or value.conditional or not _is_new(value, old):
            continue
        if value.direct or (value.path, value.statement) not in statements:
            yield from _expose(new, value, tokens[value.path][0])


def _expose(new: Version, value: Literal, each: Encrypted) -> Iterator[Exposure]:
    assert new.file is not None  # noqa: S101 (a version without a file has no values)
    if not is_allowed(new.lines, value.line):
        yield Exposure(new.file, value, each.setting, each.backend)


def _is_at(value: Literal, each: Encrypted) -> bool:
    """Whether a value is that of a setting, or part of it, in any class or object."""
    path, key = _normalize(value.path), each.key
    starts = {0, value.scope, max(0, len(path) - len(key))}
    return any(_matches(path[start : start + len(key)], key) for start in starts)


def _covers(value: Literal, each: Encrypted) -> bool:
    """Whether a value is at a setting, or is one that the setting may be a part of."""
    path = _key(value)
    return _is_at(value, each) or (0 < len(path) < len(each.key) and _matches(path, each.key[: len(path)]))


def _matches(path: SettingPath, key: SettingPath) -> bool:
    return len(path) == len(key) and all(
        part == wanted or _ANY in (part, wanted) for part, wanted in zip(path, key, strict=True)
    )


def _key(value: Literal) -> SettingPath:
    # What a function or a class itself holds has no other name.
    return _normalize(value.path[value.scope :] or value.path)


def _normalize(path: SettingPath) -> SettingPath:
    return tuple(_INDEX if part.isdigit() else part for part in path)
