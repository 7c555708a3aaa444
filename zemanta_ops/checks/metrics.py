"""``zemanta_ops.E1xx`` and ``W1xx``: the settings of metrics."""

from __future__ import annotations

import difflib
import importlib.metadata
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  (Django's own name)
from django.utils.module_loading import import_string

from zemanta_ops.conf import ENV_PREFIX, SETTING, InfluxDB, Metrics, Section, conf, django_setting, section
from zemanta_ops.metrics import instrumentation
from zemanta_ops.secrets.modes import Deferred

SECTIONS: dict[str, type[Section]] = {Metrics.key: Metrics, InfluxDB.key: InfluxDB}
OLD_NAMES = ("STATSD_INFLUX_HOST", "STATSD_INFLUX_PORT", "PROJECT_NAME", "HOSTNAME")


@register("zemanta_ops")
def check_settings(**_: Any) -> list[CheckMessage]:
    """Check the names and the values of all settings of this package."""
    whole = django_setting(SETTING)
    if whole is not None and not isinstance(whole, Mapping):
        return [
            Error(f"{SETTING} must be a dict.", hint='For example {"METRICS": {"PORT": 8125}}.', id="zemanta_ops.E101")
        ]
    return [*_check_names(whole or {}), *_check_values(conf.metrics), *_check_values(conf.influxdb), *_check_influxdb()]


@register("zemanta_ops")
def check_request_tags(**_: Any) -> list[CheckMessage]:
    """Check that REQUEST_TAGS leads to a function."""
    path = conf.metrics.request_tags
    if not path:
        return []
    try:
        found = callable(import_string(path))
    except ImportError:
        found = False
    hint = "Give the dotted path of a function that takes a request and a response and returns a dict of tags."
    return [] if found else [Error("REQUEST_TAGS does not lead to a function.", hint=hint, id="zemanta_ops.E105")]


@register("zemanta_ops")
def check_instrument(**_: Any) -> list[CheckMessage]:
    """Check that INSTRUMENT names instrumentations."""
    unknown = [name for name in conf.metrics.instrument if name not in instrumentation.NAMES]
    messages: list[CheckMessage] = []
    for name in unknown:
        close = difflib.get_close_matches(name.lower(), instrumentation.NAMES, n=1, cutoff=0.5)
        hint = f"Did you mean {close[0]}?" if close else f"Known are: {', '.join(instrumentation.NAMES)}."
        messages.append(Error(f"INSTRUMENT has no instrumentation {name!r}.", hint=hint, id="zemanta_ops.E120"))
    return messages


@register("zemanta_ops")
def check_gauge_lock(**_: Any) -> list[CheckMessage]:
    """Check that GAUGE_LOCK is something that can lock."""
    from zemanta_ops.metrics.gauges import lease

    refusal = lease.refuse(conf.metrics.gauge_lock)
    hint = "Set GAUGE_LOCK to 'database', or to 'cache:' and the alias of a cache that all nodes share."
    return [Error(f"The gauges cannot be locked: {refusal}.", hint=hint, id="zemanta_ops.E121")] if refusal else []


@register("zemanta_ops")
def check_legacy_names(**_: Any) -> list[CheckMessage]:
    """Check that LEGACY_NAMES are patterns, and that no name fits two of them."""
    from zemanta_ops.stack.generate.telegraf import legacy

    hint = 'Write one word a segment, such as "shop.{env}.{host}.{measurement}"; see the page on Telegraf.'
    return [Error(f"{problem}.", hint=hint, id="zemanta_ops.E130") for problem in legacy.problems()]


@register("zemanta_ops")
def check_old_settings(**_: Any) -> list[CheckMessage]:
    """Point at the traps of django-statsd-influx's settings, which are read all the same."""
    messages: list[CheckMessage] = []
    for name in OLD_NAMES:
        value = django_setting(name)
        if isinstance(value, tuple):
            hint = "Remove the comma at the end of the line."
            messages.append(Warning(f"{name} is a tuple; its first item is used.", hint=hint, id="zemanta_ops.W101"))
            value = value[0] if len(value) == 1 else None
        if name == "STATSD_INFLUX_PORT" and isinstance(value, str):
            hint = "Write the port without quotes."
            messages.append(Warning(f"{name} is a string; a number is meant.", hint=hint, id="zemanta_ops.W102"))
    return messages


@register("zemanta_ops")
def check_statsd_package(**_: Any) -> list[CheckMessage]:
    """Warn about python-statsd, which installs over the import name of the statsd package."""
    try:
        importlib.metadata.distribution("python-statsd")
    except importlib.metadata.PackageNotFoundError:
        return []
    hint = "Run: pip uninstall python-statsd; pip install --force-reinstall statsd"
    message = "python-statsd is installed; it and the statsd package overwrite each other's module statsd."
    return [Warning(message, hint=hint, id="zemanta_ops.W103")]


def _check_names(whole: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for key, part in whole.items():
        if key not in SECTIONS:
            yield _unknown(f"{SETTING} has no section {key!r}.", key, SECTIONS)
        elif not isinstance(part, Mapping):
            yield Error(f'{SETTING}["{key}"] must be a dict.', id="zemanta_ops.E101")
        else:
            names = SECTIONS[key].settings()
            unknown = [name for name in part if name not in names]
            yield from (_unknown(f'{SETTING}["{key}"] has no setting {name!r}.', name, names) for name in unknown)
    for name in sorted(os.environ):
        if name.startswith(ENV_PREFIX) and name.removeprefix(ENV_PREFIX) not in Metrics.settings():
            close = _nearest(name.removeprefix(ENV_PREFIX), Metrics.settings())
            hint = f"Did you mean {ENV_PREFIX}{close}?" if close else None
            yield Warning(f"The environment variable {name} names no setting.", hint=hint, id="zemanta_ops.W104")


def _unknown(message: str, name: object, known: Iterable[str]) -> CheckMessage:
    close = _nearest(str(name), known)
    hint = f"Did you mean {close}?" if close else f"Known are: {', '.join(sorted(known))}."
    return Error(message, hint=hint, id="zemanta_ops.E102")


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is closest to a mistyped one."""
    close = difflib.get_close_matches(name.upper(), list(known), n=1, cutoff=0.5)
    return close[0] if close else None


def _check_values(part: Section) -> Iterator[CheckMessage]:
    """Name every value of the wrong type by its place; the value itself may be a secret."""
    for name, setting in part.settings().items():
        for place, raw in part.sources(setting):
            if isinstance(raw, Deferred):
                # A build; what it will be is not known here.
                continue
            try:
                setting.parse(raw)
            except (TypeError, ValueError) as error:
                message = f"{place} {error}; it is ignored."
                yield Error(message, hint=f"{name}: {setting.__doc__}.", id="zemanta_ops.E103")


def _check_influxdb() -> Iterator[CheckMessage]:
    given = set(section(InfluxDB.key))
    hint = "InfluxDB 1.x takes URL and DATABASE; 2.x takes URL, ORG, BUCKET and TOKEN."
    if given and "URL" not in given:
        yield Error('ZEMANTA_OPS["INFLUXDB"] has no URL.', hint=hint, id="zemanta_ops.E104")
    if {"DATABASE", "BUCKET"} <= given:
        yield Error('ZEMANTA_OPS["INFLUXDB"] has both DATABASE and BUCKET.', hint=hint, id="zemanta_ops.E104")
