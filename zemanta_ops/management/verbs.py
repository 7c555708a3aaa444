"""The base class of the management commands about secrets."""

from __future__ import annotations

import argparse
import sys
from typing import Any, ClassVar, TextIO, cast

from django.core.management.base import CommandParser

from zemanta_ops.management.base import OpsCommand
from zemanta_ops.secrets import verbs


class VerbCommand(OpsCommand):
    """Parses the arguments, runs the verb and exits with its code.

    It runs without system checks, because they may need the very secret that the command is about.
    """

    verb: ClassVar[str]

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return a parser with the verb's own help and examples."""
        module = verbs.load(self.verb)
        self.help, self.epilog = module.HELP, module.EPILOG
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the verb's arguments."""
        verbs.load(self.verb).add_arguments(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the verb."""
        out, err = cast(TextIO, self.stdout), cast(TextIO, self.stderr)
        code = verbs.load(self.verb).run(argparse.Namespace(**options), out, err)
        if code:
            sys.exit(code)
