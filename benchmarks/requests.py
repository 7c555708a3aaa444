"""What metrics cost a request, beside the packages that do the same: ``python -m benchmarks.requests --help``."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from benchmarks import measures, report
from benchmarks.alternating import progress
from benchmarks.registry import MAKERS

EXAMPLES = """
examples:
  python -m benchmarks.requests                        everything; some minutes
  python -m benchmarks.requests --quick                one or two turns of each, to see that it runs
  python -m benchmarks.requests --only wsgi emits      two of the measures
  python -m benchmarks.requests --peers statsd markus  beside these peers alone
  python -m benchmarks.requests --json > figures.json

The peers: pip install --group bench, and python -m benchmarks.isolated for django-statsd.
"""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.requests",
        description="Measures what metrics cost a Django site, all peers in turns in one run.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="few turns: shows that it runs; the figures mean nothing")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--peers", nargs="*", choices=sorted(MAKERS), metavar="PEER", help=", ".join(MAKERS))
    parser.add_argument("--only", nargs="+", choices=list(measures.MEASURES), help="measure these alone")
    parser.add_argument("--turns", type=int, help="how often each peer has its turn (requests: 120, emits: 60)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; return 1 if a goal is missed, but never after ``--quick``."""
    options = parse(arguments)
    names = list(MAKERS) if options.peers is None else options.peers
    results: dict[str, Any] = {"machine": report.machine(), "missing": measures.missing(names)}
    for name, reason in results["missing"].items():
        print(f"left out: {name} ({reason})", file=sys.stderr)
    names = [name for name in names if name not in results["missing"]]
    scale = measures.Scale.quick() if options.quick else measures.Scale.full(options.turns)
    for measure in options.only or measures.MEASURES:
        progress(measure)
        results[measure] = measures.MEASURES[measure](names, scale)
    progress("")
    results["machine"]["load_after"] = report.load()
    results["goals"] = report.goals(results)
    print(json.dumps(results, indent=2) if options.json else report.text(results))
    return int(not options.quick and not all(goal["met"] for goal in results["goals"].values()))


if __name__ == "__main__":
    sys.exit(main())
