"""What a rotation is asked to do, and how the tokens of a file are made: both are kept in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from zemanta_ops.secrets.rotation.selection import Selection, read_selection


@dataclass(frozen=True)
class Recipe:
    """How the new tokens of a file are made.

    Attributes:
        backend: Name of the backend.
        options: Options of that backend.
        bind: The application that they are bound to, with their setting's name. Empty: the context stays.
    """

    backend: str
    options: Mapping[str, Any]
    bind: str = ""

    @property
    def identity(self) -> str:
        """The same text for the same recipe."""
        return repr((self.backend, sorted(self.options.items()), self.bind))


@dataclass(frozen=True)
class Order:
    """What a rotation is asked to do.

    Attributes:
        paths: Files and folders.
        choice: What the command line says about encryption; the rest is in the configuration of each file.
        selection: Which tokens are replaced.
        bind: Whether new tokens are bound to the application and their setting's name.
        verify: Whether each new token is decrypted and compared.
        exclude: Patterns of files that are left out.
    """

    paths: tuple[str, ...]
    choice: Mapping[str, Any]
    selection: Selection
    bind: bool = False
    verify: bool = True
    exclude: tuple[str, ...] = ()

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
    lists = {name: tuple(data[name]) for name in ("paths", "exclude")}
    return Order(**{**data, **lists, "selection": read_selection(data["selection"])})
