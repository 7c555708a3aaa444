"""Generate configuration files for the programs around the application."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.management.base import OpsCommand, UsageError
from zemanta_ops.secrets import ledger
from zemanta_ops.stack.generate import Generated, SettingsError, generate, list_targets
from zemanta_ops.stack.generate.files import PlannedFile, WriteError, compare_files, write_files

EXIT_SETTINGS = 3
EXIT_NOT_WRITTEN = 4

EPILOG = """
examples:
  manage.py generate_stack telegraf --output deploy            write telegraf.conf and what starts Telegraf with it
  manage.py generate_stack telegraf --dry-run                  print the files; nothing is written
  manage.py generate_stack telegraf --output deploy --force    overwrite files that have other contents
  manage.py generate_stack telegraf --output deploy --json     list the files and what was done with each, as JSON

The files have no credentials in them: Telegraf reads those from its environment.

exit codes:
  0  written, or unchanged
  2  wrong arguments
  3  the settings cannot be used; the message says which
  4  a file exists with other contents and --force is not given, or it could not be written
"""


class Command(OpsCommand):
    """Generates the files of a target, and writes or prints them."""

    help = "Writes configuration files that fit the settings of this application."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("target", choices=sorted(list_targets()), help="what to generate")
        parser.add_argument("--output", type=Path, metavar="FOLDER", help="write to this folder; created if missing")
        parser.add_argument("--force", action="store_true", help="overwrite files that have other contents")
        parser.add_argument("--dry-run", action="store_true", help="print the files instead of writing them")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Generate, and write or print."""
        folder, dry_run = options["output"], options["dry_run"]
        if folder is None and not dry_run:
            raise UsageError("No folder is given. Add --output FOLDER, or --dry-run")
        try:
            generated = generate(options["target"], _is_secret)
            planned = compare_files(generated.files, folder or Path())
            if not dry_run:
                write_files(planned, force=options["force"])
        except SettingsError as error:
            raise CommandError(str(error), returncode=EXIT_SETTINGS) from None
        except WriteError as error:
            raise CommandError(str(error), returncode=EXIT_NOT_WRITTEN) from None
        if options["json"]:
            self.stdout.write(json.dumps(_build_document(generated, planned, dry_run), indent=2))
        else:
            self._print(generated, planned, dry_run)

    def _print(self, generated: Generated, planned: list[PlannedFile], dry_run: bool) -> None:
        for each in planned:
            if dry_run:
                self.stdout.write(f"##### {each.path}\n{each.file.text}")
            else:
                self.stdout.write(f"{_describe_action(each):10}{each.path}")
        for warning in generated.warnings:
            self.stderr.write(f"warning: {warning}", style_func=self.style.WARNING)


def _is_secret(value: str) -> bool:
    return value in ledger.plaintexts()


def _describe_action(planned: PlannedFile) -> str:
    return "unchanged" if planned.state == "unchanged" else "written"


def _build_document(generated: Generated, planned: list[PlannedFile], dry_run: bool) -> dict[str, Any]:
    files = [
        {"path": str(each.path), "state": each.state, "text": each.file.text}
        if dry_run
        else {"path": str(each.path), "state": each.state, "done": _describe_action(each)}
        for each in planned
    ]
    return {"files": files, "warnings": list(generated.warnings)}
