"""The report of ``audit_secrets``: facts about each token, and its problems. Only verification needs a key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from zemanta_ops.secrets.exceptions import SecretError, SourceError
from zemanta_ops.secrets.files import git
from zemanta_ops.secrets.files.scan import (
    FoundToken,
    count_tokens,
    describe_wrong_folder,
    find_beside,
    find_tokens,
    must_be_valid,
    read_anyway,
)
from zemanta_ops.secrets.files.source_file import SourceFile, describe_left_out, discover, read
from zemanta_ops.secrets.files.verify import verify

_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Rules:
    """What counts as a problem.

    Attributes:
        app: The application that tokens should be bound to; empty for any.
        max_age: Days after which a secret should have been rotated; None for any age.
        allowed: Backends whose plain or 1.x tokens are accepted.
        now: The time at which ages are computed.
    """

    app: str = ""
    max_age: int | None = None
    allowed: frozenset[str] = frozenset()
    now: datetime = field(default_factory=lambda: datetime.now(timezone.utc))


@dataclass(frozen=True)
class AuditRow:
    """One token, without its body. ``verified`` is the verdict of ``verify``, or "" without ``--verify``."""

    file: str
    line: int
    setting: str
    backend: str
    key: str
    app: str
    changed: str
    age_days: int | None
    author: str
    commit: str
    problems: tuple[str, ...]
    verified: str = ""


@dataclass(frozen=True)
class AuditReport:
    """All tokens.

    Attributes:
        rows: One row for each token.
        found: The tokens themselves, in the same order.
        unreadable: Messages about files that could not be read.
        notes: Other messages.
    """

    rows: list[AuditRow]
    found: list[FoundToken]
    unreadable: list[str]
    notes: list[str]

    def verify(self) -> AuditReport:
        """Decrypt every token; return the report with the verdicts. A token that is not decrypted has a problem.

        Raises:
            ModeError: ``ZEMANTA_OPS_SECRETS`` is set.
        """
        # What is not the value of a setting is never decrypted by the program either.
        tokens = [each if each.literal.placed else replace(each, token=None) for each in self.found]
        pairs = zip(self.rows, verify(tokens), strict=True)
        rows = [
            replace(row, verified=verdict, problems=(*row.problems, *([f"{verdict}: {reason}"] if reason else [])))
            for row, (verdict, reason) in pairs
        ]
        return replace(self, rows=rows)


def audit(paths: Iterable[Path], rules: Rules, exclude: Sequence[str] = ()) -> AuditReport:
    """Report every token in files and below folders.

    Args:
        paths: Files and folders. A folder without any token is reported as unreadable: it is probably a wrong one.
        rules: What counts as a problem.
        exclude: Patterns of files to leave out.

    Raises:
        SourceError: A path does not exist, or is a file of an unknown format.
        ConfigError: ``zemanta_ops.toml`` cannot be read.
    """
    result = AuditReport([], [], [], [])
    seen: set[Path] = set()
    for path in paths:
        files = discover([path], exclude)
        result.notes.extend(describe_left_out(path, exclude))
        tokens = sum([_audit_file(file, rules, result) for file in files if file not in seen])
        if path.is_dir() and not tokens and seen.isdisjoint(files) and not result.unreadable:
            result.unreadable.append(describe_wrong_folder(path, len(files)))
        seen |= set(files)
    return result


def _audit_file(path: Path, rules: Rules, result: AuditReport) -> int:
    """Add a file to the report; return how many tokens it has."""
    try:
        file = read(path)
    except SourceError as error:
        (result.unreadable if _may_hide_tokens(path) else result.notes).append(str(error))
        return 0
    found = _find(file, result)
    result.notes.extend(_describe_foreign(file) if found.valid else ())
    changes = _blame(path, result.notes) if found.tokens else {}
    result.found.extend(found.tokens)
    result.rows.extend(_make_row(token, changes.get(token.literal.line), rules) for token in found.tokens)
    return len(found.tokens)


@dataclass(frozen=True)
class _Tokens:
    tokens: list[FoundToken]
    valid: bool


def _find(file: SourceFile, result: AuditReport) -> _Tokens:
    try:
        values = find_tokens(file)
        return _Tokens(sorted([*values, *find_beside(file, values)], key=lambda each: each.literal.span), valid=True)
    except SecretError as error:
        (result.unreadable if must_be_valid(file) else result.notes).append(str(error))
        return _Tokens(find_beside(file), valid=False)


def _describe_foreign(file: SourceFile) -> list[str]:
    if file.kind != ".py" or "Secret" not in file.text:
        return []
    return [
        f"{file.path}:{literal.line}: Secret is a class of {literal.foreign}, not of zemanta_ops, and is left out"
        for literal in file.scalars
        if literal.foreign
    ]


def _may_hide_tokens(path: Path) -> bool:
    """Whether a file that is not text in its encoding may have tokens: most such files are of other programs."""
    data = read_anyway(path)
    return data is None or count_tokens(data) > 0


def _blame(path: Path, notes: list[str]) -> dict[int, git.Commit]:
    try:
        return git.blame(path)
    except git.GitError as error:
        note = f"age and author are not known: {error}"
        if note not in notes:
            notes.append(note)
        return {}


def _make_row(found: FoundToken, change: git.Commit | None, rules: Rules) -> AuditRow:
    token = found.token
    date = change.date if change else None
    age = int((rules.now - date).total_seconds() // _DAY) if date else None
    return AuditRow(
        file=str(found.path),
        line=found.literal.line,
        setting=found.setting,
        backend=token.backend if token else "",
        key=token.key_id if token else "",
        app=token.app if token else "",
        changed=date.isoformat() if date else "",
        age_days=age,
        author=change.author if change else "",
        commit=change.hash[:12] if change else "",
        problems=tuple(_find_problems(found, change, age, rules)),
    )


def _find_problems(found: FoundToken, change: git.Commit | None, age: int | None, rules: Rules) -> Sequence[str]:
    token = found.token
    if token is None:
        return ["not a token"]
    if not found.literal.placed:
        return []
    problems = []
    if token.backend == "plain" and "plain" not in rules.allowed:
        problems.append("in plaintext")
    if not token.is_authenticated and token.backend not in rules.allowed:
        problems.append("not authenticated (SecretCrypt 1.x): rotate it")
    if rules.app and token.app not in ("", rules.app):
        problems.append("bound to another application")
    if token.name and token.name not in found.owners:
        problems.append(f"bound to another setting ({token.name})")
    if rules.max_age is not None and age is not None and age > rules.max_age:
        # At the end of a shallow clone the change may be older, but never newer.
        problems.append(f"older than {rules.max_age} days" + (" (at least)" if change and change.boundary else ""))
    return problems
