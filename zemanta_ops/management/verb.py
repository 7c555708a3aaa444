"""A management command made of a verb of ``python -m zemanta_ops.secrets``."""

from __future__ import annotations

import argparse
import sys
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandParser

from zemanta_ops.secrets.__main__ import execute, load


class VerbCommand(BaseCommand):
    """Parses and runs the verb; ends the process with its exit code where that is not 0."""

    verb: ClassVar[str]
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Take help and examples from the verb."""
        verb = load(self.verb)
        self.help = verb.HELP
        return super().create_parser(
            prog_name, subcommand, epilog=verb.EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the arguments from the verb."""
        load(self.verb).add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Run the verb on the command's own streams, as plain text."""
        for stream in (self.stdout, self.stderr):
            # A verb ends its lines itself; progress on a terminal rewrites one.
            stream.ending = ""
        code = execute(load(self.verb), argparse.Namespace(**options), self.stdout, self.stderr)  # type: ignore[arg-type]
        if code:
            sys.exit(code)
