"""Change the code in small ways, and count the changes that no test notices.

For example:

    python -m tests.mutants                          every module, for at most two hours
    python -m tests.mutants secrets/wire             one module, also as zemanta_ops.secrets.wire
    python -m tests.mutants --minutes 20 metrics     all modules of a room, as far as they get in 20 minutes
    python -m tests.mutants --show secrets/wire      the changes that nobody noticed
    python -m tests.mutants --survivors secrets/wire tries only those again, after a change of the tests

A run goes on where the last one ended, unless the tests of the module have changed; remove build/mutants to begin anew.
Exit code: 0, or 1 if a module is below the goal or could not be run.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from importlib.util import find_spec

from tests.mutants.modules import MODULES
from tests.mutants.runs import Score, run_module, show

GOAL = 90.0


def main() -> int:
    """Run the command line."""
    options = _parse()
    wanted = tuple(name.removeprefix("zemanta_ops.").replace(".", "/") for name in options.modules)
    chosen = [name for name in MODULES if not wanted or name.startswith(wanted)]
    if not chosen:
        sys.exit(f"no such module: choose from {', '.join(MODULES)}")
    if find_spec("mutmut") is None:
        sys.exit("mutmut is not installed: pip install --group mutants")
    end = time.monotonic() + options.minutes * 60
    scores = []
    print(f"{'module':36}{'mutants':>9}{'noticed':>9}{'share':>8}")
    for name in chosen:
        left = end - time.monotonic()
        if left <= 0:
            print(f"{name:36}{'not run: the time is over':>26}")
            continue
        scores.append(run_module(name, MODULES[name], left, options.jobs, only_survivors=options.survivors))
        print(_line(scores[-1]), flush=True)
        if options.show:
            print("\n".join(show(name, mutant) for mutant in scores[-1].survivors))
    return int(len(scores) < len(chosen) or any(score.failure or score.percent < GOAL for score in scores))


def _line(score: Score) -> str:
    if score.failure:
        return f"{score.module:36}{score.failure}"
    total = score.killed + len(score.survivors)
    more = f"  ({score.left} left)" if score.left else ""
    return f"{score.module:36}{total:>9}{score.killed:>9}{score.percent:>7.0f}%{more}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as secrets/wire, or the start of several")
    parser.add_argument("--minutes", type=float, default=120, help="stop after this time (default: 120)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time (default: one a core)")
    parser.add_argument("--show", action="store_true", help="print each change that no test noticed")
    parser.add_argument("--survivors", action="store_true", help="try again only what no test has noticed yet")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
