"""``guard_secrets FILE…``: a pre-commit hook that stops a plaintext in place of a token. Needs no key."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets import backends
from zemanta_ops.secrets.exceptions import SecretError
from zemanta_ops.secrets.files import git
from zemanta_ops.secrets.files.assignments import find_replaced
from zemanta_ops.secrets.files.credentials import find_new_credentials
from zemanta_ops.secrets.files.exclusion import Exclusion
from zemanta_ops.secrets.files.exposure import (
    Encrypted,
    Exposure,
    Version,
    find_exposed,
    find_in_comments,
    find_moved,
    find_referred,
)
from zemanta_ops.secrets.files.formats import kind_of
from zemanta_ops.secrets.files.plaintext import ALLOW, is_allowed
from zemanta_ops.secrets.files.source_file import decode
from zemanta_ops.secrets.files.versions import list_contents

HELP = "stop a commit that replaces an encrypted secret with a plaintext (a pre-commit hook)"
EPILOG = f"""examples:
  guard_secrets                  every file staged for the next commit
  guard_secrets settings.py      report only these files

With pre-commit, name this repository and the hook id guard-secrets in .pre-commit-config.yaml.

Stopped are plaintexts in place of a token of the last commit or of any earlier version of the file, private keys of
secret_keygen, and credentials of well-known services in any file. Lines that the commit does not change are never
stopped. A comment "{ALLOW}" on the line, or on the line above, allows it.

exit codes: 0 no secret would be committed in plaintext; 1 one would be, or a file that has or had tokens cannot be
checked; 2 wrong arguments.
"""
_NO_FILE = Version(None)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path, help="staged files (default: all of them)")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001
    """Compare the staged files with the last commit."""
    try:
        with git.fetching():
            top = git.find_top(Path())
            chosen = {str(file.resolve().relative_to(top)) for file in options.files}
            staged = _read_staged(top)
            found = _check(staged, chosen)
            incomplete = any(each.old_name and _has_news(each) for each in staged) and git.is_shallow(top)
    except (git.GitError, SecretError, ValueError) as error:
        err.write(f"guard_secrets: {error}\n")
        return 1
    err.writelines(f"{line}\n" for line in dict.fromkeys(found.lines))
    if incomplete:
        err.write("this is a shallow clone: tokens of older versions are not known. Run: git fetch --unshallow\n")
    if found.allowable:
        err.write(f'A comment "{ALLOW}" on the line, or on the line above, allows it.\n')
    return int(bool(found.lines))


@dataclass
class _Findings:
    """Messages, and whether a comment can allow any of them."""

    lines: list[str] = field(default_factory=list)
    allowable: bool = False


class _Staged:
    """One file of the next commit: its contents now and in the last commit."""

    def __init__(self, top: Path, names: tuple[str, str], contents: tuple[bytes, bytes]) -> None:
        self.top = top
        self.old_name, self.name = names
        self.old_data, self.data = contents
        self.error = ""

    @cached_property
    def new(self) -> Version:
        """The new version; if it cannot be read, ``error`` says why."""
        try:
            return self._read(self.name, self.data)
        except SecretError as error:
            self.error = str(error)
            return _NO_FILE

    @cached_property
    def old(self) -> Version:
        """The version of the last commit; if it cannot be read, it has no settings."""
        try:
            return self._read(self.old_name, self.old_data)
        except SecretError as error:
            if self.had_tokens and not self.before:
                self.error = self.error or str(error)
            return _NO_FILE

    @cached_property
    def was_settings(self) -> bool:
        """Whether the version of the last commit is a settings file."""
        return bool(self.old_name) and kind_of(self.old_name, self.old_data) is not None

    @cached_property
    def is_settings(self) -> bool:
        """Whether the new version is a settings file."""
        return bool(self.name) and kind_of(self.name, self.data) is not None

    @cached_property
    def had_tokens(self) -> bool:
        """Whether the version of the last commit has the text of a token."""
        return self.was_settings and _token_texts(self.old_data) != frozenset()

    @cached_property
    def before(self) -> list[Encrypted]:
        """The settings that had a token in any version of the file."""
        found: list[Encrypted] = []
        seen: Counter[str] = Counter()
        if not self.was_settings:
            return found
        for name, data in list_contents(self.top, self.old_name):
            lines = _count_token_lines(data)
            if lines <= seen:
                continue
            try:
                found += self._read(name, data).encrypted
            except SecretError:
                continue
            seen |= lines
        return found

    @cached_property
    def must_be_checked(self) -> bool:
        """Whether the file has or had tokens that its new version should still have, or may have those of another."""
        if not self.is_settings:
            return self.had_tokens and not _token_texts(self.old_data) <= _token_texts(self.data)
        return self.had_tokens or bool(self.before)

    @staticmethod
    def _read(name: str, data: bytes) -> Version:
        return Version(decode(Path(name), data)) if name else _NO_FILE


def _token_texts(data: bytes) -> frozenset[str]:
    return frozenset(match[0] for match in backends.find_tokens(data.decode("latin-1")))


def _count_token_lines(data: bytes) -> Counter[str]:
    """Return the lines that have a token, without the tokens: they are the same after a rotation."""
    lines = [line for line in data.decode("latin-1").splitlines() if backends.may_hold_tokens(line)]
    blanked = ((line, "".join(backends.blank_tokens(line).split())) for line in lines)
    return Counter(short for line, short in blanked if short != "".join(line.split()))


def _read_staged(top: Path) -> list[_Staged]:
    names = git.list_staged(top)
    old = git.read_objects(top, [f"HEAD:{old}" if old else "HEAD:" for old, _ in names])
    new = git.read_objects(top, [f":{new}" if new else "HEAD:" for _, new in names])
    excluded = Exclusion()
    return [
        _Staged(top, each, (before or b"", after or b""))
        for each, before, after in zip(names, old, new, strict=True)
        if not excluded.has(top / (each[1] or each[0]))
    ]


def _check(staged: Sequence[_Staged], chosen: set[str]) -> _Findings:
    found = _Findings()
    for exposure in _find_exposures(staged):
        if not chosen or str(exposure.file.path) in chosen:
            found.lines.append(_describe(exposure))
            found.allowable = True
    for each in staged:
        if chosen and each.name not in chosen:
            continue
        if each.error and each.must_be_checked:
            found.lines.append(f"{each.error}. The file cannot be checked for plaintexts")
        for line in (*_find_replaced(each), *_find_credentials(each)):
            found.lines.append(line)
            found.allowable = True
    return found


def _find_exposures(staged: Sequence[_Staged]) -> Iterator[Exposure]:
    # A token that another file has now was moved.
    gained = {text: each for each in staged for text in _token_texts(each.data) - _token_texts(each.old_data)}
    for each in staged:
        # Files without tokens, which may be many and large, need not be parsed for it.
        if each.is_settings and (_token_texts(each.data) or _token_texts(each.old_data)):
            yield from find_in_comments(each.new, each.old)
        if not each.was_settings:
            continue
        lost = [gone for gone in each.new.find_lost(each.old) if gained.get(gone.text, each) is each]
        if each.new.readable:
            yield from find_exposed(each.new, each.old, lost, each.before if _has_news(each) else [])
        others = (other for other in staged if lost and other is not each and other.is_settings)
        for other in others:
            yield from find_moved(other.new, other.old, lost)
            yield from find_referred(each.new, other.new, other.old, lost)
            other.must_be_checked |= any(gone.key[-1].encode() in other.data for gone in lost)


def _has_news(each: _Staged) -> bool:
    return any(value.value not in each.old.texts_in_clear for value in each.new.readable)


def _describe(exposure: Exposure) -> str:
    place = f"{exposure.file.path}:{exposure.value.line}"
    if exposure.is_comment:
        return (
            f"{place}: {exposure.setting} is encrypted ({exposure.backend}), and a comment would have it in plaintext. "
            "Delete the comment"
        )
    return (
        f"{place}: {exposure.setting} was encrypted ({exposure.backend}) and would now be committed in plaintext. "
        f"Run: encrypt_secret --into {exposure.file.path} {exposure.setting}"
    )


def _find_replaced(each: _Staged) -> Iterator[str]:
    if each.old_name and each.name:
        for found in find_replaced((each.old_name, each.old_data), (each.name, each.data)):
            yield (
                f"{each.name}:{found.line}: {found.name} was encrypted ({found.backend}) and would now be committed in "
                "plaintext"
            )


def _find_credentials(each: _Staged) -> Iterator[str]:
    lines: list[str] | None = None
    for number, kind in find_new_credentials(each.data, each.old_data):
        lines = lines if lines is not None else each.data.decode("latin-1").splitlines()
        if not is_allowed(lines, number):
            yield f"{each.name}:{number}: {kind} would be committed. Encrypt it, or keep it out of the repository"
