"""The two runs: one that sends requests and judges, one that stays for a person to click."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO

from example_project.demo.findings import (
    COUNT,
    DURATION,
    Finding,
    by_view,
    compare,
    counted,
    nothing_in_clear,
    requests_found,
    secrets_found,
    total_found,
)
from example_project.demo.site import Site, running_site, shown_fingerprints
from example_project.demo.traffic import DETAILS, MIRROR, POSTS, WAITING, Request, expected, send
from example_project.shop.views.proof import fingerprint
from zemanta_ops.signals import note_end_signals
from zemanta_ops.stack.agent.live_view import LiveView
from zemanta_ops.stack.agent.report import Report
from zemanta_ops.stack.agent.server import Agent
from zemanta_ops.stack.agent.views import PlainView, View
from zemanta_ops.stack.agent.watch_loop import Bounds, watch

STARTING = "Encrypting example secrets with encrypt_secret; starting the site under gunicorn and uvicorn."
ARRIVAL_SECONDS = 5.0
REFRESH_SECONDS = 0.5
PROOF = Request("GET", "proof", "200")


class TotalView(PlainView):
    """Prints the total alone: where nobody looks on, a line a series and interval would only be long."""

    def show_interval(self, now: Report, total: Report) -> None:
        """Print nothing."""


def run_once(out: TextIO, seconds: float, page: Path | None = None) -> int:
    """Run everything once, spread the requests over so many seconds, tell what was proven, return the exit code."""
    start = time.monotonic()
    _say(out, STARTING)
    with running_site() as site:
        _say(out, f"Sending requests to {site.gunicorn.url} (gunicorn) and {site.uvicorn.url} (uvicorn).\n")
        findings = _judge(site, out, seconds)
        shown = _show(site, page, time.monotonic() - start) if page else ""
    _say(out, "\nWhat was proven")
    for finding in findings:
        _say(out, f"  {'ok  ' if finding.holds else 'FAIL'} {finding.text}")
    if shown:
        _say(out, f"\n{shown}")
    failed = sum(not finding.holds for finding in findings)
    verdict = f"{failed} of {len(findings)} did not hold" if failed else f"All {len(findings)} held"
    _say(out, f"\n{verdict}. {time.monotonic() - start:.1f} s; nothing is left running or lying about.")
    return 1 if failed else 0


def run_live(out: TextIO) -> int:
    """Keep the site running until Ctrl-C and show what it emits."""
    _say(out, STARTING)
    with running_site() as site, note_end_signals(site.agent.wake) as stopped:
        _say(out, f"\n  the site        {site.gunicorn.url}/")
        _say(out, f"  its async half  {site.uvicorn.url}/async/stream/")
        _say(out, f"  its settings    {site.folder.path}/shop_settings.py\n\nClick; Ctrl-C ends it.\n")
        watch(site.agent, _view(out, site.agent), 1.0, Bounds(), stopped)
    return 0


def _judge(site: Site, out: TextIO, seconds: float) -> list[Finding]:
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
        watch(site.agent, _view(out, site.agent), REFRESH_SECONDS, Bounds(), finished.is_set)
        problems = driving.result()
    report = site.agent.total()
    _say(out, "\n" + "\n".join(by_view(sent, report)))
    _say(out, "\nThe secrets, as fingerprints: an HMAC under a key of this run, worthless to anyone else")
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
        *_in_influxdb(site, sent),
        total_found("lines that the agent refused", 0, report.received.rejected),
    ]


def _mark_deploy(site: Site, seconds: float) -> None:
    """Mark a deploy in the middle of the run, as a deployment does."""
    if site.pipeline is not None:
        time.sleep(seconds)
        site.manage("annotate_deploy", "1.1")


def _show(site: Site, page: Path, seconds: float) -> str:
    """Draw the dashboards of this run, and say where."""
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


def _view(out: TextIO, agent: Agent) -> View:
    return LiveView(out, f"metrics that arrive at 127.0.0.1:{agent.port}") if out.isatty() else TotalView(out)


def _say(out: TextIO, text: str) -> None:
    out.write(text + "\n")
    out.flush()
