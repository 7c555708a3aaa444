"""``python -m zemanta_ops.lambda_package FOLDER``: the package of the Lambda function, and its SAM template.

The package has the code of ``zemanta_ops`` alone: Lambda's runtime has botocore. The same code makes the same bytes.
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from zemanta_ops import atomic
from zemanta_ops.stack.cloudwatch.declarations import DeclarationError
from zemanta_ops.stack.cloudwatch.defaults import parse_toml

SOURCE = Path(__file__).parent
ZIP_NAME = "zemanta_ops_lambda.zip"
TEMPLATE_NAME = "template.yaml"
CONFIG_NAME = "cloudwatch.toml"

# Rooms that need Django, or that only operators and tests use.
_LEFT_OUT = {"__pycache__", "management", "metrics", "migrations", "checks", "testing.py", "pytest_plugin.py"}
_SUFFIXES = (".py", ".toml")
_DATE = (1980, 1, 1, 0, 0, 0)


def build_package(folder: Path, declarations: str = "") -> list[Path]:
    """Write the package and the template into a folder, and return their paths.

    Args:
        folder: Created if missing.
        declarations: The text of ``cloudwatch.toml``; empty for what is shipped.

    Raises:
        DeclarationError: The declarations cannot be used.

    """
    parse_toml(declarations, region="eu-west-1")
    folder.mkdir(parents=True, exist_ok=True)
    package, template = folder / ZIP_NAME, folder / TEMPLATE_NAME
    members = dict(_list_members())
    if declarations:
        members[CONFIG_NAME] = declarations.encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, members[name])
    atomic.replace(package, packed.getvalue())
    atomic.replace(template, (SOURCE / "stack" / "cloudwatch" / TEMPLATE_NAME).read_bytes())
    return [package, template]


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the package; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m zemanta_ops.lambda_package", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write; created if missing")
    parser.add_argument("--declarations", type=Path, metavar="FILE", help=f"the {CONFIG_NAME} to put into the package")
    options = parser.parse_args(arguments)
    try:
        text = options.declarations.read_text(encoding="utf-8") if options.declarations else ""
        written = build_package(options.folder, text)
    except DeclarationError as error:
        sys.stderr.write("".join(f"{fault}\n" for fault in error.faults))
        return 1
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return 1
    for path in written:
        sys.stdout.write(f"{path}  {path.stat().st_size:,} bytes\n")
    return 0


def _list_members() -> Iterator[tuple[str, bytes]]:
    for path in SOURCE.rglob("*"):
        place = path.relative_to(SOURCE.parent)
        if path.suffix in _SUFFIXES and not _LEFT_OUT.intersection(place.parts):
            yield place.as_posix(), path.read_bytes()


if __name__ == "__main__":
    sys.exit(main())
