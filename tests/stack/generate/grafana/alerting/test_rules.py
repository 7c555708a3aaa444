"""Alert rules, contact points and policies are right, and the lint would see if they were not."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.stack.generate.grafana.traffic import configured
from zemanta_ops.stack.declarations import (
    Alert,
    Composite,
    above,
    below,
    describe,
    isolate,
    last,
    mean,
    rate,
    sum_of,
    total,
)
from zemanta_ops.stack.generate import Generated, generate
from zemanta_ops.stack.generate.grafana import build_dashboards, read_sources
from zemanta_ops.stack.generate.grafana.alerting.lint import lint_contacts, lint_rules
from zemanta_ops.stack.generate.grafana.alerting.subjects import spell_regex
from zemanta_ops.stack.generate.grafana.generator import build_groups
from zemanta_ops.stack.generate.grafana.layout import name_datasource
from zemanta_ops.stack.generate.grafana.lint import list_all_panels
from zemanta_ops.stack.inventory.usable import Usable, read_usable

Json = dict[str, Any]
LANGUAGES = ("influxql", "flux", "promql")
RECEIVERS: dict[str, Any] = {
    "pager": {"BACKEND": "pagerduty", "ROUTING_KEY": "example-routing-key", "LEVEL": "crit"},
    "chat-2": {"BACKEND": "webhook", "URL": "https://chat.example.com/hook?token=example-token"},
    "mail": {"BACKEND": "email", "TO": ["ops@example.com", "web@example.com"]},
}
INFLUXDB = {"URL": "http://127.0.0.1:8086", "DATABASE": "shop"}
RUNBOOK = "https://wiki.example.com/errors"


def declare() -> None:
    describe("shop.jobs", kind="gauge", unit="jobs", tags=("state",))
    describe("cpu.cores", kind="gauge", tags=("host",), measurement="system", field="n_cpus", unit="cores")
    errors = Composite("shop.errors", value=total("http.request.count", status="5*") / total("http.request.count"))
    message = "{name}: {value:.1%} ({value:.2f}) of {view} fail, {level}"
    Alert(errors, warn=above(0.01), crit=above(0.05), by=(), runbook=RUNBOOK, for_="2m", no_data="ok")
    Alert(rate("http.request.count", view="a$b"), name="odd", by=("view",), warn=below(1.5), message=message)
    Alert(last("shop.jobs"), crit=above(5), by=("state",), every="15s", window="30s", no_data="alert")
    Alert(sum_of("shop.jobs"), crit=above(50), name="shop.all_jobs")
    per_core = Composite("shop.per_core", value=rate("http.request.count") / mean("cpu.cores"), by=("host",))
    Alert(per_core, crit=above(9), every="5m")


@pytest.fixture(scope="module")
def settings() -> Iterator[None]:
    with isolate(), configured(INFLUXDB=INFLUXDB, ALERTS={"RECEIVERS": RECEIVERS}):
        declare()
        yield


@pytest.fixture(scope="module")
def generated(settings: None) -> Generated:
    return generate("grafana", variant="alerts")


def read(generated: Generated, name: str) -> Json:
    [text] = [file.text for file in generated.files if file.path == f"provisioning/alerting/zemanta_ops_{name}.yaml"]
    document: Json = json.loads(text.partition("\n")[2])
    return document


def build(language: str = "influxql") -> tuple[Usable, list[Json], dict[str, set[int]]]:
    """Return what is declared, the groups of rules, and the panels of the dashboards."""
    declared = read_usable()
    sources, _ = read_sources()
    groups, warnings = build_groups(declared, sources, language)
    assert warnings == []
    dashboards = build_dashboards(sources, language).values()
    panels = {each["uid"]: {panel["id"] for panel in list_all_panels(each)} for each in dashboards}
    return declared, groups, panels


@pytest.fixture(scope="module")
def built(settings: None) -> tuple[Usable, list[Json], dict[str, set[int]]]:
    return build()


def list_rules(groups: list[Json]) -> dict[str, Json]:
    return {rule["title"]: rule for group in groups for rule in group["rules"]}


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_rule_has_a_fault(language: str) -> None:
    declared, groups, panels = build(language)
    assert list(lint_rules(groups, name_datasource(declared.deployment.project), panels)) == []
    assert "$" not in json.dumps(groups)


def test_an_alert_has_a_rule_for_each_level_in_the_group_of_its_interval(generated: Generated) -> None:
    groups = read(generated, "rules")["groups"]
    found = {(title, group["interval"]) for group in groups for title in list_rules([group])}
    assert {
        ("shop.jobs (crit)", "20s"),
        ("odd (warn)", "60s"),
        ("shop.errors (crit)", "60s"),
        ("shop.errors (warn)", "60s"),
        ("zemanta_ops.dropped (crit)", "60s"),
        ("zemanta_ops.dropped (warn)", "60s"),
        ("shop.per_core (crit)", "300s"),
    } <= found
    assert ("odd (crit)", "60s") not in found
    assert [warning for warning in generated.warnings if "left out" in warning] == []


def test_a_rule_says_what_its_alert_says(generated: Generated) -> None:
    rules = list_rules(read(generated, "rules")["groups"])
    rule = rules["shop.errors (crit)"]
    assert (rule["for"], rule["noDataState"], rule["labels"]["severity"]) == ("120s", "OK", "critical")
    assert rule["data"][2]["model"]["conditions"] == [{"evaluator": {"type": "gt", "params": [0.05]}}]
    assert rule["annotations"]["runbook_url"] == RUNBOOK
    assert rules["shop.jobs (crit)"]["noDataState"] == "Alerting"
    odd = rules["odd (warn)"]
    assert odd["data"][2]["model"]["conditions"] == [{"evaluator": {"type": "lt", "params": [1.5]}}]
    number = '(index .Values "B").Value'
    assert odd["annotations"]["summary"] == (
        f'odd: {{{{ humanizePercentage {number} }}}} ({{{{ printf "%.2f" {number} }}}}) of '
        '{{ index .Labels "view" }} fail, warn'
    )


@pytest.mark.usefixtures("settings")
def test_a_rule_leads_to_the_panel_of_its_metric() -> None:
    _, groups, panels = build()
    linked = {
        title: (rule["annotations"]["__dashboardUid__"], int(rule["annotations"]["__panelId__"]))
        for title, rule in list_rules(groups).items()
        if "__panelId__" in rule["annotations"]
    }
    assert all(number in panels[uid] for uid, number in linked.values())
    own = {title for title in list_rules(groups) if title.startswith(("shop.", "odd"))}
    assert own - set(linked) == {"odd (warn)"}


def test_no_file_has_a_credential(generated: Generated) -> None:
    texts = "".join(file.text for file in generated.files)
    assert "example-" not in texts
    settings = {
        point["name"]: point["receivers"][0]["settings"] for point in read(generated, "contacts")["contactPoints"]
    }
    assert settings["print-shop: pager"]["integrationKey"] == "$ZEMANTA_OPS_RECEIVER_PAGER"
    assert settings["print-shop: chat-2"]["url"] == "$ZEMANTA_OPS_RECEIVER_CHAT_2"
    assert settings["print-shop: mail"]["addresses"] == "ops@example.com;web@example.com"
    [example] = [file.text for file in generated.files if file.path == "grafana.env.example"]
    assert re.findall(r"^(\w+)=$", example, re.MULTILINE) == [
        "ZEMANTA_OPS_RECEIVER_CHAT_2",
        "ZEMANTA_OPS_RECEIVER_PAGER",
    ]


def test_the_levels_of_a_series_are_one_incident_and_some_receivers_wait_for_crit(generated: Generated) -> None:
    contacts, policies = read(generated, "contacts"), read(generated, "policies")
    assert list(lint_contacts(contacts, policies)) == []
    [policy] = policies["policies"]
    routes = {route["receiver"]: route for route in policy["routes"]}
    assert all(
        route["group_by"] == ["project", "rule", "host", "peer", "reason", "state", "view"] for route in routes.values()
    )
    critical = ["severity", "=", "critical"]
    assert [name for name, route in routes.items() if critical in route["object_matchers"]] == ["print-shop: pager"]


def test_a_rule_that_grafana_would_read_as_something_else_is_left_out() -> None:
    with isolate(), configured(INFLUXDB=INFLUXDB, ALERTS={"RECEIVERS": RECEIVERS}):
        describe("jobs$", kind="gauge", unit="jobs")
        Alert(last("jobs$"), name="own", crit=above(1))
        Alert(rate("http.request.count"), name="own {{ .x }}", crit=above(1))
        generated = generate("grafana", variant="alerts")
    assert [warning.split(" is left out: ")[0] for warning in generated.warnings] == [
        "the rule 'own (crit)'",
        "the rule 'own {{ .x }} (crit)'",
    ]
    assert not [title for title in list_rules(read(generated, "rules")["groups"]) if title.startswith("own")]


@pytest.mark.parametrize("text", ["a$b", "$", "$$", "5", "a.b", "x\\", "a*c"])
def test_a_spelled_regex_matches_what_it_did_before(text: str) -> None:
    from zemanta_ops.stack.declarations.terms import to_regex

    regex = to_regex([text])
    spelled = spell_regex(regex)
    assert "$" not in spelled
    for candidate in (text, f"{text}x", f"x{text}", text.replace("*", "bb"), ""):
        # Python has another name for the end of the text than Go.
        again = re.search(spelled.replace(r"\z", r"\Z"), candidate)
        assert bool(again) == bool(re.search(regex.replace("$", r"\Z") if "\\$" not in regex else regex, candidate))


def change(path: str, value: Any) -> Callable[[Json], None]:
    def mutate(group: Json) -> None:
        *keys, final = path.split(".")
        place: Any = group
        for key in keys:
            place = place[int(key) if key.isdecimal() else key]
        if value is None:
            del place[final]
        else:
            place[final] = value

    return mutate


MUTATIONS = {
    "another key": change("rules.0.paused", True),
    "a key less": change("rules.0.noDataState", None),
    "no such state": change("rules.0.noDataState", "Ok"),
    "no such state of errors": change("rules.0.execErrState", "error"),
    "a long uid": change("rules.0.uid", "x" * 41),
    "an odd uid": change("rules.0.uid", "a b"),
    "two of one uid": lambda group: group["rules"].append(copy.deepcopy(group["rules"][0])),
    "no title": change("rules.0.title", ""),
    "a template in the title": change("rules.0.title", "{{ .x }}"),
    "an odd duration": change("rules.0.for", "2 minutes"),
    "an odd interval": change("interval", "15s"),
    "no folder": change("folder", None),
    "a severity": change("rules.0.labels.severity", "crit"),
    "a variable": change("rules.0.annotations.summary", "costs $5"),
    "half a template": change("rules.0.annotations.summary", "{{ .Labels"),
    "a number for a text": change("rules.0.annotations.summary", 5),
    "another database": change("rules.0.data.0.datasourceUid", "${datasource}"),
    "a model of another": change("rules.0.data.0.model.refId", "B"),
    "all time": change("rules.0.data.0.model.query", "SELECT 1"),
    "no time": change("rules.0.data.0.relativeTimeRange", {"from": 0, "to": 0}),
    "no such condition": change("rules.0.condition", "D"),
    "an expression of nothing": change("rules.0.data.1.model.expression", "D"),
    "two of one name": change("rules.0.data.1.refId", "A"),
    "no such panel": change("rules.0.annotations.__panelId__", "1"),
    "half a link": change("rules.0.annotations.__panelId__", None),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_lint_sees_each_mutation_of_a_rule(
    name: str, built: tuple[Usable, list[Json], dict[str, set[int]]]
) -> None:
    declared, groups, panels = built[0], copy.deepcopy(built[1]), built[2]
    # The group of a rule that has everything.
    [group] = [group for group in groups if group["interval"] == "60s"]
    MUTATIONS[name](group)
    assert list(lint_rules(groups, name_datasource(declared.deployment.project), panels))


CONTACT_MUTATIONS: dict[str, Callable[[Json, Json], None]] = {
    "no such type": lambda contacts, _: contacts["contactPoints"][0]["receivers"][0].update(type="email2"),
    "another setting": lambda contacts, _: contacts["contactPoints"][0]["receivers"][0]["settings"].update(uri=""),
    "a credential": lambda contacts, _: contacts["contactPoints"][0]["receivers"][0]["settings"].update(
        url="https://x"
    ),
    "a variable": lambda contacts, _: contacts["contactPoints"][1]["receivers"][0]["settings"].update(addresses="$X"),
    "no name": lambda contacts, _: contacts["contactPoints"][0].pop("name"),
    "no such contact": lambda _, policies: policies["policies"][0]["routes"][0].update(receiver="nobody"),
    "another key": lambda _, policies: policies["policies"][0]["routes"][0].update(matcher=[]),
}


@pytest.mark.parametrize("name", CONTACT_MUTATIONS)
def test_the_lint_sees_each_mutation_of_whom_is_notified(name: str, generated: Generated) -> None:
    contacts, policies = read(generated, "contacts"), read(generated, "policies")
    CONTACT_MUTATIONS[name](contacts, policies)
    assert list(lint_contacts(contacts, policies))


def test_a_receiver_that_is_not_a_dict_is_left_out_alone() -> None:
    with isolate(), configured(INFLUXDB=INFLUXDB, ALERTS={"RECEIVERS": {**RECEIVERS, "off": None}}):
        generated = generate("grafana", variant="alerts")
    assert [each for each in generated.warnings if "'off' is left out" in each]
    assert "print-shop: pager" in str(read(generated, "contacts"))
