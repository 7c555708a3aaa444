"""The script of an alert: it computes its windows, and publishes each change of its level to a topic."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from zemanta_ops.stack.declarations.known import Deployment
from zemanta_ops.stack.declarations.model import Alert, Composite
from zemanta_ops.stack.declarations.runbooks import find_runbook
from zemanta_ops.stack.declarations.terms import Threshold
from zemanta_ops.stack.generate.kapacitor.reading import COUNT, Database, Reader
from zemanta_ops.stack.generate.kapacitor.schedule import Schedule
from zemanta_ops.stack.generate.kapacitor.tick import (
    UnsupportedError,
    evaluate,
    quote_text,
    render_lambda,
    render_node,
    render_number,
    render_pipeline,
)
from zemanta_ops.stack.generate.kapacitor.windows import VALUE, Computation
from zemanta_ops.stack.generate.messages import quote_go, render_template, split_message, to_printf

PERCENT, RUNBOOK = "zo_percent", "zo_runbook"
_TRACKED = "tracked"
# What PagerDuty accepts; a longer tag is cut. The values of this application's tags have at most 200 characters.
MAX_KEY, MAX_SUMMARY = 255, 1_024
_MAX_TAG = 200
_NUMBER = 40
_LEVEL = '{{ if eq .Level "CRITICAL" }}crit{{ else if eq .Level "WARNING" }}warn{{ else }}ok{{ end }}'


class Topic(NamedTuple):
    """What handlers listen to; ``only_crit`` for receivers that are not notified of warnings."""

    name: str
    only_crit: bool


def render_alert(alert: Alert, deployment: Deployment, database: Database, task: str, topics: Sequence[Topic]) -> str:
    """Return the script, which publishes to each of the topics.

    Raises:
        UnsupportedError: Kapacitor cannot judge it.

    """
    subject = alert.subject
    expression = subject.expression if isinstance(subject, Composite) else subject
    if expression is None:
        raise UnsupportedError("is of a composite that is not complete")
    minimum = subject.min_denominator if isinstance(subject, Composite) else 0
    schedule = Schedule(alert.every_seconds, alert.window_seconds, deployment.find_delay(alert.terms))
    reader = Reader(deployment, database, alert.by, schedule)
    computation = Computation(reader, task, expression, minimum, fills=alert.no_data != "keep")
    tracked = render_pipeline(VALUE, [*_add_fields(alert), *_track(alert)], _TRACKED)
    published = [render_pipeline(_TRACKED, [_publish(alert, topic)]) for topic in topics]
    return "\n".join([database.render_dbrp(), computation.render(VALUE), tracked, *published, ""])


def _add_fields(alert: Alert) -> Iterator[str]:
    if any(part.name == "value" and to_printf(part.spec)[1] for part in split_message(alert)):
        kept = (VALUE,) if alert.no_data == "keep" else (VALUE, COUNT)
        yield evaluate({**{field: f'"{field}"' for field in kept}, PERCENT: f'"{VALUE}" * 100.0'})
    if runbook := find_runbook(alert):
        yield render_node("default", (), [f"tag('{RUNBOOK}', {quote_text(runbook)})"])


def _track(alert: Alert) -> Iterator[str]:
    """Count for how long each threshold has been crossed."""
    if not alert.for_seconds:
        return
    for level, threshold in _list_thresholds(alert):
        crossed = render_lambda(_cross(alert, threshold))
        yield render_node("stateDuration", [crossed], ["unit(1s)", f"as('zo_{level}')"])


def _publish(alert: Alert, topic: Topic) -> str:
    properties = [
        f"id({quote_text(_render_id(alert))})",
        f"message({quote_text(_render_message(alert))})",
        f"details({quote_text(_render_details(alert))})",
    ]
    for level, threshold in _list_thresholds(alert):
        if topic.only_crit and level != "crit":
            continue
        crossed = _cross(alert, threshold)
        reached = f'"zo_{level}" >= {render_number(alert.for_seconds)}' if alert.for_seconds else crossed
        properties.append(f"{level}({render_lambda(reached)})")
        if alert.for_seconds:
            # After a restart the time begins anew, and the level must not fall meanwhile.
            properties.append(f"{level}Reset({render_lambda(f'!({crossed})')})")
    return render_node("alert", (), [*properties, "stateChangesOnly()", f"topic({quote_text(topic.name)})"])


def _list_thresholds(alert: Alert) -> list[tuple[str, Threshold]]:
    return [(level, each) for level, each in (("warn", alert.warn), ("crit", alert.crit)) if each is not None]


def _cross(alert: Alert, threshold: Threshold) -> str:
    operator = ">" if threshold.direction == "above" else "<"
    crossed = f'"{VALUE}" {operator} {render_number(threshold.value)}'
    if alert.no_data == "keep":
        return crossed
    # Without data there is no value, and all levels are reached, or none.
    return f'"{COUNT}" > 0.0 AND {crossed}' if alert.no_data == "ok" else f'"{COUNT}" == 0.0 OR {crossed}'


def _render_id(alert: Alert) -> str:
    """Return the key of an incident: the same as that of ``check_alerts``, if no tag is so long that it is cut."""
    by = sorted(alert.by)
    if any("{" in each for each in (alert.key, *by)):
        raise UnsupportedError("has a brace in its name or in a tag")
    room = MAX_KEY - len(alert.key) - 2 - sum(len(tag) + 2 for tag in by)
    if room < len(by):
        raise UnsupportedError(f"has a name and tags that are longer than {MAX_KEY} characters together")
    pairs = ",".join(f"{tag}={_render_tag(tag, room // len(by))}" for tag in by)
    return f"{alert.key}{{{pairs}}}" if by else alert.key


def _render_message(alert: Alert) -> str:
    parts = split_message(alert)
    numbers = sum(part.name == "value" for part in parts)
    tags = sum(part.name not in (None, "value", "level", "name") for part in parts)
    room = MAX_SUMMARY - sum(len(part.literal) for part in parts) - (numbers + len(parts)) * _NUMBER
    if room < tags:
        raise UnsupportedError(f"has a message of more than {MAX_SUMMARY} characters")

    def render_field(name: str, spec: str) -> str:
        if name == "value":
            verb, is_percent = to_printf(spec)
            field = f"(index .Fields {quote_go(PERCENT if is_percent else VALUE)})"
            return f"{{{{ printf {quote_go(verb)} {field} }}}}{'%' if is_percent else ''}"
        if name == "level":
            return _LEVEL
        return alert.key if name == "name" else _render_tag(name, room // max(tags, 1))

    return render_template(parts, render_field)


def _render_tag(tag: str, room: int) -> str:
    value = f"(index .Tags {quote_go(tag)})"
    return (
        f"{{{{ printf {quote_go(f'%.{room}s')} {value} }}}}"
        if room < _MAX_TAG
        else f"{{{{ index .Tags {quote_go(tag)} }}}}"
    )


def _render_details(alert: Alert) -> str:
    """Return the body of an e-mail."""
    subject = alert.subject if isinstance(alert.subject, Composite) else alert
    parts = {
        "Meaning": alert.meaning or subject.meaning,
        "Trouble": alert.trouble or subject.trouble,
        "Users": alert.impact or subject.impact,
        "Do": alert.action or subject.action,
        "Runbook": find_runbook(alert),
    }
    lines = [f"<p>{name}: {html.escape(' '.join(text.split()))}</p>" for name, text in parts.items() if text]
    return f"<p>{_render_message(alert)}</p>{''.join(lines)}"
