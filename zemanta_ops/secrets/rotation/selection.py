"""Which tokens of a file a rotation or migration replaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from zemanta_ops.secrets.files.env_readers import AmbiguousError, Entry, list_entries, read_entry
from zemanta_ops.secrets.files.env_references import find_references
from zemanta_ops.secrets.files.formats import Literal
from zemanta_ops.secrets.files.scan import FoundToken, find_tokens
from zemanta_ops.secrets.files.secret_names import is_secret
from zemanta_ops.secrets.files.source_file import SourceFile
from zemanta_ops.secrets.wire import Token


@dataclass(frozen=True)
class Selection:
    """Which tokens are replaced; an empty field does not restrict.

    Attributes:
        settings: Only these: dotted names, or patterns of them with ``*`` and ``?``.
        skip: Not these: names or patterns.
        backend: Only tokens of this backend; ``plain`` tokens are replaced only if it is ``plain``.
        key: Only tokens under this key id.
        migrate: Only tokens of SecretCrypt 1.x, and plaintexts of ``.env`` files that look secret.
        every: With ``migrate``, all plaintexts of ``.env`` files.
        reader: With ``migrate``, the program that reads the ``.env`` files; empty if all that could must agree.
    """

    settings: tuple[str, ...] = ()
    backend: str = ""
    key: str = ""
    migrate: bool = False
    skip: tuple[str, ...] = ()
    every: bool = False
    reader: str = ""

    def choose(self, file: SourceFile) -> Sequence[FoundToken]:
        """Return the tokens to replace; a plaintext counts as a ``plain`` token.

        Raises:
            SourceError: The file is not valid, or programs would read a plaintext differently.
        """
        chosen = [found for found in find_tokens(file) if self._wants(found)]
        return [*chosen, *self._plaintexts(file)] if self.migrate and file.kind == ".env" else chosen

    def as_dict(self) -> dict[str, Any]:
        """Return the dict that :func:`read_selection` reads."""
        return asdict(self)

    def wants_backend(self, found: FoundToken) -> bool:
        """Whether backend and key of a token are those that are replaced, whatever setting has it."""
        token = found.token
        if token is None or (token.backend == "plain" and self.backend != "plain"):
            return False
        if self.migrate and not token.is_legacy:
            return False
        return self.backend in ("", token.backend) and self.key in ("", token.key_id)

    def _wants(self, found: FoundToken) -> bool:
        return self._matches(found.setting) and self.wants_backend(found)

    def _matches(self, setting: str) -> bool:
        wanted = not self.settings or any(fnmatchcase(setting, pattern) for pattern in self.settings)
        return wanted and not any(fnmatchcase(setting, pattern) for pattern in self.skip)

    def list_plaintexts(self, file: SourceFile) -> list[tuple[Entry, bool]]:
        """Return the plaintexts of a ``.env`` file, and whether each is replaced.

        Raises:
            SourceError: The file is not valid, or has one name twice.
        """
        taken = {found.literal for found in find_tokens(file)}
        left = [each for each in list_entries(file) if each.literal not in taken and each.literal.value]
        counts = Counter(each.literal.setting for each in list_entries(file))
        chosen = [(each, self._is_secret(each.literal)) for each in left]
        for each, wanted in chosen:
            if wanted and counts[each.literal.setting] > 1:
                raise AmbiguousError(
                    f"{file.path}:{each.literal.line}: {each.literal.setting} is set more than once: keep one line"
                )
        return chosen

    def _plaintexts(self, file: SourceFile) -> list[FoundToken]:
        entries = self.list_plaintexts(file)
        names = {entry.literal.setting for entry, wanted in entries if wanted}
        found, failures = [], self._describe_references(file, [each for each, wanted in entries if not wanted], names)
        for entry, wanted in entries:
            if not wanted:
                continue
            try:
                reading = read_entry(entry, f"{file.path}:{entry.literal.line}", self.reader)
            except AmbiguousError as error:
                failures.append(str(error))
            else:
                found.append(FoundToken(file, entry.literal, Token("plain", {}, reading.value)))
        if failures:
            raise AmbiguousError("\n".join(failures))
        return found

    def _describe_references(self, file: SourceFile, entries: Sequence[Entry], names: set[str]) -> list[str]:
        return [
            f"{file.path}:{entry.literal.line} {entry.literal.setting}: refers to {name}, and would have its token in "
            "the value. Write it out, name the program that reads the file with --reader, or leave "
            f"{name} as it is with --skip {name}"
            for entry, name in find_references(entries, names, self.reader)
        ]

    def _is_secret(self, literal: Literal) -> bool:
        name = literal.setting
        return self._matches(name) and bool(self.settings or self.every or is_secret(name, literal.value))


def read_selection(data: dict[str, Any]) -> Selection:
    """Read a selection from a journal."""
    return Selection(**{**data, "settings": tuple(data["settings"]), "skip": tuple(data["skip"])})
