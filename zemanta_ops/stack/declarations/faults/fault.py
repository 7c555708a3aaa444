"""One thing that is wrong with a declaration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """A fault: ``id`` is that of the system check, ``hint`` is the advice."""

    id: str
    text: str
    hint: str
    declaration: Any = None

    @property
    def is_error(self) -> bool:
        """Whether the declaration cannot be used."""
        return ".E" in self.id


def name_declaration(declaration: Any) -> str:
    """Return how messages call a declaration: its class and name."""
    name = getattr(declaration, "key", None) or getattr(declaration, "name", "?")
    return f"{type(declaration).__name__} {str(name)!r}"


def make_fault(id_: str, declaration: Any, text: str, hint: str) -> Fault:
    """Return a fault whose text begins with the declaration and ends with its place."""
    return Fault(id_, f"{name_declaration(declaration)} {text} ({declaration.place}).", hint, declaration)
