"""Show the metrics that arrive: the development agent in the terminal."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any, TextIO, cast

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.conf import conf
from zemanta_ops.management.base import OpsCommand, UsageError, parse_count, parse_port, parse_seconds
from zemanta_ops.management.databases import open_database_or_exit
from zemanta_ops.management.output import discard_output, prepare_output
from zemanta_ops.signals import note_end_signals
from zemanta_ops.stack.agent.forwarder import Forwarder, ForwardError
from zemanta_ops.stack.agent.live_view import PERCENTILES as LIVE_PERCENTILES
from zemanta_ops.stack.agent.live_view import LiveView
from zemanta_ops.stack.agent.server import Agent
from zemanta_ops.stack.agent.views import JsonView, PlainView, View
from zemanta_ops.stack.agent.watch_loop import Bounds, watch
from zemanta_ops.stack.agent.writer import Writer
from zemanta_ops.stack.agent_contract import PERCENTILES
from zemanta_ops.stack.databases import ONCE, Database
from zemanta_ops.stack.sockets import ListenError, show_address

# Seconds that one request to the database may take.
REQUEST_SECONDS = 5.0
EXIT_CANNOT_LISTEN = 3
EXIT_TOO_FEW = 4
EXIT_NOT_WRITTEN = 5
EXIT_INTERRUPTED = 130

EPILOG = """
examples:
  manage.py watch_metrics                          a live table until Ctrl-C
  manage.py watch_metrics --json --for 10          one JSON document after 10 s
  manage.py watch_metrics --json --interval 1      one JSON document per second, and the total at the end
  manage.py watch_metrics --for 5 --count 3        end after 3 values; exit code 4 if fewer arrive in 5 s
  manage.py watch_metrics --dialect dogstatsd      read the tags of DogStatsD clients
  manage.py watch_metrics --write                  instead of Telegraf: write to the InfluxDB of the settings
  manage.py watch_metrics --port 8126 --forward 127.0.0.1:8125    see what is sent to Telegraf

exit codes:
  0  ended as asked, or by Ctrl-C or SIGTERM
  1  --write, and no InfluxDB is configured; or the output cannot be written
  2  wrong arguments
  3  cannot listen: the port is in use, or the host is not this machine
  4  --count was not reached in --for seconds
  5  --write, and the database has not accepted all points by the end that --once, --for or --count set

keys in a terminal:
  q quit   p pause the screen   s sort by the next column   r reverse   / filter   Esc no filter
  w figures of the last 10 s or since start   d series of each line   z self-metrics
  arrows, PgUp, PgDn, Home, End: scroll
"""


class Command(OpsCommand):
    """Opens what the options name, and watches."""

    help = "Receives statsd metrics on the configured port and shows rates and percentiles per series."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options; defaults come from the METRICS settings."""
        parser.add_argument("--host", default=conf.metrics.host, help="address to listen on (METRICS HOST)")
        parser.add_argument(
            "--port",
            type=parse_port,
            default=conf.metrics.port,
            help="port to listen on, 0 for a free one (METRICS PORT)",
        )
        parser.add_argument("--protocol", choices=("udp", "tcp"), default=conf.metrics.protocol)
        parser.add_argument(
            "--interval", type=parse_seconds, metavar="SECONDS", help="seconds between two updates (default: 1)"
        )
        parser.add_argument(
            "--dialect", choices=("influx", "dogstatsd"), default=conf.metrics.dialect, help="(METRICS DIALECT)"
        )
        parser.add_argument("--percentiles", type=parse_percentiles, help="for example 50,95,99.9")
        parser.add_argument("--once", action="store_true", help="end after one interval")
        parser.add_argument("--for", dest="seconds", type=parse_seconds, help="end after this many seconds")
        parser.add_argument("--count", type=parse_count, metavar="VALUES", help="end after this many values")
        parser.add_argument("--forward", metavar="HOST:PORT", help="forward every datagram, unchanged, over UDP")
        parser.add_argument("--write", action="store_true", help="write every interval to ZEMANTA_OPS['INFLUXDB']")
        parser.add_argument("--json", action="store_true", help="print JSON, one document per line")
        parser.add_argument("--plain", action="store_true", help="print lines of text, even in a terminal")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Watch until a bound is reached or a signal arrives."""
        prepare_output(self.stdout)
        try:
            self._watch(options)
        except BrokenPipeError:  # whoever read the output has seen enough
            discard_output(self.stdout)
        except SystemExit:  # a second signal, while nobody reads
            discard_output(self.stdout)
            raise
        except OSError as error:
            discard_output(self.stdout)
            raise CommandError(f"cannot write the output: {error.strerror or error}") from None

    def _watch(self, options: dict[str, Any]) -> None:
        with ExitStack() as stack:
            database = stack.enter_context(_open_database()) if options["write"] else None
            forward = stack.enter_context(closing(_open_forwarder(options["forward"]))) if options["forward"] else None
            agent = stack.enter_context(_open_agent(options, forward))
            stopped = stack.enter_context(note_end_signals(_EndSignals(agent.wake)))
            where = ", ".join(f"{options['protocol']} {show_address(*each)}" for each in agent.addresses)
            self.stderr.write(f"listening on {where}", style_func=str)
            view = stack.enter_context(closing(self._choose_view(options, where, agent)))
            bounds = Bounds(options["seconds"], options["count"], options["once"])
            writer = self._start_writer(database, agent, view, options["protocol"]) if database else None
            ended = watch(agent, view, options["interval"] or 1.0, bounds, stopped, writer)
            if forward and forward.failed:
                self._warn_of_failures(forward)
            if not ended:
                _check_count(agent.values, options["count"], options["seconds"])
                _check_written(writer)

    def _warn_of_failures(self, forward: Forwarder) -> None:
        self.stderr.write(
            f"{forward.failed} of {forward.failed + forward.sent} datagrams could not be forwarded to "
            f"{forward.target}: {forward.reason}",
            style_func=str,
        )

    def _start_writer(self, database: Database, agent: Agent, view: View, protocol: str) -> Writer:
        def report(text: str) -> None:
            if not isinstance(view, LiveView):  # which shows it below its table
                self.stderr.write(text, style_func=str)

        return Writer(database, socket.gethostname(), show_address(*agent.addresses[0]), report, protocol)

    def _choose_view(self, options: dict[str, Any], where: str, agent: Agent) -> View:
        self.stdout.ending = ""  # the views end their lines themselves
        out = cast(TextIO, self.stdout)
        if options["json"]:
            return JsonView(out, intervals=options["interval"] is not None)
        if options["plain"] or not out.isatty() or not LiveView.is_supported():
            return PlainView(out)
        return LiveView(out, f"watch_metrics on {where}", agent, options["percentiles"] or LIVE_PERCENTILES)


class _EndSignals:
    """Wakes the agent at the first signal; ends at once at the second, if the output hangs."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._number = 0

    def __call__(self) -> None:
        self._number += 1
        if self._number > 1:
            raise SystemExit(EXIT_INTERRUPTED)
        self._wake()


def _open_database() -> Database:
    """Return the configured database. It never retries: what it refuses is written with the next interval."""
    return open_database_or_exit(to_write=True, exit_code=1, timeout=REQUEST_SECONDS, retry=ONCE)


def _open_forwarder(target: str) -> Forwarder:
    try:
        return Forwarder(target)
    except ForwardError as error:
        raise UsageError(str(error)) from None


def _open_agent(options: dict[str, Any], forward: Forwarder | None) -> Agent:
    try:
        return Agent(
            options["host"],
            options["port"],
            protocol=options["protocol"],
            percentiles=options["percentiles"] or PERCENTILES,
            dogstatsd=options["dialect"] == "dogstatsd",
            forward=forward,
        )
    except ListenError as error:
        raise CommandError(str(error), returncode=EXIT_CANNOT_LISTEN) from None


def _check_count(values: int, count: int | None, seconds: float | None) -> None:
    if count and seconds and values < count:
        raise CommandError(f"{values} of {count} values arrived in {seconds:g} s", returncode=EXIT_TOO_FEW)


def _check_written(writer: Writer | None) -> None:
    written = writer.read_state() if writer else None
    if written and (number := written.refused + written.lost):
        text = f"{number} points were not written to {written.target}: {written.reason}"
        raise CommandError(text, returncode=EXIT_NOT_WRITTEN)


def parse_percentiles(text: str) -> tuple[float, ...]:
    """Return the percentiles in a list such as ``50,95,99.9``."""
    found = tuple(float(each) for each in text.split(","))
    if not all(0 <= each <= 100 for each in found):
        raise argparse.ArgumentTypeError(f"{text}: a percentile is between 0 and 100")
    return found
