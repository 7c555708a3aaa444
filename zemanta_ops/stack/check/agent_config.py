"""The configuration of the Telegraf of this machine, as far as it can be read: where it writes, and how often.

Python 3.10 has no parser for it; then nothing is known.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zemanta_ops.stack.check.agent_output import OutputTarget

if sys.version_info >= (3, 11):
    import tomllib

_LARGEST_FILE = 1_000_000
# The outputs that write to a URL, and the URL that each has by default.
_URL_OUTPUTS = {"influxdb": "http://127.0.0.1:8086", "influxdb_v2": "http://127.0.0.1:8086", "http": ""}
# A password may contain what ends it for a parser; then there is another "@" behind that, and nothing matches.
_URL = re.compile(r"(?P<scheme>[\w+.-]+://)?(?:[^/?#@]*@)?(?P<place>[^?#@]*)(?:[?#][^@]*)?")
_FILTER = re.compile("(name|field|tag|metric)(pass|drop)")


@dataclass(frozen=True)
class AgentConfig:
    """What a readable telegraf.conf says; empty if it cannot be read.

    ``precision_seconds`` is what the times of points are rounded to, and ``precision`` the setting that says so.
    ``targets`` are the URLs of its outputs, none if one of them is unknown.
    """

    flush_seconds: float | None = None
    hostname: str = ""
    has_internal: bool | None = None
    outputs: Sequence[str] = ()
    targets: Sequence[OutputTarget] = ()
    lacks_extensions: bool | None = None
    precision: str = ""
    precision_seconds: float = 0.0


def read_config(pid: int) -> AgentConfig:
    """Return what the files say that a running Telegraf was started with."""
    sections: list[Mapping[str, Any]] = []
    for path in _list_config_files(pid):
        with suppress(OSError, ValueError):
            if sys.version_info >= (3, 11) and path.stat().st_size < _LARGEST_FILE:
                sections.append(tomllib.loads(path.read_text(encoding="utf-8")))
    return _summarize(sections) if sections else AgentConfig()


def _list_config_files(pid: int) -> Iterator[Path]:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")
        folder = Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return
    for option, value in _list_options(arguments):
        path = folder / value
        yield from sorted(path.glob("*.conf")) if option == "config-directory" else [path]


def _list_options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        found = re.fullmatch(r"--?(config|config-directory)(?:=(.*))?", argument)
        if found:
            yield found[1], found[2] or following


def _summarize(files: Sequence[Mapping[str, Any]]) -> AgentConfig:
    agent: dict[str, Any] = {}
    outputs: list[tuple[str, Mapping[str, Any]]] = []
    inputs: list[tuple[str, Mapping[str, Any]]] = []
    for document in files:
        agent |= document.get("agent", {})
        outputs += _list_plugins(document.get("outputs"))
        inputs += _list_plugins(document.get("inputs"))
    statsd = [values for name, values in inputs if name == "statsd"]
    precision, precision_seconds = _find_precision(agent, statsd)
    return AgentConfig(
        flush_seconds=parse_duration(str(agent.get("flush_interval", "10s"))),
        hostname=str(agent.get("hostname", "")),
        has_internal=any(name == "internal" for name, _ in inputs),
        outputs=[_describe_output(name, values) for name, values in outputs],
        targets=_list_targets(outputs),
        lacks_extensions=not any(values.get("datadog_extensions") for values in statsd) if statsd else None,
        precision=precision,
        precision_seconds=precision_seconds,
    )


def _find_precision(agent: Mapping[str, Any], statsd: Sequence[Mapping[str, Any]]) -> tuple[str, float]:
    """Return the coarsest precision of a statsd input, which precedes that of the agent, with its place."""
    own = [("[[inputs.statsd]]", values["precision"]) for values in statsd if values.get("precision")]
    everywhere = [("[agent]", agent["precision"])] if agent.get("precision") else []
    chosen = own if len(own) == len(statsd) and own else [*own, *everywhere]
    found = [(f'precision = "{text}" in {place}', parse_duration(str(text)) or 0.0) for place, text in chosen]
    return max(found, key=lambda each: each[1], default=("", 0.0))


def _list_plugins(kinds: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(kinds, Mapping):
        for name, instances in kinds.items():
            for values in instances if isinstance(instances, list) else [instances]:
                if isinstance(values, Mapping):
                    yield name, values


def _describe_output(name: str, values: Mapping[str, Any]) -> str:
    """Return plug-in, URL, database and filters; the URL without what may be a password, a variable as its name."""
    urls = values.get("urls") or [values.get("url", "")]
    shown = ", ".join(_strip_url(str(each)) for each in urls)
    database = str(values.get("database") or values.get("bucket") or "")
    policy = str(values.get("retention_policy") or "")
    place = "/".join(each for each in (database, policy) if each)
    filters = ", ".join(sorted(key for key in values if _FILTER.fullmatch(key)))
    return " ".join(each for each in (name, shown, place, filters and f"(with {filters})") if each)


def _list_targets(outputs: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[OutputTarget, ...]:
    found: list[OutputTarget] = []
    for name, values in outputs:
        if name not in _URL_OUTPUTS:
            continue
        authority, server_name = str(values.get("tls_ca") or ""), str(values.get("tls_server_name") or "")
        is_verified = not values.get("insecure_skip_verify")
        urls = [str(each) for each in values.get("urls") or [values.get("url") or _URL_OUTPUTS[name]]]
        # A variable, another proxy or a relative path mean something else to Telegraf than here.
        if values.get("http_proxy") or any("$" in text for text in (*urls, authority, server_name)):
            return ()
        shown = [_strip_url(url) for url in urls]
        if not all(re.match("https?://[^/]", url) for url in shown) or authority[:1] not in ("", "/"):
            return ()
        found += [OutputTarget(url, authority, server_name, is_verified) for url in shown]
    return tuple(found)


def _strip_url(url: str) -> str:
    """Return a URL without user, password, query and fragment, or words for one in which these have no clear end."""
    found = _URL.fullmatch(url)
    return f"{found['scheme'] or ''}{found['place']}" if found else "a URL that may show a password"


def parse_duration(text: str) -> float | None:
    """Return the seconds of one of Telegraf's durations, such as ``1m30s`` or ``1d``; None if it is not one."""
    units = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    parts = re.findall(r"([0-9.]+)(ms|d|h|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * units[unit] for number, unit in parts)
