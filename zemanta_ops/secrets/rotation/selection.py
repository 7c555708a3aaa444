"""Which tokens of a file a rotation or migration replaces."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from zemanta_ops.secrets.files.scan import FoundToken, find_tokens
from zemanta_ops.secrets.files.source_file import SourceFile
from zemanta_ops.secrets.wire import Token

# Names in a .env whose values are taken for secrets, unless settings are named.
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASS|PWD|CREDENTIAL|DSN|AUTH|SIGNATURE|_URL$|_URI$", re.IGNORECASE)


@dataclass(frozen=True)
class Selection:
    """Which tokens are replaced; an empty field does not restrict.

    Attributes:
        settings: Only these: dotted names, or patterns of them with ``*`` and ``?``.
        skip: Not these: names or patterns.
        backend: Only tokens of this backend; ``plain`` tokens are replaced only if it is ``plain``.
        key: Only tokens under this key id.
        migrate: Only tokens of SecretCrypt 1.x, and plaintexts of ``.env`` files whose name looks secret.
        every: With ``migrate``, all plaintexts of ``.env`` files.
    """

    settings: tuple[str, ...] = ()
    backend: str = ""
    key: str = ""
    migrate: bool = False
    skip: tuple[str, ...] = ()
    every: bool = False

    def choose(self, file: SourceFile) -> Sequence[FoundToken]:
        """Return the tokens to replace; a plaintext counts as a ``plain`` token."""
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

    def _plaintexts(self, file: SourceFile) -> list[FoundToken]:
        taken = {found.literal for found in find_tokens(file)}
        return [
            FoundToken(file, literal, Token("plain", {}, literal.value))
            for literal in file.strings
            if literal not in taken and literal.value and self._is_secret(literal.setting)
        ]

    def _is_secret(self, name: str) -> bool:
        return self._matches(name) and bool(self.settings or self.every or _SECRET_NAME.search(name))


def read_selection(data: dict[str, Any]) -> Selection:
    """Read a selection from a journal."""
    return Selection(**{**data, "settings": tuple(data["settings"]), "skip": tuple(data["skip"])})
