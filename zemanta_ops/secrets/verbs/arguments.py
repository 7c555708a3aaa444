"""Arguments that several verbs declare alike."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_EMPTY = "it is empty. Is the variable set? Otherwise leave it out"


def accept_path(text: str) -> Path:
    """Return a path; an empty one would be the working directory.

    Raises:
        argparse.ArgumentTypeError: It is empty.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError(_EMPTY)
    return Path(text)


class GivenText(argparse.Action):
    """Store the text of an option, and refuse an empty one: ``--name "$NAME"`` with a variable that is not set."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Store the text."""
        if values is not None and not str(values).strip():
            parser.error(f"argument {option_string or self.metavar}: {_EMPTY}")
        setattr(namespace, self.dest, values)
