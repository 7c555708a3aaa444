"""Receivers: who is notified, as ``ZEMANTA_OPS["ALERTS"]["RECEIVERS"]`` lists them.

A receiver is one module of this package with one line in ``PATHS``, or a class of the project, which BACKEND names by
its dotted path.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.module_loading import import_string

from zemanta_ops import parsing
from zemanta_ops.conf import conf
from zemanta_ops.extras import MissingExtraError
from zemanta_ops.setting import SETTING
from zemanta_ops.stack.alerting.machine import Level, parse_level
from zemanta_ops.stack.alerting.notification import Deploy, Notification
from zemanta_ops.stack.alerting.receivers.base import (
    REQUIRED,
    DeployReceiver,
    Receiver,
    ReceiverError,
    ReceiverOption,
    RefusedError,
    UnavailableError,
)

__all__ = [
    "REQUIRED",
    "Deploy",
    "DeployReceiver",
    "Notification",
    "Receiver",
    "ReceiverError",
    "ReceiverOption",
    "RefusedError",
    "UnavailableError",
]

PATHS = {
    "apprise": "zemanta_ops.stack.alerting.receivers.apprise.Apprise",
    "email": "zemanta_ops.stack.alerting.receivers.mail.Mail",
    "pagerduty": "zemanta_ops.stack.alerting.receivers.pagerduty.PagerDuty",
    "webhook": "zemanta_ops.stack.alerting.receivers.webhook.Webhook",
}
_BACKEND = "BACKEND"
LONGEST_TIMEOUT = 60
_SHOWN_NAME = 30
# The options that every receiver has.
_COMMON = (
    ReceiverOption("LEVEL", parsing.accept_one_of("warn", "crit"), "warn"),
    ReceiverOption("TIMEOUT", parsing.accept_number(1, LONGEST_TIMEOUT), 10.0),
)


@dataclass(frozen=True)
class ReceiverFault:
    """What is wrong with a receiver's dict; the text never repeats a value.

    ``receiver`` is empty if nothing can be stored under its name. ``is_deferred`` means that a value is a secret that
    this process does not decrypt.
    """

    id: str
    receiver: str
    text: str
    hint: str
    is_deferred: bool = False


@dataclass
class ReceiverSet:
    """The receivers that can be used, by name, and the faults of the others."""

    usable: dict[str, Receiver] = field(default_factory=dict)
    faults: list[ReceiverFault] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names of all receivers, usable or not, that an event can be stored for."""
        return sorted({*self.usable, *(fault.receiver for fault in self.faults if fault.receiver)})

    @property
    def least_levels(self) -> dict[str, Level]:
        """For each receiver the level from which on it is notified; a faulty one is meant to get everything."""
        levels = {name: parse_level(receiver.values["LEVEL"]) for name, receiver in self.usable.items()}
        return {name: levels.get(name, Level.WARN) for name in self.names}


def read_receivers() -> ReceiverSet:
    """Return the receivers that the settings list; a faulty one does not affect the others."""
    found = ReceiverSet()
    for name, given in conf.alerts.receivers.items():
        try:
            parsing.accept_label(name)
        except ValueError as error:
            found.faults.append(_report_name(name, error))
            continue
        class_, faults = _find_class(name, given)
        if class_ is not None:
            values, faults = _read_values(name, class_, given)
            if not faults:
                faults = _add(found.usable, name, class_, values)
        found.faults += faults
    return found


def list_plain_credentials() -> Iterator[tuple[str, str]]:
    """Yield the place and the value of each credential that the settings have as text."""
    for name, given in conf.alerts.receivers.items():
        class_, _ = _find_class(name, given)
        for option in class_.options if class_ is not None else ():
            if option.is_credential and isinstance(given.get(option.name), str) and given[option.name]:
                yield f'{_place(name)}["{option.name}"]', given[option.name]


def _report_name(name: str, error: ValueError) -> ReceiverFault:
    shown = name if len(name) <= _SHOWN_NAME else f"{name[:_SHOWN_NAME]}…"
    text = f'{SETTING}["ALERTS"]["RECEIVERS"] has the name {shown!r}, which {error}.'
    return ReceiverFault("zemanta_ops.E301", "", text, "Rename it.")


def _add(usable: dict[str, Receiver], name: str, class_: type[Receiver], values: dict[str, Any]) -> list[ReceiverFault]:
    try:
        usable[name] = class_(name, values)
    except Exception as error:  # noqa: BLE001  (a class of the project may raise anything)
        missing = ", ".join(sorted(getattr(class_, "__abstractmethods__", ())))
        hint = f"Define in it: {missing}." if missing else "Correct its __init__, or leave it out."
        text = f"has a BACKEND that cannot be used ({type(error).__name__})"
        return [_make_fault("zemanta_ops.E301", name, text, hint)]
    return []


def _find_class(name: str, given: Any) -> tuple[type[Receiver] | None, list[ReceiverFault]]:
    if not isinstance(given, Mapping):
        hint = f'Write {{"BACKEND": …}} with its options, or remove it: {", ".join(PATHS)}.'
        return None, [_make_fault("zemanta_ops.E301", name, "is not a dict", hint)]
    backend = given.get(_BACKEND)
    known = f"Known: {', '.join(PATHS)}; or give the dotted path of a class of your own."
    if not isinstance(backend, str) or not backend:
        return None, [_make_fault("zemanta_ops.E301", name, "has no BACKEND", known)]
    path = PATHS.get(backend, backend)
    if "." not in path:
        close = difflib.get_close_matches(backend.lower(), PATHS, n=1, cutoff=0.5)
        hint = f"Did you mean {close[0]}?" if close else known
        return None, [_make_fault("zemanta_ops.E301", name, f"has the unknown BACKEND {backend!r}", hint)]
    try:
        class_ = import_string(path)
    except Exception as error:  # noqa: BLE001  (a module of the project may raise anything)
        text = f"has a BACKEND that cannot be imported ({type(error).__name__})"
        return None, [_make_fault("zemanta_ops.E301", name, text, f"Run: manage.py shell -c 'import {path}'")]
    if not (isinstance(class_, type) and issubclass(class_, Receiver)):
        return None, [_make_fault("zemanta_ops.E301", name, "has a BACKEND that is not a class of receivers", known)]
    return class_, []


def _read_values(
    name: str, class_: type[Receiver], given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[ReceiverFault]]:
    options = {option.name: option for option in (*_COMMON, *class_.options)}
    faults = [_report_unknown(name, key, options) for key in given if key not in options and key != _BACKEND]
    values: dict[str, Any] = {}
    for option in options.values():
        if option.name not in given:
            if option.default is REQUIRED:
                hint = f"Add {option.name}" + (", as a Secret." if option.is_credential else ".")
                faults.append(_make_fault("zemanta_ops.E302", name, f"has no {option.name}", hint))
            values[option.name] = option.default
            continue
        try:
            parsing.refuse_deferred(given[option.name])
            values[option.name] = option.accept(given[option.name])
        except MissingExtraError as error:
            faults.append(_make_fault("zemanta_ops.E304", name, "lacks an optional package", str(error)))
        except Exception as error:  # noqa: BLE001  (a function of the project may raise anything)
            faults.append(_report_value(name, option, given[option.name], error))
    return values, faults


def _report_value(name: str, option: ReceiverOption, given: Any, error: Exception) -> ReceiverFault:
    # Other errors may repeat the value, and so may those of a project's own function.
    reason = str(error) if isinstance(error, ValueError) else "has the wrong type"
    if option.is_credential and _reveal(given) in reason:
        reason = "is not accepted"
    fault = _make_fault("zemanta_ops.E303", name, f"has a {option.name} that {reason}", f"Correct {option.name}.")
    return ReceiverFault(**{**vars(fault), "is_deferred": isinstance(error, parsing.DeferredError)})


def _reveal(given: Any) -> str:
    """Return what must not be shown; if it cannot be read, a text that no sentence has."""
    try:
        parsing.refuse_deferred(given)
        return str(parsing.reveal(given)) or "\0"
    except ValueError:
        return "\0"


def _report_unknown(name: str, key: object, options: Mapping[str, ReceiverOption]) -> ReceiverFault:
    close = difflib.get_close_matches(str(key).upper(), list(options), n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(options)}."
    return _make_fault("zemanta_ops.E302", name, f"has the unknown option {key!r}", hint)


def _make_fault(id_: str, name: str, text: str, hint: str) -> ReceiverFault:
    return ReceiverFault(id_, name, f"{_place(name)} {text}.", hint)


def _place(name: str) -> str:
    return f'{SETTING}["ALERTS"]["RECEIVERS"]["{name}"]'
