"""Which tokens of a file a rotation or migration takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from zemanta_ops.secrets import backends
from zemanta_ops.secrets.files import describe
from zemanta_ops.secrets.files.scan import Found, literals, tokens
from zemanta_ops.secrets.files.source_file import SourceFile
from zemanta_ops.secrets.wire import Token

# Names in a .env whose values are taken for secrets where none are named.
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASS|PWD|CREDENTIAL|DSN|AUTH|SIGNATURE|_URL$|_URI$", re.IGNORECASE)


@dataclass(frozen=True)
class Selection:
    """What to take; an empty field takes all.

    Attributes:
        settings: Dotted names, or patterns of them with ``*`` and ``?``.
        skip: The same, for what is left out.
        backend: Tokens of this backend; ``plain`` ones are taken only where it is named.
        key: Tokens under this key id.
        migrate: Tokens of SecretCrypt 1.x, and plaintexts of ``.env`` files whose name says that they are secret.
        every: Of ``.env`` files all plaintexts, whatever their name says.
    """

    settings: tuple[str, ...] = ()
    backend: str = ""
    key: str = ""
    migrate: bool = False
    skip: tuple[str, ...] = ()
    every: bool = False

    def choose(self, file: SourceFile) -> Sequence[Found]:
        """Return the tokens to take, and as ``plain`` tokens the plaintexts."""
        chosen = [found for found in tokens(file) if self._wants(found)]
        return [*chosen, *self._plaintexts(file)] if self.migrate and file.kind == ".env" else chosen

    def as_dict(self) -> dict[str, Any]:
        """Return what :func:`from_dict` reads."""
        return asdict(self)

    def _wants(self, found: Found) -> bool:
        token = found.token
        if token is None or not self._named(found.setting):
            return False
        if token.backend == "plain" and self.backend != "plain":
            return False
        if self.migrate and not is_1x(token):
            return False
        return self.backend in ("", token.backend) and self.key in ("", describe.key_id(token))

    def _named(self, setting: str) -> bool:
        wanted = not self.settings or any(fnmatchcase(setting, pattern) for pattern in self.settings)
        return wanted and not any(fnmatchcase(setting, pattern) for pattern in self.skip)

    def _plaintexts(self, file: SourceFile) -> list[Found]:
        taken = {found.literal for found in tokens(file)}
        return [
            Found(file, literal, Token("plain", {}, literal.value))
            for literal in literals(file)
            if literal not in taken and literal.value and self._is_secret(literal.setting)
        ]

    def _is_secret(self, name: str) -> bool:
        return self._named(name) and bool(self.settings or self.every or _SECRET_NAME.search(name))


def from_dict(data: dict[str, Any]) -> Selection:
    """Read a selection back from a journal."""
    return Selection(**{**data, "settings": tuple(data["settings"]), "skip": tuple(data["skip"])})


def is_1x(token: Token) -> bool:
    """Tell whether SecretCrypt 1.x wrote a token: its KMS tokens have a region only, its others no version."""
    if token.backend == "kms":
        return set(token.params) <= {"region"}
    return token.backend in ("local", "password") and backends.load(token.backend).legacy(token)
