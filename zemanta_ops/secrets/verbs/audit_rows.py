"""What ``audit_secrets`` knows of each token, and what is wrong with it. Needs no key, but to verify."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files import describe, git
from zemanta_ops.secrets.files.scan import Found, tokens
from zemanta_ops.secrets.files.source_file import discover, read
from zemanta_ops.secrets.files.verify import verify

_DAY = 24 * 60 * 60


@dataclass(frozen=True)
class Rules:
    """What counts as a problem.

    Attributes:
        app: The application that tokens should be bound to; empty: any.
        max_age: Days after which a secret should have been rotated; None: any age.
        allowed: Backends that may stand although they protect nothing (``plain``).
        now: The time that ages are counted to.
    """

    app: str = ""
    max_age: int | None = None
    allowed: frozenset[str] = frozenset()
    now: datetime = field(default_factory=lambda: datetime.now(timezone.utc))


@dataclass(frozen=True)
class Row:
    """One token; never its body. ``verified`` is what ``verify`` says, empty where it was not asked."""

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
class Audit:
    """All tokens, the tokens as found (in the same order), and the files that could not be read."""

    rows: list[Row]
    found: list[Found]
    unreadable: list[str]
    notes: list[str]

    def verified(self) -> Audit:
        """Return the same with the verdict of each token; where it is not decrypted, that is a problem of its own.

        Raises:
            ModeError: ``ZEMANTA_OPS_SECRETS`` is set.
        """
        pairs = zip(self.rows, verify(self.found), strict=True)
        rows = [
            replace(row, verified=verdict, problems=(*row.problems, *([f"{verdict}: {reason}"] if reason else [])))
            for row, (verdict, reason) in pairs
        ]
        return replace(self, rows=rows)


def audit(paths: Iterable[Path], rules: Rules) -> Audit:
    """Look at every token below ``paths``.

    Raises:
        SourceError: One of the paths does not exist or is of no known format.
    """
    result = Audit([], [], [], [])
    for path in discover(paths):
        try:
            found = tokens(read(path))
        except SourceError as error:
            result.unreadable.append(str(error))
            continue
        changes = _changes(path, result.notes) if found else {}
        result.found.extend(found)
        result.rows.extend(_row(token, changes.get(token.literal.line), rules) for token in found)
    return result


def _changes(path: Path, notes: list[str]) -> dict[int, git.Commit]:
    try:
        return git.blame(path)
    except git.GitError as error:
        note = f"no age and author: {error}"
        if note not in notes:
            notes.append(note)
        return {}


def _row(found: Found, change: git.Commit | None, rules: Rules) -> Row:
    token = found.token
    date = change.date if change else None
    age = int((rules.now - date).total_seconds() // _DAY) if date else None
    return Row(
        file=str(found.path),
        line=found.literal.line,
        setting=found.setting,
        backend=token.backend if token else "",
        key=describe.key_id(token) if token else "",
        app=describe.app(token) if token else "",
        changed=date.isoformat() if date else "",
        age_days=age,
        author=change.author if change else "",
        commit=change.hash[:12] if change else "",
        problems=tuple(_problems(found, change, age, rules)),
    )


def _problems(found: Found, change: git.Commit | None, age: int | None, rules: Rules) -> Sequence[str]:
    token = found.token
    if token is None:
        return ["not a token"]
    problems = []
    if token.backend == "plain" and "plain" not in rules.allowed:
        problems.append("in plaintext")
    if describe.is_legacy(token) and token.backend not in rules.allowed:
        problems.append("not authenticated (SecretCrypt 1.x): rotate it")
    if rules.app and describe.app(token) not in ("", rules.app):
        problems.append("bound to another application")
    if describe.bound_name(token) not in ("", found.setting):
        problems.append(f"bound to another setting ({describe.bound_name(token)})")
    if rules.max_age is not None and age is not None and age > rules.max_age:
        # Where a shallow clone ends, the change may be older still; it is never younger.
        problems.append(f"older than {rules.max_age} days" + (" (at least)" if change and change.boundary else ""))
    return problems
