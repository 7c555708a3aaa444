"""One rotation or migration: read all files, make all new tokens, write all files.

:func:`rotate` and :func:`preview` are the only ways in. Each calls the phases one after the other and returns a report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from zemanta_ops.secrets import backends
from zemanta_ops.secrets.exceptions import SecretError, SourceError
from zemanta_ops.secrets.files.replace import remove_leftovers, replace_file
from zemanta_ops.secrets.files.rewrite import diff, replace_tokens
from zemanta_ops.secrets.files.scan import FoundToken, is_token
from zemanta_ops.secrets.files.source_file import SourceFile, discover, read
from zemanta_ops.secrets.rotation.journal import Journal
from zemanta_ops.secrets.rotation.reencrypt import Job, NewToken, Target, make_tokens
from zemanta_ops.secrets.rotation.selection import Selection, read_selection
from zemanta_ops.secrets.wire import parse

# The old token and the context of the new one: equal keys get the same new token.
Key = tuple[str, tuple[tuple[str, str], ...]]
# Changes a file's text further, once its tokens are replaced.
Finish = Callable[[SourceFile, str], str]


@dataclass(frozen=True)
class Order:
    """What a rotation is asked to do; the journal keeps it.

    Attributes:
        paths: Files and folders.
        backend: Name of the backend of the new tokens.
        options: Options of that backend.
        selection: Which tokens are replaced.
        bind: The application that new tokens are bound to, with their setting's name. Empty: the context stays.
        verify: Whether each new token is decrypted and compared.
    """

    paths: tuple[str, ...]
    backend: str
    options: Mapping[str, Any]
    selection: Selection
    bind: str = ""
    verify: bool = True

    @property
    def verb(self) -> str:
        """What is done, for messages."""
        return "migrate" if self.selection.migrate else "re-encrypt"

    @property
    def past_verb(self) -> str:
        """What was done, for messages."""
        return f"{self.verb.removesuffix('e')}ed"

    def as_dict(self) -> dict[str, Any]:
        """Return the dict that :func:`read_order` reads."""
        return {**asdict(self), "selection": self.selection.as_dict()}


def read_order(data: Mapping[str, Any]) -> Order:
    """Read an order from a journal."""
    return Order(**{**data, "paths": tuple(data["paths"]), "selection": read_selection(data["selection"])})


@dataclass(frozen=True)
class RotationReport:
    """What a rotation did, or would do.

    Attributes:
        rows: Place, old and new backend and key id of each token; no bodies.
        summary: All of it in one line.
        diffs: In a preview, the change of each file.
    """

    rows: list[dict[str, Any]]
    summary: str
    diffs: list[str] = field(default_factory=list)


def no_finish(file: SourceFile, text: str) -> str:  # noqa: ARG001
    """Leave the text as it is."""
    return text


def rotate(order: Order, journal: Journal, err: TextIO, finish: Finish = no_finish) -> RotationReport:
    """Replace tokens in files; all new tokens are in the journal before the first file changes.

    Raises:
        SecretError: A token or a file failed. If tokens were made, the journal stays, for ``--resume``.
    """
    try:
        campaign = _Campaign(order, journal)
        campaign.scan()
        campaign.make(err)
    except SecretError:
        if not journal.new:
            journal.end()
        raise
    for path in campaign.files():
        campaign.write(path, finish)
    journal.end()
    return RotationReport(campaign.rows(), campaign.summarize(order.past_verb))


def preview(order: Order, err: TextIO, finish: Finish = no_finish) -> RotationReport:
    """Return what :func:`rotate` would do; make the new tokens, but write nothing.

    Raises:
        SecretError: A token or a file failed.
    """
    campaign = _Campaign(order, None)
    campaign.scan()
    campaign.make(err)
    diffs = [diff(file, campaign.new_text(file, finish)) for file in campaign.files().values()]
    return RotationReport(campaign.rows(), campaign.summarize(f"would {order.verb}"), diffs)


@dataclass
class _Campaign:
    """The state of one run: what was found, and the new tokens."""

    order: Order
    journal: Journal | None
    found: list[FoundToken] = field(default_factory=list)
    jobs: dict[Key, Job] = field(default_factory=dict)
    new: dict[Key, str] = field(default_factory=dict, repr=False)
    rewrapped: int = 0

    def scan(self) -> None:
        """Read every file, and collect the tokens to replace and what the journal holds for them already."""
        written = set(self.journal.new.values()) if self.journal else set()
        for path in discover(map(Path, self.order.paths)):
            for found in self.order.selection.choose(read(path)):
                # An interrupted run has replaced this one already.
                if found.text in written:
                    continue
                self.found.append(found)
                job = self._job(found)
                self.jobs[_key(job)] = job
                if self.journal and (known := self.journal.new.get(self.journal.key(job.text, job.context))):
                    self.new[_key(job)] = known

    def make(self, err: TextIO) -> None:
        """Make the new tokens; write them to the journal and to no file.

        Raises:
            SourceError: Some failed: one line each, with place and reason.
        """
        jobs = [job for key, job in self.jobs.items() if key not in self.new]
        if not jobs:
            return
        target = Target(backends.load(self.order.backend), self.order.options, self.order.verify)
        new = list(_show_progress(make_tokens(jobs, target, self.journal), len(jobs), self.order.past_verb, err))
        self.rewrapped = sum(each.rewrapped for each in new)
        self.new |= {_key(each.job): each.token for each in new if isinstance(each.token, str)}
        failed = [each for each in new if not isinstance(each.token, str)]
        if failed:
            head = f"{len(failed)} could not be {self.order.past_verb}; no file was changed:"
            lines = [f"  {each.job.found.place} {each.job.found.setting}: {each.token}" for each in failed]
            raise SourceError("\n".join([head, *lines]))

    def files(self) -> dict[Path, SourceFile]:
        """Return the files that change, as they were scanned."""
        return {found.path: found.file for found in self.found}

    def write(self, path: Path, finish: Finish) -> None:
        """Change a file as it is now, which may differ from what was scanned; do not touch it if nothing changes.

        Raises:
            SourceError: It failed; the file is unchanged.
        """
        remove_leftovers(path)
        file = read(path)
        text = self.new_text(file, finish)
        if text != file.text:
            replace_file(path, file.encode(text), file.data)

    def new_text(self, file: SourceFile, finish: Finish) -> str:
        """Return the text of a file with the new tokens."""
        chosen = self.order.selection.choose(file)
        tokens = {found.literal: token for found in chosen if (token := self.new.get(_key(self._job(found))))}
        return finish(file, replace_tokens(file, tokens))

    def rows(self) -> list[dict[str, Any]]:
        """Return place, old and new backend and key id of each token."""
        rows = []
        for found in self.found:
            old, new = self._job(found).token, parse(self.new[_key(self._job(found))])
            rows.append(
                {
                    "file": str(found.path),
                    "line": found.literal.line,
                    "setting": found.setting,
                    "from": [old.backend, old.key_id],
                    "to": [new.backend, new.key_id],
                }
            )
        return rows

    def summarize(self, verb: str) -> str:
        """Return the result in one line."""
        how = f", {self.rewrapped} of them inside the key service" if self.rewrapped else ""
        return f"{verb} {len(self.found)} secrets in {len(self.files())} files{how}\n"

    def _job(self, found: FoundToken) -> Job:
        assert found.token is not None  # noqa: S101 (a selection holds parsed tokens only)
        context = dict(found.token.context)
        if self.order.bind:
            context |= {"app": self.order.bind, "name": found.setting}
        # White space around a token means nothing; that of a plaintext is part of it.
        text = found.text if is_token(found.file, found.literal) else found.literal.value
        return Job(found, found.token, text, context)


def _key(job: Job) -> Key:
    return job.text, tuple(sorted(job.context.items()))


def _show_progress(made: Iterable[NewToken], total: int, what: str, stream: TextIO) -> Iterator[NewToken]:
    """Pass the new tokens on and count them: in one line on a terminal, elsewhere a line for every tenth."""
    terminal = stream.isatty()
    step = max(1, total // 10)
    for count, each in enumerate(made, 1):
        yield each
        if terminal:
            stream.write(f"\r{what} {count}/{total}" + ("\n" if count == total else ""))
            stream.flush()
        elif count % step == 0 or count == total:
            stream.write(f"{what} {count}/{total}\n")
            stream.flush()
