"""Run a verb as the command line does."""

from __future__ import annotations

import argparse
from io import StringIO
from typing import NamedTuple, Protocol, TextIO


class Verb(Protocol):
    """A verb module."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
        """Do it."""


class Ended(NamedTuple):
    """What a verb returned and printed."""

    code: int
    out: str
    err: str


def call(verb: Verb, *arguments: str) -> Ended:
    """Parse the arguments and run the verb."""
    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    out, err = StringIO(), StringIO()
    return Ended(verb.run(parser.parse_args(arguments), out, err), out.getvalue(), err.getvalue())
