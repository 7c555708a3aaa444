"""Re-encrypt tokens: verified and journalled before any file changes. Prints nothing."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from zemanta_ops.secrets import ledger, wire
from zemanta_ops.secrets.backends.base import Backend
from zemanta_ops.secrets.decrypt_tokens import decrypt_tokens
from zemanta_ops.secrets.exceptions import EncryptError, SecretError
from zemanta_ops.secrets.files.replace import remove_leftovers, replace_file
from zemanta_ops.secrets.files.rewrite import replace_tokens
from zemanta_ops.secrets.files.scan import Found
from zemanta_ops.secrets.files.source_file import SourceFile, read
from zemanta_ops.secrets.rotation.journal import Journal
from zemanta_ops.secrets.wire import Token

# So many tokens are decrypted, encrypted, verified and journalled at a time.
CHUNK = 25

Item = TypeVar("Item")
Choice = Callable[[SourceFile], Sequence[Found]]


@dataclass(frozen=True)
class Job:
    """One token to make out of an old one; a plaintext counts as a ``plain`` token.

    Attributes:
        text: The old token as it stands in the file.
        context: What the new token is bound to.
    """

    found: Found
    token: Token
    text: str = field(repr=False)
    context: Mapping[str, str]


@dataclass(frozen=True)
class Target:
    """What new tokens are made with, and whether each is decrypted again before it is used."""

    backend: Backend
    options: Mapping[str, Any]
    verify: bool = True


@dataclass(frozen=True)
class Made:
    """What became of a job: a new token or the reason why there is none."""

    job: Job
    token: str | SecretError
    rewrapped: bool = False


def make(jobs: Sequence[Job], target: Target, journal: Journal | None) -> Iterator[Made]:
    """Yield each job with its new token or its error, in order; chunk by chunk into the journal."""
    for start in range(0, len(jobs), CHUNK):
        made = _chunk(jobs[start : start + CHUNK], target)
        if journal:
            journal.add((journal.key(m.job.text, m.job.context), m.token) for m in made if isinstance(m.token, str))
        yield from made


def changed(file: SourceFile, choose: Choice, new_token: Callable[[Found], str | None]) -> str:
    """Return the text of a file with new tokens for those that are chosen and have one."""
    pairs = ((found, new_token(found)) for found in choose(file))
    return replace_tokens(file, {found.literal: token for found, token in pairs if token})


def write(path: Path, change: Callable[[SourceFile], str]) -> None:
    """Change a file, as it is now; where nothing changes it is not touched.

    Raises:
        SourceError: It cannot be done; the file is as it was.
    """
    remove_leftovers(path)
    file = read(path)
    text = change(file)
    if text != file.text:
        replace_file(path, file.encoded(text), file.data)


def _chunk(jobs: Sequence[Job], target: Target) -> list[Made]:
    wrapped = _each(lambda job: _rewrap(job, target), jobs, target.backend)
    opened = [index for index, token in enumerate(wrapped) if token is None]
    plain = dict(zip(opened, decrypt_tokens([jobs[index].token for index in opened]), strict=True))
    known = {index: value for index, value in plain.items() if isinstance(value, bytes)}
    for value in known.values():
        # Whatever goes wrong from here on, no message and no log shows it.
        ledger.reveal(value)
    new = _each(lambda index: _encrypt(known[index], jobs[index].context, target), list(known), target.backend)
    results: dict[int, str | SecretError | None] = {**dict(enumerate(wrapped)), **_errors(plain)}
    results |= dict(zip(known, new, strict=True))
    if target.verify:
        results |= _wrong(known, results)
    return [
        Made(job, results[index] or EncryptError("no token was made"), index not in plain)
        for index, job in enumerate(jobs)
    ]


def _errors(plain: Mapping[int, bytes | SecretError]) -> dict[int, SecretError]:
    return {index: value for index, value in plain.items() if isinstance(value, SecretError)}


def _wrong(known: Mapping[int, bytes], results: Mapping[int, object]) -> dict[int, SecretError]:
    """Decrypt the new tokens again; return those that do not give the same plaintext."""
    new = {index: text for index in known if isinstance(text := results[index], str)}
    again = dict(zip(new, decrypt_tokens([wire.parse(text) for text in new.values()]), strict=True))
    wrong: dict[int, SecretError] = {}
    for index, value in again.items():
        if isinstance(value, SecretError):
            wrong[index] = EncryptError(
                f"the new token cannot be decrypted here ({value}); with --no-verify it is taken all the same"
            )
        elif not hmac.compare_digest(value, known[index]):
            wrong[index] = EncryptError("the new token gives another plaintext")
    return wrong


def _each(
    work: Callable[[Item], str | None], items: Sequence[Item], backend: Backend
) -> list[str | SecretError | None]:
    def attempt(item: Item) -> str | SecretError | None:
        try:
            return work(item)
        except SecretError as error:
            return error

    with ThreadPoolExecutor(backend.concurrency) as pool:
        return list(pool.map(attempt, items))


def _encrypt(plaintext: bytes, context: Mapping[str, str], target: Target) -> str:
    return wire.format(target.backend.encrypt(plaintext, context, **target.options))


def _rewrap(job: Job, target: Target) -> str | None:
    if job.token.backend != target.backend.name:
        return None
    token = target.backend.rewrap(job.token, job.context, **target.options)
    return wire.format(token) if token else None
