"""Show the metrics that arrive: the development agent in the terminal."""

from __future__ import annotations

import argparse
import socket
from contextlib import ExitStack, closing
from typing import Any, TextIO, cast

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.conf import conf
from zemanta_ops.management.base import OpsCommand, positive, whole
from zemanta_ops.stack.agent.aggregate import PERCENTILES
from zemanta_ops.stack.agent.display import JsonView, PlainView, View
from zemanta_ops.stack.agent.forward import Forwarder, ForwardError
from zemanta_ops.stack.agent.live_table import LiveView, MissingRichError
from zemanta_ops.stack.agent.server import Agent
from zemanta_ops.stack.agent.watch import Bounds, stop_on_signals, watch
from zemanta_ops.stack.agent.writer import Writer
from zemanta_ops.stack.databases import ONCE, Database, MissingClientError
from zemanta_ops.stack.settings import open_database
from zemanta_ops.stack.sockets import ListenError, show_address

# One request to the database may take so long.
REQUEST_SECONDS = 5.0
EXIT_CANNOT_LISTEN = 3
EXIT_TOO_FEW = 4

EPILOG = """
examples:
  manage.py watch_metrics                          a live table until Ctrl-C
  manage.py watch_metrics --json --for 10          one JSON document after 10 s
  manage.py watch_metrics --json --interval 1      one JSON document a second and the total at the end
  manage.py watch_metrics --for 5 --count 3        end after 3 values, exit code 4 if fewer came in 5 s
  manage.py watch_metrics --write                  in place of Telegraf: into the InfluxDB of the settings
  manage.py watch_metrics --port 8126 --forward 127.0.0.1:8125    look at what goes to Telegraf

exit codes:
  0  ended as asked, or by Ctrl-C or SIGTERM
  1  wrong use; or --write, and no InfluxDB is configured
  3  cannot listen: the port is taken, or the host is not this machine
  4  --count was not reached in --for seconds
"""


class Command(OpsCommand):
    """Thin: arguments in, one loop, exit code out."""

    help = "Receives statsd metrics on the configured port and shows rates and percentiles per series."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options; defaults come from the METRICS settings."""
        parser.add_argument("--host", default=conf.metrics.host, help="address to listen on (METRICS HOST)")
        parser.add_argument("--port", type=int, default=conf.metrics.port, help="port, 0 for a free one (METRICS PORT)")
        parser.add_argument("--protocol", choices=("udp", "tcp"), default=conf.metrics.protocol)
        parser.add_argument("--interval", type=positive, metavar="SECONDS", help="seconds between two updates (1)")
        parser.add_argument("--percentiles", type=percentiles, default=PERCENTILES, help="e.g. 50,95,99.9")
        parser.add_argument("--once", action="store_true", help="end after one interval")
        parser.add_argument("--for", dest="seconds", type=positive, help="end after so many seconds")
        parser.add_argument("--count", type=whole, metavar="VALUES", help="end after so many values")
        parser.add_argument("--forward", metavar="HOST:PORT", help="pass every datagram on, unchanged, over UDP")
        parser.add_argument("--write", action="store_true", help="put every interval into ZEMANTA_OPS['INFLUXDB']")
        parser.add_argument("--json", action="store_true", help="JSON, one document a line")
        parser.add_argument("--plain", action="store_true", help="lines of text, also in a terminal")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Watch until a bound or a signal."""
        with ExitStack() as stack:
            database = stack.enter_context(_database()) if options["write"] else None
            try:
                forward = stack.enter_context(closing(Forwarder(options["forward"]))) if options["forward"] else None
                agent = stack.enter_context(
                    Agent(
                        options["host"],
                        options["port"],
                        protocol=options["protocol"],
                        percentiles=options["percentiles"],
                        dogstatsd=conf.metrics.dialect == "dogstatsd",
                        forward=forward,
                    )
                )
            except ForwardError as error:
                raise CommandError(str(error)) from None
            except ListenError as error:
                raise CommandError(str(error), returncode=EXIT_CANNOT_LISTEN) from None
            where = ", ".join(f"{options['protocol']} {show_address(*each)}" for each in agent.addresses)
            stopped = stack.enter_context(stop_on_signals(agent.wake))
            view = self._view(options, where)
            self.stderr.write(f"listening on {where}", style_func=str)
            bounds = Bounds(options["seconds"], options["count"], options["once"])
            writer = self._writer(database, agent, view, options["protocol"]) if database else None
            watch(agent, view, options["interval"] or 1.0, bounds, stopped, writer)
            if forward and forward.failed:
                self.stderr.write(
                    f"{forward.failed} of {forward.failed + forward.sent} datagrams could not be forwarded to "
                    f"{forward.target}: {forward.reason}",
                    style_func=str,
                )
            if options["count"] and options["seconds"] and agent.values < options["count"] and not stopped():
                raise CommandError(
                    f"{agent.values} of {options['count']} values came in {options['seconds']:g} s",
                    returncode=EXIT_TOO_FEW,
                )

    def _writer(self, database: Database, agent: Agent, view: View, protocol: str) -> Writer:
        def tell(text: str) -> None:
            if not isinstance(view, LiveView):  # below its table it stands anyway
                self.stderr.write(text, style_func=str)

        return Writer(database, socket.gethostname(), show_address(*agent.addresses[0]), tell, protocol)

    def _view(self, options: dict[str, Any], where: str) -> View:
        self.stdout.ending = ""  # the views end their lines themselves
        out = cast(TextIO, self.stdout)
        if options["json"]:
            return JsonView(out, intervals=options["interval"] is not None)
        if options["plain"] or not out.isatty():
            return PlainView(out)
        try:
            return LiveView(out, f"metrics on {where}")
        except MissingRichError as error:
            self.stderr.write(f"{error}; plain lines until then", style_func=str)
            return PlainView(out)


def _database() -> Database:
    """Return the configured database; an interval that fails is written with the next one, so nothing is repeated."""
    try:
        database = open_database(timeout=REQUEST_SECONDS, retry=ONCE)
    except (ValueError, MissingClientError) as error:
        raise CommandError(f"--write: {error}") from None
    if database is None:
        raise CommandError("--write needs an InfluxDB: set ZEMANTA_OPS['INFLUXDB'] to a dict with URL and DATABASE")
    return database


def percentiles(text: str) -> tuple[float, ...]:
    """Return the percentiles of a list such as ``50,95,99.9``."""
    found = tuple(float(each) for each in text.split(","))
    if not all(0 <= each <= 100 for each in found):
        raise argparse.ArgumentTypeError(f"{text}: a percentile lies between 0 and 100")
    return found
