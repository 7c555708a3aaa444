"""The two runs: one that sends requests and judges, one that stays for a person to click."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from textwrap import TextWrapper
from typing import TextIO

from example_project.demo.findings import (
    COUNT,
    DURATION,
    Finding,
    by_view,
    compare,
    counted,
    nothing_in_clear,
    repeats_found,
    requests_found,
    secrets_found,
    total_found,
)
from example_project.demo.site import Site, running_site, shown_fingerprints
from example_project.demo.traffic import DETAILS, MIRROR, POSTS, REPORT, WAITING, Request, expected, send
from example_project.shop.views.proof import fingerprint
from zemanta_ops.signals import note_end_signals
from zemanta_ops.stack.agent.live_view import LiveView
from zemanta_ops.stack.agent.report import Report
from zemanta_ops.stack.agent.views import PlainView, View
from zemanta_ops.stack.agent.watch_loop import Bounds, watch

ARRIVAL_SECONDS = 5.0
REFRESH_SECONDS = 0.5
PROGRESS_SECONDS = 1.0
WIDTH = 80
PROOF = Request("GET", "proof", "200")


class Progress(View):
    """Prints each step with the time since start, and while requests are sent, how many have arrived."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._start = self._last = time.monotonic()
        self._arrived = 0

    @property
    def seconds(self) -> float:
        """How many seconds the run takes so far."""
        return time.monotonic() - self._start

    def report(self, text: str) -> None:
        """Print a step."""
        self._last = time.monotonic()
        _say(self._out, f"{self.seconds:5.1f} s  {text}", indent=9)

    def show_interval(self, now: Report) -> None:
        """Print the number of requests that have arrived, at most once a second."""
        self._arrived += now.count(COUNT)
        if time.monotonic() - self._last >= PROGRESS_SECONDS:
            self.report(f"{self._arrived} requests counted")


class Lines(PlainView):
    """Prints only the total, for output that nobody watches."""

    def show_interval(self, now: Report) -> None:
        """Print nothing."""


def run_once(out: TextIO, seconds: float, show: Callable[[Site, float], str] | None = None) -> int:
    """Run everything once, spread the requests over ``seconds``, report what was proven, return the exit code.

    ``show`` draws what was measured, of as many seconds as it is given, and returns a line about it.
    """
    progress = Progress(out)
    with running_site(progress.report) as site:
        progress.report(f"Sending requests to {site.gunicorn.url} and {site.uvicorn.url}")
        findings = _judge(site, out, progress, seconds)
        shown = show(site, progress.seconds) if show else ""
    _say(out, "\nWhat was proven")
    for finding in findings:
        _say(out, f"  {'ok  ' if finding.holds else 'FAIL'} {finding.text}", indent=7)
    if shown:
        _say(out, f"\n{shown}")
    failed = sum(not finding.holds for finding in findings)
    verdict = f"{failed} of {len(findings)} did not hold" if failed else f"All {len(findings)} held"
    _say(out, f"\n{verdict}. {progress.seconds:.1f} s; nothing is left running or lying about.")
    return 1 if failed else 0


def run_live(out: TextIO) -> int:
    """Keep the site running until Ctrl-C and show what it emits."""
    with running_site(Progress(out).report) as site, note_end_signals(site.agent.wake) as stopped:
        _say(out, f"\n  the site        {site.gunicorn.url}/")
        _say(out, f"  its async half  {site.uvicorn.url}/async/stream/")
        _say(out, f"  its settings    {site.folder.path}/shop_settings.py\n\nClick; Ctrl-C ends it.\n")
        with closing(_choose_view(out, site)) as view:
            watch(site.agent, view, 1.0, Bounds(), stopped)
    return 0


def _judge(site: Site, out: TextIO, progress: Progress, seconds: float) -> list[Finding]:
    marks = {path: fingerprint(site.nonce, plaintext) for path, plaintext in site.plaintexts.items()}
    findings = [
        secrets_found(name, marks, shown_fingerprints(server))
        for name, server in (("gunicorn", site.gunicorn), ("uvicorn", site.uvicorn))
    ]
    sent = expected()
    sent[PROOF] = len(findings)
    finished = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        driving = pool.submit(_drive, site, sent, seconds, finished)
        watch(site.agent, progress, REFRESH_SECONDS, Bounds(), finished.is_set)
        problems = driving.result()
    report = site.agent.total()
    _say(out, "\n" + "\n".join(by_view(sent, report)))
    _say(out, "\nOne of the secrets, as it is in the settings file of this run")
    path, token = next(iter(site.tokens.items()))
    _say(out, f'  {path} = Secret("{shorten(token, WIDTH - len(path) - 16)}")')
    _say(out, "\nAll of them as fingerprints: an HMAC under a key of this run, of no use to others")
    _say(out, "\n".join(f"  {mark}  {path}" for path, mark in marks.items()))
    return [
        *findings,
        nothing_in_clear(site.plaintexts, {"the settings file": site.settings_text, **site.logs()}),
        Finding(not problems, "; ".join(problems) or "every request was answered as it should be"),
        *requests_found(sent, report),
        total_found("the site's own counter shop.job.accepted", POSTS.times, report.count("shop.job.accepted")),
        total_found("the site's own timer shop.price", DETAILS.times, report.count("shop.price")),
        total_found("outgoing calls of the page mirror", MIRROR.times, report.count("http.client.duration")),
        total_found(
            "the gauge shop.jobs, waiting", WAITING + POSTS.times, _gauge(report, "shop.jobs", state="waiting")
        ),
        repeats_found(REPORT.counted.view, report),
        *_in_influxdb(site, sent),
        total_found("lines that the agent refused", 0, report.received.rejected),
    ]


def _mark_deploy(site: Site, seconds: float) -> None:
    """Mark a deploy in the middle of the run, as a deployment does."""
    if site.pipeline is not None:
        time.sleep(seconds)
        site.manage("annotate_deploy", "1.1")


def draw_page(page: Path, site: Site, seconds: float) -> str:
    """Draw the dashboards of this run, and return a line that names their folder."""
    if site.pipeline is None:
        return "No dashboards are drawn: Telegraf and InfluxDB are not installed. Run: make servers"
    site.manage("show_dashboards", "--output", str(page.absolute()), "--since", f"{math.ceil(seconds)}s")
    return f"The dashboards of this run: {page.absolute() / 'index.html'}"


def _gauge(report: Report, name: str, **tags: str) -> int:
    return round(sum(series.fields["value"] for series in report.select(name, **tags)))


def _in_influxdb(site: Site, sent: Counter[Request]) -> list[Finding]:
    if site.pipeline is None:
        return []
    return [compare(sent, site.pipeline.wait_for(sent), "read back from InfluxDB, through Telegraf")]


def _drive(site: Site, sent: Counter[Request], seconds: float, finished: threading.Event) -> list[str]:
    """Send, wait until all arrived, then stop the servers: what they still hold at their end must not be too much."""
    try:
        with ThreadPoolExecutor(1) as pool:
            marked = pool.submit(_mark_deploy, site, seconds / 2)
            problems = send(site.gunicorn.url, site.uvicorn.url, seconds)
            marked.result()
        site.manage("emit_gauges", "--once")
        site.agent.wait_for(lambda report: sent == counted(report, COUNT) == counted(report, DURATION), ARRIVAL_SECONDS)
        site.stop()
        return problems
    finally:
        finished.set()
        site.agent.wake()


def _choose_view(out: TextIO, site: Site) -> View:
    if not (out.isatty() and LiveView.is_supported()):
        return Lines(out)
    return LiveView(out, f"{site.gunicorn.url}/ and {site.uvicorn.url}/async/stream/", site.agent)


def shorten(text: str, width: int) -> str:
    """Return a long text without its middle."""
    half = (width - 1) // 2
    return text if len(text) <= width else f"{text[:half]}…{text[-half:]}"


def _say(out: TextIO, text: str, indent: int = 0) -> None:
    """Print a text; lines of words are broken at 80 columns, and go on below what is indented."""
    wrapper = TextWrapper(WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
    out.writelines(wrapper.fill(line) + "\n" for line in text.split("\n"))
    out.flush()
