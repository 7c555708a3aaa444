"""The command line of the demo."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from example_project.demo.folder import CommandFailedError
from example_project.demo.run import draw_page, run_live, run_once
from example_project.demo.servers import ServerFailedError

EPILOG = """
exit codes:
  0    everything held
  1    something did not hold; the last lines name it
  130  Ctrl-C before the site was up
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m example_project.demo",
        description=(
            "Encrypts example secrets, serves the print shop with them decrypted at startup, sends requests of every "
            "kind and counts what arrives. Keeps to a temporary folder and free ports; ends by itself in seconds."
        ),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--live", action="store_true", help="send nothing, keep the site running until Ctrl-C")
    parser.add_argument(
        "--seconds", type=float, default=6.0, help="seconds over which the requests are spread (%(default)s)"
    )
    parser.add_argument(
        "--page", type=Path, metavar="FOLDER", help="draw the dashboards of this run into a folder, which stays"
    )
    options = parser.parse_args(arguments)
    show = partial(draw_page, options.page) if options.page else None
    try:
        return run_live(sys.stdout) if options.live else run_once(sys.stdout, options.seconds, show)
    except (CommandFailedError, ServerFailedError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
