"""The operators' verbs: each is a management command, and also runs without Django settings."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Protocol, TextIO, cast

PATHS = {
    "audit": "zemanta_ops.secrets.verbs.audit",
    "decrypt": "zemanta_ops.secrets.verbs.decrypt",
    "edit": "zemanta_ops.secrets.verbs.edit",
    "encrypt": "zemanta_ops.secrets.verbs.encrypt",
    "exec": "zemanta_ops.secrets.verbs.execute",
    "guard": "zemanta_ops.secrets.verbs.guard",
    "history": "zemanta_ops.secrets.verbs.history",
    "keygen": "zemanta_ops.secrets.verbs.keygen",
    "migrate": "zemanta_ops.secrets.verbs.migrate",
    "rotate": "zemanta_ops.secrets.verbs.rotate",
    "textconv": "zemanta_ops.secrets.verbs.textconv",
}


class Verb(Protocol):
    """A module with these names. ``HELP`` is one line; ``EPILOG`` has examples and exit codes."""

    HELP: str
    EPILOG: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
        """Run the verb; return the exit code."""


def load(name: str) -> Verb:
    """Return the verb of that name."""
    return cast(Verb, import_module(PATHS[name]))
