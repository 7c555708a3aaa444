"""Check the settings of metrics: ``zemanta_ops.E1xx`` and ``W1xx``."""

from __future__ import annotations

import difflib
import importlib.metadata
import inspect
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  (Django's own name)
from django.utils.module_loading import import_string

from zemanta_ops.conf import ENV_PREFIX, conf
from zemanta_ops.metrics import catalog, instrumentation
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.middleware import RequestMetricsMiddleware
from zemanta_ops.metrics.options import from_settings
from zemanta_ops.metrics.request.view_names import UNRESOLVED
from zemanta_ops.metrics.series.series import KINDS
from zemanta_ops.setting import SETTING, read_django_setting


@register("zemanta_ops")
def check_settings(**_: Any) -> list[CheckMessage]:
    """Check the names and the values of all settings of this package."""
    whole = read_django_setting(SETTING)
    if whole is not None and not isinstance(whole, Mapping):
        return [
            Error(f"{SETTING} must be a dict.", hint='For example {"METRICS": {"PORT": 8125}}.', id="zemanta_ops.E101")
        ]
    return [*_check_names(whole or {}), *_check_environment(), *_check_values(), *_check_conflicts()]


@register("zemanta_ops")
def check_request_tags(**_: Any) -> list[CheckMessage]:
    """Check that REQUEST_TAGS is the dotted path of a function that can be called, and returns no coroutine."""
    path = conf.metrics.request_tags
    if not path:
        return []
    try:
        hook = import_string(path)
    except ImportError:
        hook = None
    hint = "The function takes a request and a response, and returns a dict of tags."
    if not callable(hook):
        return [Error("REQUEST_TAGS is not the dotted path of a function.", hint=hint, id="zemanta_ops.E105")]
    if _returns_no_dict(hook):
        text = "REQUEST_TAGS is an async function or a generator, which nobody awaits, so its tags are omitted."
        return [Error(text, hint=f"Write it with def, without await and yield. {hint}", id="zemanta_ops.E106")]
    if isinstance(hook, type) or not _takes_two(hook):
        text = "REQUEST_TAGS cannot be called with a request and a response, so its tags are omitted."
        return [Error(text, hint=hint, id="zemanta_ops.E109")]
    return []


@register("zemanta_ops")
def check_exclude_paths(**_: Any) -> list[CheckMessage]:
    """Warn about EXCLUDE_PATHS that do not match any path."""
    hint = 'A path starts with a slash, and a * at its end makes it a prefix: "/healthz/", "/static/*".'
    return [
        Warning(f"EXCLUDE_PATHS {path!r} does not match any request.", hint=hint, id="zemanta_ops.W105")
        for path in conf.metrics.exclude_paths
        if not path.startswith(("/", "*")) or "*" in path[:-1]
    ]


@register("zemanta_ops")
def check_middleware(**_: Any) -> list[CheckMessage]:
    """Check that MIDDLEWARE has RequestMetricsMiddleware, or a subclass of it, only once."""
    found = _list_middlewares()
    if len(found) < 2:
        return []
    text = f"MIDDLEWARE measures each request {len(found)} times: {', '.join(found)}."
    return [Error(text, hint="Keep the first of them and remove the others.", id="zemanta_ops.E107")]


@register("zemanta_ops")
def check_datagram_bytes(**_: Any) -> list[CheckMessage]:
    """Check that the metrics of a request to any view fit into a datagram."""
    if not _list_middlewares() or conf.metrics.enabled is False:
        return []
    limit = conf.metrics.datagram_bytes
    view, size = _find_longest_request()
    if size <= limit:
        return []
    text = f"DATAGRAM_BYTES is {limit}, but the request metrics of the view {view} take {size} bytes: they are dropped."
    hint = "Remove DATAGRAM_BYTES, whose default is 1432, or shorten PREFIX and TAGS."
    return [Error(text, hint=hint, id="zemanta_ops.E108")]


@register("zemanta_ops")
def check_instrument(**_: Any) -> list[CheckMessage]:
    """Check that INSTRUMENT names instrumentations, or modules that are one."""
    messages: list[CheckMessage] = []
    for name in conf.metrics.instrument:
        if name in instrumentation.NAMES:
            continue
        if "." in name:
            problem = instrumentation.find_problem(name)
            text, hint = (
                f"INSTRUMENT {name!r} cannot be used: {problem}.",
                "Name a module with install() and uninstall().",
            )
            messages += [Error(text, hint=hint, id="zemanta_ops.E120")] if problem else []
            continue
        close = difflib.get_close_matches(name.lower(), instrumentation.NAMES, n=1, cutoff=0.5)
        hint = f"Did you mean {close[0]}?" if close else f"Known names: {', '.join(instrumentation.NAMES)}."
        messages.append(Error(f"INSTRUMENT has no instrumentation {name!r}.", hint=hint, id="zemanta_ops.E120"))
    return messages


@register("zemanta_ops")
def check_gauge_lock(**_: Any) -> list[CheckMessage]:
    """Check that GAUGE_LOCK names a lock that exists."""
    from zemanta_ops.metrics.gauges import lease

    refusal = lease.find_problem(conf.metrics.gauge_lock)
    hint = "Set GAUGE_LOCK to 'database', or to 'cache:' and the alias of a cache that all nodes share."
    return [Error(f"The gauges cannot be locked: {refusal}.", hint=hint, id="zemanta_ops.E121")] if refusal else []


@register("zemanta_ops")
def check_legacy_names(**_: Any) -> list[CheckMessage]:
    """Check that LEGACY_NAMES has valid patterns that do not overlap."""
    from zemanta_ops.stack.generate.telegraf.legacy.declaration import list_problems

    hint = 'Write one word per segment, such as "shop.{env}.{host}.{measurement}"; see the page on Telegraf.'
    return [Error(f"{problem}.", hint=hint, id="zemanta_ops.E130") for problem in list_problems()]


@register("zemanta_ops")
def check_old_settings(**_: Any) -> list[CheckMessage]:
    """Warn about mistakes in the settings of django-statsd-influx, which are still read."""
    messages: list[CheckMessage] = []
    for name in conf.old_names():
        value = read_django_setting(name)
        if isinstance(value, tuple):
            hint = "Remove the comma at the end of the line."
            messages.append(Warning(f"{name} is a tuple; its first item is used.", hint=hint, id="zemanta_ops.W101"))
            value = value[0] if len(value) == 1 else None
        if name == "STATSD_INFLUX_PORT" and isinstance(value, str):
            hint = "Write the port without quotes."
            messages.append(Warning(f"{name} is a string; it should be a number.", hint=hint, id="zemanta_ops.W102"))
    return messages


@register("zemanta_ops")
def check_statsd_package(**_: Any) -> list[CheckMessage]:
    """Warn about python-statsd, which installs over the import name of the statsd package."""
    try:
        importlib.metadata.distribution("python-statsd")
    except importlib.metadata.PackageNotFoundError:
        return []
    hint = "Run: pip uninstall python-statsd; pip install --force-reinstall statsd"
    message = "python-statsd is installed. It and the package statsd overwrite each other's module."
    return [Warning(message, hint=hint, id="zemanta_ops.W103")]


def _returns_no_dict(hook: Any) -> bool:
    """Return whether a callable returns a coroutine or a generator instead of a dict."""
    called = getattr(hook, "__call__", None)  # noqa: B004  (of an object with an async __call__)
    kinds = (iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
    return any(is_kind(each) for each in (inspect.unwrap(hook), hook, called) for is_kind in kinds)


def _takes_two(hook: Any) -> bool:
    try:
        inspect.signature(hook).bind(None, None)
    except TypeError:
        return False
    except ValueError:
        return True  # It is written in C, and nothing is known of its arguments.
    return True


def _list_middlewares() -> list[str]:
    """Return the entries of MIDDLEWARE that are RequestMetricsMiddleware, under whatever path."""
    found: list[str] = []
    for path in read_django_setting("MIDDLEWARE") or ():
        try:
            entry = import_string(path)
        except Exception:  # noqa: BLE001, S112  (whatever the module raises; Django reports it when it starts)
            continue
        if isinstance(entry, type) and issubclass(entry, RequestMetricsMiddleware):
            found.append(path)
    return found


def _find_longest_request() -> tuple[str, int]:
    """Return the view whose request metrics take the most bytes, and how many; tags of REQUEST_TAGS are not known."""
    from zemanta_ops.stack.inventory.emitted_metrics import list_view_names

    try:
        view = max(list_view_names(), key=lambda name: len(name.encode()))
    except Exception:  # noqa: BLE001  (a URLconf that cannot be imported has a check of Django's)
        view = UNRESOLVED
    client = Client(from_settings(enabled=True, threads=False))
    tags = {"method": "OPTIONS", "view": view, "status": 500}
    series = client.create_series(KINDS[catalog.REQUEST_DURATION.kind], catalog.REQUEST_DURATION.name, tags)
    return view, len(series.head) + len(series.tail) + len(b":1000000.000|ms")


def _check_names(whole: Mapping[str, Any]) -> Iterator[CheckMessage]:
    sections = conf.sections()
    for key, part in whole.items():
        if key not in sections:
            yield _report_unknown(f"{SETTING} has no section {key!r}.", key, sections)
        elif not isinstance(part, Mapping):
            yield Error(f'{SETTING}["{key}"] must be a dict.', id="zemanta_ops.E101")
        else:
            names = sections[key].settings()
            for name in part:
                if name not in names:
                    yield _report_unknown(f'{SETTING}["{key}"] has no setting {name!r}.', name, names)


def _check_environment() -> Iterator[CheckMessage]:
    names = conf.metrics.settings()
    for variable in sorted(os.environ):
        name = variable.removeprefix(ENV_PREFIX)
        if variable.startswith(ENV_PREFIX) and name not in names:
            close = _find_nearest(name, names)
            hint = f"Did you mean {ENV_PREFIX}{close}?" if close else None
            message = f"The environment variable {variable} does not name a setting."
            yield Warning(message, hint=hint, id="zemanta_ops.W104")


def _report_unknown(message: str, name: object, known: Iterable[str]) -> CheckMessage:
    close = _find_nearest(str(name), known)
    hint = f"Did you mean {close}?" if close else f"Known names: {', '.join(sorted(known))}."
    return Error(message, hint=hint, id="zemanta_ops.E102")


def _find_nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is closest to a mistyped one."""
    close = difflib.get_close_matches(name.upper(), list(known), n=1, cutoff=0.5)
    return close[0] if close else None


def _check_values() -> Iterator[CheckMessage]:
    """Report each value that cannot be used by its place; the value itself may be a secret."""
    for fault in conf.find_faults():
        # A deferred secret is not a fault here: checks also run in builds, which do not know its value.
        if not fault.is_deferred:
            hint = f"{fault.setting.name}: {fault.setting.__doc__}."
            yield Error(f"{fault}; it is ignored.", hint=hint, id="zemanta_ops.E103")


def _check_conflicts() -> Iterator[CheckMessage]:
    hint = "The page on settings lists what each database needs. Try it with: manage.py check_metrics"
    for conflict in conf.find_conflicts():
        yield Error(f"{conflict}.", hint=hint, id="zemanta_ops.E104")
