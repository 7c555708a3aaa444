"""Find what Grafana would refuse, or read as something else, in generated alert rules, contact points and policies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from zemanta_ops.stack.declarations.names import MAX_UID
from zemanta_ops.stack.generate.grafana.alerting.rules import EXPRESSION, NO_DATA, SCHEDULER_SECONDS, SEVERITIES
from zemanta_ops.stack.generate.grafana.panels import Json

_UID = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_UID}}}")
_SECONDS = re.compile(r"(\d+)s")
_ACTION = re.compile(r"\{\{.*?\}\}")
_MAX_TITLE = 190
GROUP = {"orgId", "name", "folder", "interval", "rules"}
RULE = {
    *("uid", "title", "condition", "for", "noDataState", "execErrState"),
    *("isPaused", "data", "annotations", "labels"),
}
DATA = {"refId", "datasourceUid", "queryType", "relativeTimeRange", "model"}
CONTACT = {"orgId", "name", "receivers"}
INTEGRATION = {"uid", "type", "settings", "disableResolveMessage"}
POLICY = {
    *("orgId", "receiver", "group_by", "routes", "object_matchers"),
    *("group_wait", "group_interval", "repeat_interval", "continue"),
}
SETTINGS: Mapping[str, set[str]] = {
    "pagerduty": {"integrationKey", "severity", "summary", "client"},
    "webhook": {"url", "httpMethod"},
    "email": {"addresses", "singleEmail", "subject"},
}
_CREDENTIALS = ("integrationKey", "url")


def lint_rules(groups: Collection[Json], datasource: str, panels: Mapping[str, Collection[int]]) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with groups of rules.

    Args:
        groups: The groups of one project.
        datasource: The uid of its data source.
        panels: The ids of all panels, by the uid of their dashboard.

    """
    rules = [rule for group in groups for rule in group.get("rules", ())]
    for name in ("uid", "title"):
        for value, count in Counter(rule.get(name) for rule in rules).items():
            if count > 1:
                yield f"the {name} {value!r} is that of {count} rules"
    for group in groups:
        yield from _check_keys(group, GROUP, f"group {group.get('name')!r}")
        seconds = _SECONDS.fullmatch(str(group.get("interval")))
        if not seconds or not int(seconds[1]) or int(seconds[1]) % SCHEDULER_SECONDS:
            yield f"the interval of group {group.get('name')!r} is not a multiple of {SCHEDULER_SECONDS}s"
    for rule in rules:
        yield from (f"rule {rule.get('title')!r}: {fault}" for fault in lint_rule(rule, datasource, panels))


def lint_rule(rule: Json, datasource: str, panels: Mapping[str, Collection[int]]) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with one rule."""
    yield from _check_keys(rule, RULE, "it")
    if not _UID.fullmatch(str(rule.get("uid"))):
        yield f"the uid {rule.get('uid')!r} is not one of 1 to {MAX_UID} letters, digits, dashes and underscores"
    if not 0 < len(str(rule.get("title", ""))) <= _MAX_TITLE:
        yield f"its title does not have 1 to {_MAX_TITLE} characters"
    if rule.get("noDataState") not in NO_DATA.values():
        yield f"the noDataState {rule.get('noDataState')!r} is unknown"
    if rule.get("execErrState") not in ("OK", "Alerting", "Error", "KeepLast"):
        yield f"the execErrState {rule.get('execErrState')!r} is unknown"
    if not _SECONDS.fullmatch(str(rule.get("for"))):
        yield f"for is {rule.get('for')!r}"
    if rule.get("labels", {}).get("severity") not in SEVERITIES.values():
        yield "its severity is unknown"
    yield from _check_texts(rule)
    yield from _check_data(rule, datasource)
    yield from _check_link(rule.get("annotations", {}), panels)


def lint_contacts(contacts: Json, policies: Json) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with contact points and policies."""
    names = {point.get("name") for point in contacts["contactPoints"]}
    for point in contacts["contactPoints"]:
        yield from _check_keys(point, CONTACT, f"contact point {point.get('name')!r}")
        for integration in point.get("receivers", ()):
            yield from _check_keys(integration, INTEGRATION, "its receiver")
            yield from _check_settings(integration)
    for policy in policies["policies"]:
        yield from _check_keys(policy, POLICY - {"object_matchers", "continue"}, "the policy", is_exact=False)
        for route in policy.get("routes", ()):
            yield from _check_keys(route, POLICY, "a route", is_exact=False)
            if route.get("receiver") not in names:
                yield f"a route leads to {route.get('receiver')!r}, which is not a contact point"


def _check_keys(given: Json, known: Collection[str], name: str, *, is_exact: bool = True) -> Iterator[str]:
    for key in given.keys() - set(known):
        yield f"{name} has the unknown key {key!r}"
    for key in set(known) - given.keys() if is_exact else ():
        yield f"{name} has no {key}"


def _check_texts(rule: Json) -> Iterator[str]:
    """Find what Grafana would expand: variables of its environment anywhere, templates in what is not one."""
    for text in _list_texts(rule):
        if "$" in text:
            yield f"there is a dollar in {text!r}"
    for name in ("uid", "title"):
        if "{{" in str(rule.get(name)):
            yield f"its {name} has a template"
    for name, text in (*rule.get("annotations", {}).items(), *rule.get("labels", {}).items()):
        rest = _ACTION.sub("", str(text))
        if not isinstance(text, str) or "{{" in rest:
            yield f"{name} is not a text that Grafana can fill in"


def _list_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield str(key)
            yield from _list_texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _list_texts(each)


def _check_data(rule: Json, datasource: str) -> Iterator[str]:
    data = rule.get("data", [])
    names = [each.get("refId") for each in data]
    if len(set(names)) != len(names):
        yield "two queries have one name"
    if rule.get("condition") not in names:
        yield f"its condition {rule.get('condition')!r} is not a query"
    for number, each in enumerate(data):
        yield from _check_keys(each, DATA, f"query {each.get('refId')}")
        model = each.get("model", {})
        if model.get("refId") != each.get("refId") or model.get("datasource", {}).get("uid") != each.get(
            "datasourceUid"
        ):
            yield f"query {each.get('refId')} and its model differ"
        if each.get("datasourceUid") not in (datasource, EXPRESSION):
            yield f"query {each.get('refId')} asks another data source"
        if each.get("datasourceUid") == EXPRESSION and model.get("expression") not in names[:number]:
            yield f"query {each.get('refId')} is of one that is not before it"
        if "query" in model and "rawQuery" in model and "time >= now() - " not in model["query"]:
            yield f"query {each.get('refId')} reads all time"
        time = each.get("relativeTimeRange", {})
        if each.get("datasourceUid") == datasource and not time.get("from", 0) > time.get("to", 0) >= 0:
            yield f"query {each.get('refId')} has no time range"


def _check_link(annotations: Mapping[str, str], panels: Mapping[str, Collection[int]]) -> Iterator[str]:
    uid, number = annotations.get("__dashboardUid__"), annotations.get("__panelId__")
    if (uid is None) != (number is None):
        yield "it has only half of a link to a panel"
    elif uid is not None and int(str(number)) not in panels.get(uid, ()):
        yield f"it leads to panel {number} of {uid}, which does not exist"


def _check_settings(integration: Json) -> Iterator[str]:
    known = SETTINGS.get(str(integration.get("type")))
    if known is None:
        yield f"the type {integration.get('type')!r} is unknown"
        return
    yield from _check_keys(integration.get("settings", {}), known, f"the {integration['type']}")
    for name, value in integration.get("settings", {}).items():
        is_variable = re.fullmatch(r"\$[A-Z][A-Z0-9_]*", str(value))
        if name in _CREDENTIALS and not is_variable:
            yield f"{name} is not a variable of the environment"
        elif name not in _CREDENTIALS and "$" in str(value):
            yield f"there is a dollar in {name}"
