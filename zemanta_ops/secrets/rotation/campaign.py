"""One rotation or migration: read all files, make all new tokens, write all files.

:func:`rotate` and :func:`preview` are the only ways in. Each calls the phases one after the other and returns a report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from zemanta_ops.secrets import backends
from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.env_readers import find_places
from zemanta_ops.secrets.files.file_replacement import remove_leftovers, replace_file
from zemanta_ops.secrets.files.scan import FoundToken, is_token
from zemanta_ops.secrets.files.source_file import SourceFile, read
from zemanta_ops.secrets.files.token_replacement import diff, replace_tokens
from zemanta_ops.secrets.rotation.journal import Journal
from zemanta_ops.secrets.rotation.order import Order, Recipe
from zemanta_ops.secrets.rotation.reencrypt import Job, NewToken, make_tokens
from zemanta_ops.secrets.rotation.survey import survey
from zemanta_ops.secrets.wire import parse
from zemanta_ops.terminal import count

# Changes a file's text further, once its tokens are replaced, or refuses it.
Finish = Callable[[SourceFile, str], str]


def no_finish(file: SourceFile, text: str) -> str:  # noqa: ARG001
    """Leave the text as it is."""
    return text


@dataclass(frozen=True)
class Rules:
    """What the caller decides for each file.

    Attributes:
        choose: Returns how the new tokens of a file are made.
        finish: Changes the new text of a file further.
    """

    choose: Callable[[Path], Recipe]
    finish: Finish = no_finish


@dataclass(frozen=True)
class RotationReport:
    """What a rotation did, or would do.

    Attributes:
        rows: Place, old and new backend and key id of each token; no bodies.
        summary: All of it in one line.
        diffs: In a preview, the change of each file.
        notes: One line for each file or token that was left as it was.
        files: The new text of each file that has changed, or would.
    """

    rows: list[dict[str, Any]]
    summary: str
    diffs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: list[SourceFile] = field(default_factory=list)


def rotate(order: Order, journal: Journal, err: TextIO, rules: Rules) -> RotationReport:
    """Replace tokens in files; all new tokens are in the journal before the first file changes.

    Raises:
        SecretError: A token or a file failed. If tokens were made, the journal stays, for ``--resume``.
    """
    try:
        campaign = _Campaign(order, journal, rules)
        campaign.scan()
        campaign.make(err)
        texts = {path: campaign.new_text(file) for path, file in campaign.files().items()}
    except BaseException:
        if not journal.new:
            journal.end()
        raise
    for path in texts:
        campaign.write(path)
    journal.end()
    return campaign.report(order.past_verb)


def preview(order: Order, err: TextIO, rules: Rules) -> RotationReport:
    """Return what :func:`rotate` would do; make the new tokens, but write nothing.

    Raises:
        SecretError: A token or a file failed.
    """
    campaign = _Campaign(order, None, rules)
    campaign.scan()
    campaign.make(err)
    diffs = [diff(file, campaign.new_text(file)) for file in campaign.files().values()]
    return campaign.report(f"would {order.verb}", diffs)


@dataclass
class _Campaign:
    """The state of one run: what was found, and the new tokens."""

    order: Order
    journal: Journal | None
    rules: Rules
    found: list[FoundToken] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    recipes: dict[Path, Recipe] = field(default_factory=dict)
    jobs: dict[tuple[str, ...], Job] = field(default_factory=dict)
    new: dict[tuple[str, ...], str] = field(default_factory=dict, repr=False)
    rewrapped: int = 0

    def scan(self) -> None:
        """Read every file, and collect the tokens to replace and what the journal holds for them already."""
        surveyed = survey(map(Path, self.order.paths), self.order.selection, self.order.exclude)
        self.notes = surveyed.notes
        written = set(self.journal.new.values()) if self.journal else set()
        # An interrupted run has replaced the others already.
        self.found = [found for found in surveyed.found if found.text not in written]
        self._choose_recipes()
        for found in self.found:
            job = self._job(found)
            self.jobs[job.key] = job
            if self.journal and (known := self.journal.new.get(job.journal_key(self.journal))):
                self.new[job.key] = known

    def _choose_recipes(self) -> None:
        """Choose how the tokens of each file are made, or take it from the journal."""
        kept = self.journal.recipes if self.journal else {}
        self.recipes = {path: Recipe(**kept[str(path)]) for path in self.files() if str(path) in kept}
        chosen = {path: self.rules.choose(path) for path in self.files() if path not in self.recipes}
        for name in {recipe.backend for recipe in chosen.values() if recipe.options.get("new_key")}:
            if self.journal:
                # Once, before all tokens: otherwise each token would get a key of its own.
                backends.load(name).encrypt(b"a new key", {}, new_key=True)
        for path, recipe in chosen.items():
            options = {key: value for key, value in recipe.options.items() if key != "new_key"}
            self.recipes[path] = Recipe(recipe.backend, options, recipe.bind)
        if self.journal and chosen:
            self.journal.add_recipes({str(path): asdict(self.recipes[path]) for path in chosen})

    def make(self, err: TextIO) -> None:
        """Make the new tokens; write them to the journal and to no file.

        Raises:
            SourceError: Some failed: one line each, with place and reason.
        """
        jobs = [job for key, job in self.jobs.items() if key not in self.new]
        if not jobs:
            return
        made = make_tokens(jobs, self.journal, verify=self.order.verify)
        what = self.order.past_verb if self.journal else "tried"
        new = list(_show_progress(made, len(jobs), what, err))
        self.rewrapped = sum(each.rewrapped for each in new)
        self.new |= {each.job.key: each.token for each in new if isinstance(each.token, str)}
        failed = [each for each in new if not isinstance(each.token, str)]
        if failed:
            head = f"{len(failed)} could not be {self.order.past_verb}; no file was changed:"
            lines = [f"  {each.job.found.place} {each.job.found.setting}: {each.token}" for each in failed]
            raise SourceError("\n".join([head, *lines]))

    def files(self) -> dict[Path, SourceFile]:
        """Return the files that change, as they were scanned."""
        return {found.path: found.file for found in self.found}

    def write(self, path: Path) -> None:
        """Change a file as it is now, which may differ from what was scanned; do not touch it if nothing changes.

        Raises:
            SourceError: It failed; the file is unchanged.
        """
        remove_leftovers(path)
        file = read(path)
        text = self.new_text(file)
        if text != file.text:
            replace_file(path, file.encode(text), file.data)

    def new_text(self, file: SourceFile) -> str:
        """Return the text of a file with the new tokens."""
        chosen = self.order.selection.choose(file)
        tokens = {found.literal: token for found in chosen if (token := self.new.get(self._job(found).key))}
        spans = find_places(file, tokens, self.order.selection.reader) if self.order.selection.migrate else {}
        return self.rules.finish(file, replace_tokens(file, tokens, spans))

    def rows(self) -> list[dict[str, Any]]:
        """Return place, old and new backend and key id of each token."""
        rows = []
        for found in self.found:
            old, new = self._job(found).token, parse(self.new[self._job(found).key])
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

    def report(self, verb: str, diffs: list[str] | None = None) -> RotationReport:
        """Return what was done, or would be."""
        how = f", {self.rewrapped} of them inside the key service" if self.rewrapped else ""
        summary = f"{verb} {count(len(self.found), 'secret')} in {count(len(self.files()), 'file')}{how}\n"
        return RotationReport(self.rows(), summary, diffs or [], self.notes, list(self.files().values()))

    def _job(self, found: FoundToken) -> Job:
        assert found.token is not None  # noqa: S101 (a selection holds parsed tokens only)
        context = dict(found.token.context)
        recipe = self.recipes[found.path]
        if recipe.bind:
            context |= {"app": recipe.bind, "name": found.owner}
        # White space around a token means nothing; that of a plaintext is part of it.
        text = found.text if is_token(found.file, found.literal) else found.token.ciphertext
        return Job(found, found.token, text, context, recipe)


def _show_progress(made: Iterable[NewToken], total: int, what: str, stream: TextIO) -> Iterator[NewToken]:
    """Pass the new tokens on and count them: in one line on a terminal, elsewhere a line for every tenth."""
    terminal = stream.isatty()
    step = max(1, total // 10)
    for done, each in enumerate(made, 1):
        yield each
        if terminal:
            stream.write(f"\r{what} {done}/{total}" + ("\n" if done == total else ""))
            stream.flush()
        elif done % step == 0 or done == total:
            stream.write(f"{what} {done}/{total}\n")
            stream.flush()
