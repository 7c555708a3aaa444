"""One rotation or migration from scan to last file: all tokens first, then the files, and a journal between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from zemanta_ops.secrets import backends
from zemanta_ops.secrets.exceptions import SecretError, SourceError
from zemanta_ops.secrets.files import describe
from zemanta_ops.secrets.files.scan import Found, is_token
from zemanta_ops.secrets.files.source_file import SourceFile, discover, read
from zemanta_ops.secrets.rotation import reencrypt
from zemanta_ops.secrets.rotation.journal import Journal
from zemanta_ops.secrets.rotation.progress import progress
from zemanta_ops.secrets.rotation.reencrypt import Job, Made, Target
from zemanta_ops.secrets.rotation.selection import Selection, from_dict
from zemanta_ops.secrets.wire import parse

Key = tuple[str, tuple[tuple[str, str], ...]]
Finish = Callable[[SourceFile, str], str]


@dataclass(frozen=True)
class Order:
    """What was asked for; the journal keeps it.

    Attributes:
        bind: The application that tokens are bound to, along with their setting's name; empty keeps the context.
    """

    paths: tuple[str, ...]
    backend: str
    options: Mapping[str, Any]
    selection: Selection
    bind: str = ""
    verify: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return what :func:`order_from` reads."""
        return {**asdict(self), "selection": self.selection.as_dict()}


def order_from(data: Mapping[str, Any]) -> Order:
    """Read an order back from a journal."""
    return Order(**{**data, "paths": tuple(data["paths"]), "selection": from_dict(data["selection"])})


@dataclass
class Campaign:
    """The state of one run."""

    order: Order
    journal: Journal | None
    found: list[Found] = field(default_factory=list)
    new: dict[Key, str] = field(default_factory=dict, repr=False)
    made: list[Made] = field(default_factory=list)

    @property
    def verb(self) -> str:
        """What is done, in the infinitive."""
        return "migrate" if self.order.selection.migrate else "re-encrypt"

    @property
    def done(self) -> str:
        """What was done."""
        return f"{self.verb.removesuffix('e')}ed"

    def scan(self) -> list[Job]:
        """Read every file, and return the tokens that are still to be made."""
        done = set(self.journal.new.values()) if self.journal else set()
        jobs: dict[Key, Job] = {}
        for path in discover(map(Path, self.order.paths)):
            for found in self.order.selection.choose(read(path)):
                if found.text in done:
                    continue
                self.found.append(found)
                job = self._job(found)
                jobs[_key(job)] = job
                if self.journal and (known := self.journal.new.get(self.journal.key(job.text, job.context))):
                    self.new[_key(job)] = known
        return [job for key, job in jobs.items() if key not in self.new]

    def make(self, jobs: list[Job], err: TextIO) -> None:
        """Make the new tokens; nothing is written to any file but the journal.

        Raises:
            SourceError: Some could not be made: one line each, with place and reason.
        """
        if not jobs:
            return
        target = Target(backends.load(self.order.backend), self.order.options, self.order.verify)
        for made in progress(reencrypt.make(jobs, target, self.journal), len(jobs), self.done, err):
            self.made.append(made)
            if isinstance(made.token, str):
                self.new[_key(made.job)] = made.token
        failed = [(made.job.found, made.token) for made in self.made if isinstance(made.token, SecretError)]
        if failed:
            lines = [f"  {found.place} {found.setting}: {error}" for found, error in failed]
            count = f"{len(failed)} could not be {self.done}"
            raise SourceError("\n".join([f"{count}, and no file was changed:", *lines]))

    def files(self) -> list[Path]:
        """Return the files that change."""
        return list(dict.fromkeys(found.path for found in self.found))

    def preview(self, path: Path, finish: Finish) -> tuple[SourceFile, str]:
        """Return a file and the text that it would get."""
        file = read(path)
        return file, finish(file, reencrypt.changed(file, self.order.selection.choose, self.token_for))

    def write(self, finish: Finish) -> None:
        """Change the files, one after the other, each whole or not at all."""
        for path in self.files():
            reencrypt.write(path, lambda file: finish(file, self._changed(file)))

    def rows(self) -> list[dict[str, Any]]:
        """Tell of each token what it was and what it became; no bodies."""
        rows = []
        for found in self.found:
            new = parse(self.new[_key(self._job(found))])
            old = found.token
            rows.append(
                {
                    "file": str(found.path),
                    "line": found.literal.line,
                    "setting": found.setting,
                    "from": [old.backend, describe.key_id(old)] if old else [],
                    "to": [new.backend, describe.key_id(new)],
                }
            )
        return rows

    def token_for(self, found: Found) -> str | None:
        """Return the new token for an old one; None for one that stays."""
        return self.new.get(_key(self._job(found)))

    def _changed(self, file: SourceFile) -> str:
        return reencrypt.changed(file, self.order.selection.choose, self.token_for)

    def _job(self, found: Found) -> Job:
        assert found.token is not None  # noqa: S101 (a selection takes readable tokens only)
        context = dict(found.token.context)
        if self.order.bind:
            context |= {"app": self.order.bind, "name": found.setting}
        # Blanks around a token mean nothing; those of a plaintext are its own.
        text = found.text if is_token(found.file, found.literal) else found.literal.value
        return Job(found, found.token, text, context)


def no_finish(file: SourceFile, text: str) -> str:  # noqa: ARG001
    """Leave the text as it is."""
    return text


def _key(job: Job) -> Key:
    return job.text, tuple(sorted(job.context.items()))


def summary(campaign: Campaign, shown_only: bool = False) -> str:
    """Say in one line what was done, or would be."""
    rewrapped = sum(made.rewrapped for made in campaign.made)
    how = f", {rewrapped} of them inside the key service" if rewrapped else ""
    verb = f"would {campaign.verb}" if shown_only else campaign.done
    return f"{verb} {len(campaign.found)} secrets in {len(campaign.files())} files{how}\n"


def paths_of(paths: Iterable[Path]) -> tuple[str, ...]:
    """Return the paths as the journal keeps them; none means this folder."""
    return tuple(map(str, paths)) or (".",)
