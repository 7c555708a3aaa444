"""``python -m tests.servers install telegraf influxdb1``: build the servers that the tests start."""

from __future__ import annotations

import argparse
import os
import sys

from tests.servers import cache
from tests.servers.golang import MissingToolError
from tests.servers.install import BuildError, install
from tests.servers.recipes import RECIPES


def main(argv: list[str] | None = None) -> int:
    """Install what is asked for; return 1 if that fails, or if a tool is missing and CI=true."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    installer = verbs.add_parser("install", help="build servers into the cache folder")
    installer.add_argument("names", nargs="*", metavar="SERVER", help=", ".join(RECIPES))
    installer.add_argument("--all", action="store_true", help="all of them")
    verbs.add_parser("list", help="list what is installed, and its folders")
    options = parser.parse_args(argv)
    if options.verb == "list":
        return show()
    if unknown := set(options.names) - set(RECIPES):
        parser.error(f"unknown server {', '.join(sorted(unknown))}; known are {', '.join(RECIPES)}")
    if not options.names and not options.all:
        parser.error("name servers, or use --all")
    try:
        install(list(RECIPES) if options.all else options.names)
    except MissingToolError as error:
        print(error, file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 0
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing half-built is left in use", file=sys.stderr)
        return 130
    return 0


def show() -> int:
    """Print a line a server."""
    for recipe in RECIPES.values():
        where = cache.binary(recipe.name) if cache.installed(recipe.name) else "not installed"
        print(f"{recipe.name:10} {recipe.version:8} {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
