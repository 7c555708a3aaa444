"""New tokens for old ones: rewrapped in the service, or decrypted and encrypted here; then verified and journaled."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from zemanta_ops.secrets import backends, config, ledger, wire
from zemanta_ops.secrets.backends.base import Backend
from zemanta_ops.secrets.decrypt_tokens import decrypt_tokens
from zemanta_ops.secrets.exceptions import EncryptError, SecretError
from zemanta_ops.secrets.files.scan import FoundToken
from zemanta_ops.secrets.rotation.journal import Journal
from zemanta_ops.secrets.rotation.order import Recipe
from zemanta_ops.secrets.wire import Token

# A chunk is large enough to use the backend's concurrency and to sync the journal rarely, and small enough that a crash
# loses few calls to the service.
CHUNK = 25

Item = TypeVar("Item")


@dataclass(frozen=True)
class Job:
    """One old token that needs a new one; a plaintext counts as a ``plain`` token.

    Attributes:
        found: Where the old token is.
        token: The old token, parsed.
        text: The old token as the file has it.
        context: What the new token is bound to.
        recipe: How the new token is made.
    """

    found: FoundToken
    token: Token
    text: str = field(repr=False)
    context: Mapping[str, str]
    recipe: Recipe

    @property
    def key(self) -> tuple[str, ...]:
        """Equal keys get the same new token."""
        return self.text, repr(sorted(self.context.items())), self.recipe.identity

    def journal_key(self, journal: Journal) -> str:
        """Return the key under which the journal has the new token."""
        return journal.key(self.text, self.context, self.recipe.identity)


@dataclass(frozen=True)
class Target:
    """How the new tokens of a chunk are made, and whether each is decrypted and compared before it is used."""

    backend: Backend
    options: Mapping[str, Any]
    verify: bool = True


@dataclass(frozen=True)
class NewToken:
    """The result of a job: a new token, or the reason why there is none."""

    job: Job
    token: str | SecretError
    rewrapped: bool = False


def make_tokens(jobs: Sequence[Job], journal: Journal | None, *, verify: bool) -> Iterator[NewToken]:
    """Yield the result of each job. A chunk is in the journal before the first of its results is yielded."""
    for chunk in _split(jobs):
        first = chunk[0]
        with config.use(config.load_own(first.found.path)):
            made = _make_chunk(chunk, Target(backends.load(first.recipe.backend), first.recipe.options, verify))
        if journal:
            journal.add((each.job.journal_key(journal), each.token) for each in made if isinstance(each.token, str))
        yield from made


def _split(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Yield chunks of jobs that have one recipe and one configuration."""
    groups: dict[object, list[Job]] = {}
    for job in jobs:
        place = config.load_own(job.found.path).path
        groups.setdefault((place, job.recipe.backend, repr(job.recipe.options)), []).append(job)
    for group in groups.values():
        yield from (group[start : start + CHUNK] for start in range(0, len(group), CHUNK))


def _make_chunk(jobs: Sequence[Job], target: Target) -> list[NewToken]:
    """Make the tokens of one chunk in three rounds: rewrap, decrypt and encrypt the rest, verify those.

    Jobs are known by their index. Each round handles only what the one before it left: a rewrapped token is never
    decrypted, and an error ends a job.
    """
    rewrapped = _run_all(lambda job: _rewrap(job, target), jobs, target.backend)
    results: dict[int, str | SecretError] = {i: result for i, result in enumerate(rewrapped) if result is not None}
    left = [index for index in range(len(jobs)) if index not in results]
    plaintexts: dict[int, bytes] = {}
    for index, value in zip(left, decrypt_tokens([jobs[index].token for index in left]), strict=True):
        if isinstance(value, bytes):
            plaintexts[index] = value
            # No message or log shows it, whatever fails from here on.
            ledger.reveal(value)
        else:
            results[index] = value
    results |= _encrypt_all(plaintexts, jobs, target)
    if target.verify:
        results |= _find_mismatches(plaintexts, results)
    return [NewToken(job, results[index], rewrapped=index not in left) for index, job in enumerate(jobs)]


def _rewrap(job: Job, target: Target) -> str | None:
    if job.token.backend != target.backend.name:
        return None
    token = target.backend.rewrap(job.token, job.context, **target.options)
    return wire.format(token) if token else None


def _encrypt_all(
    plaintexts: Mapping[int, bytes], jobs: Sequence[Job], target: Target
) -> Mapping[int, str | SecretError]:
    def encrypt(index: int) -> str:
        return wire.format(target.backend.encrypt(plaintexts[index], jobs[index].context, **target.options))

    return dict(zip(plaintexts, _run_all(encrypt, list(plaintexts), target.backend), strict=True))


def _find_mismatches(plaintexts: Mapping[int, bytes], results: Mapping[int, object]) -> dict[int, SecretError]:
    """Decrypt the new tokens; return an error for each that does not give its plaintext."""
    new = {index: text for index in plaintexts if isinstance(text := results[index], str)}
    decrypted = dict(zip(new, decrypt_tokens([wire.parse(text) for text in new.values()]), strict=True))
    errors: dict[int, SecretError] = {}
    for index, value in decrypted.items():
        if isinstance(value, SecretError):
            errors[index] = EncryptError(
                f"the new token cannot be decrypted here ({value}). Use --no-verify to accept it all the same"
            )
        elif not hmac.compare_digest(value, plaintexts[index]):
            errors[index] = EncryptError("the new token decrypts to a different plaintext")
    return errors


Outcome = TypeVar("Outcome", str, "str | None")


def _run_all(work: Callable[[Item], Outcome], items: Sequence[Item], backend: Backend) -> list[Outcome | SecretError]:
    def attempt(item: Item) -> Outcome | SecretError:
        try:
            return work(item)
        except SecretError as error:
            return error

    with ThreadPoolExecutor(backend.concurrency) as pool:
        return list(pool.map(attempt, items))
