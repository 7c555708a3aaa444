"""check_alerts on a real database of metrics and a listener."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from tests.commands.alerting import NOBODY, fill, pager, run
from tests.servers.stores import Store
from tests.stack.alerting.listening import Listener, Reply, listening
from tests.stack.alerting.receivers.sending import ROUTING_KEY
from zemanta_ops.models import AlertCheck, AlertEvent, Lease
from zemanta_ops.stack.declarations import Alert, above, total
from zemanta_ops.stack.settings import NO_DATABASE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shop_alerts")]


def test_from_points_in_the_database_to_incidents(new_any_store: Callable[[], Store], listener: Listener) -> None:
    store = fill(new_any_store())
    code, out, err = run("check_alerts", "--dry-run", store=store, pager=pager(listener))
    assert (code, err, listener.posted, AlertCheck.objects.count()) == (0, "", [], 0)
    assert "would    trigger crit shop.error_ratio{view=cart} to pager" in out
    code, out, err = run("check_alerts", store=store, pager=pager(listener))
    assert (code, err) == (0, "")
    assert out[-3:-1] == [
        "sent     trigger crit shop.error_ratio{view=cart} to pager",
        "sent     trigger crit checkout to pager",
    ]
    first, second = (each.body["payload"] for each in listener.taken)
    assert first["summary"] == "cart: 25.0% of requests fail"
    assert second["summary"] == "checkout spends its error budget 250.0 times as fast as allowed"
    assert run("check_alerts", store=store, pager=pager(listener))[0] == 0
    assert len(listener.taken) == 2
    code, out, _ = run("list_alerts", store=store, pager=pager(listener))
    assert code == 0
    assert out[0].startswith("crit  checkout: 250 since ")
    assert out[1].startswith("crit  shop.error_ratio{view=cart}: 0.25 since ")


def test_json_has_the_same(failing_shop: Store, listener: Listener) -> None:
    _, (line,), _ = run("check_alerts", "--json", store=failing_shop, pager=pager(listener))
    document = json.loads(line)
    found = {each["dedup_key"]: (each["level"], each["value"]) for each in document["alerts"]}
    assert found["shop.error_ratio{view=cart}"] == ("crit", 0.25)
    assert [(each["outcome"], each["level"]) for each in document["deliveries"]] == [("sent", "crit")] * 2
    assert ROUTING_KEY not in line
    _, out, _ = run("list_alerts", "--json")
    shown = json.loads("\n".join(out))
    assert [each["dedup_key"] for each in shown["alerts"]] == ["checkout", "shop.error_ratio{view=cart}"]
    assert shown["alerts"][1]["told"] == {"pager": "crit"}


def test_a_database_that_is_away_has_its_exit_code(listener: Listener) -> None:
    code, _, err = run("check_alerts", pager=pager(listener))
    assert (code, "cannot be judged: Connection refused" in err) == (4, True)


def test_what_is_refused_has_its_exit_code_once_and_stays_in_the_list(failing_shop: Store, listener: Listener) -> None:
    with listening() as other:
        chat = {"BACKEND": "webhook", "URL": other.url}
        listener.reply = Reply(400, body='{"errors": ["Invalid routing key"]}')
        code, out, _ = run("check_alerts", store=failing_shop, pager=pager(listener), chat=chat)
        assert code == 5
        assert "refused  trigger crit checkout to pager: refused with status 400: Invalid routing key" in out
        assert len(other.taken) == 2
        assert run("check_alerts", store=failing_shop, pager=pager(listener), chat=chat)[0] == 0
    code, out, _ = run("list_alerts", pager=pager(listener), chat=chat)
    assert code == 5
    text = " ".join(" ".join(out).split())
    assert "refused: trigger crit checkout to pager of " in text
    assert ", 1 attempt: refused with status 400: Invalid routing key" in text
    assert ROUTING_KEY not in text


def test_what_waits_has_its_exit_code_until_it_is_sent(failing_shop: Store, listener: Listener) -> None:
    listener.reply = Reply(500)
    code, out, _ = run("check_alerts", store=failing_shop, pager=pager(listener))
    assert (code, out[-2][:8]) == (5, "waiting ")
    AlertEvent.objects.update(next_attempt=0)
    listener.reply = Reply()
    assert run("check_alerts", store=failing_shop, pager=pager(listener))[0] == 0


def test_a_faulty_receiver_is_reported_and_the_others_get_their_events(failing_shop: Store, listener: Listener) -> None:
    faulty = {"BACKEND": "pagerduty", "ROUTING_KEY": "example"}
    code, _, err = run("check_alerts", store=failing_shop, pager=faulty, chat=pager(listener))
    assert (code, len(listener.taken)) == (5, 2)
    assert "ROUTING_KEY that must be an integration key" in err
    code, out, _ = run("list_alerts", pager=faulty, chat=pager(listener))
    assert (code, "Receivers that cannot be used:" in out) == (5, True)


def test_why_events_wait_is_printed_once_for_each_receiver(failing_shop: Store, listener: Listener) -> None:
    faulty = {"BACKEND": "pagerduty", "ROUTING_KEY": "example"}
    down = {"BACKEND": "webhook", "URL": "http://127.0.0.1:9"}
    listener.reply = Reply(500)
    code, out, err = run("check_alerts", store=failing_shop, pager=faulty, down=down, chat=pager(listener))
    waiting = [line for line in out if line.startswith("waiting ")]
    assert (code, len(waiting)) == (5, 6)
    assert [line for line in out if line.startswith("problem ")] == [
        "problem  chat: answered with status 500",
        "problem  down: Connection refused",
    ]
    assert "".join((*out, err)).count("32 letters and digits") == 1


def test_a_faulty_declaration_is_reported_and_the_others_are_judged(failing_shop: Store, listener: Listener) -> None:
    Alert(total("nothing.emits.this"), warn=above(1), name="faulty")
    code, _, err = run("check_alerts", store=failing_shop, pager=pager(listener))
    assert (code, len(listener.taken), "'faulty'" in err) == (5, 2, True)


@pytest.mark.parametrize("message", ["{nobody} fails", "{value:d}", "{", "costs $5"])
def test_an_alert_whose_message_cannot_be_used_still_calls(
    failing_shop: Store, listener: Listener, message: str
) -> None:
    Alert(
        total("http.request.count"), crit=above(1), name="spoilt", message=message, runbook="https://wiki.example.com/"
    )
    code, _, err = run("check_alerts", store=failing_shop, pager=pager(listener))
    assert (code, "'spoilt'" in err) == (5, True)
    summaries = {each.body["dedup_key"]: each.body["payload"]["summary"] for each in listener.taken}
    assert summaries["spoilt"] == ("costs $5" if "$" in message else "spoilt is crit")
    assert len(summaries) == 3


def test_without_receivers_alerts_are_judged_and_it_says_so(failing_shop: Store) -> None:
    code, out, err = run("check_alerts", store=failing_shop)
    assert (code, any(line.startswith("crit ") for line in out)) == (0, True)
    assert "No receiver is configured" in err


def test_another_node_with_the_lock_leaves_it_alone(listener: Listener) -> None:
    run("check_alerts", pager=pager(listener))
    Lease.objects.update(owner="another-node")
    assert run("check_alerts", pager=pager(listener))[:2] == (0, ["waiting: another process holds the lock"])
    assert set(Lease.objects.values_list("name", flat=True)) == {"check_alerts"}


@pytest.mark.parametrize(
    ("arguments", "section", "words"),
    [
        ([], {"INFLUXDB": {}}, re.escape(NO_DATABASE)),
        ([], {**NOBODY, "ALERTS": {"RECEIVERS": ["pager"]}}, "must be a dict of dicts"),
        ([], {**NOBODY, "METRICS": {"GAUGE_LOCK": "cache:default"}}, "not shared between processes"),
    ],
)
def test_settings_that_cannot_be_used(arguments: list[str], section: dict[str, Any], words: str) -> None:
    with override_settings(ZEMANTA_OPS=section), pytest.raises(CommandError, match=words) as failure:
        call_command("check_alerts", *arguments)
    assert failure.value.returncode == 3


def test_options_that_exclude_each_other() -> None:
    assert run("check_alerts", "--dry-run", "--lease=5")[0] == 2
    _, _, err = run("check_alerts", "--dry-run", "--loop")
    assert "not allowed with" in err


@pytest.mark.parametrize("command", [["check_alerts"], ["list_alerts"], ["silence_alert", "--list"]])
def test_without_tables_each_command_says_what_to_run(command: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE zemanta_ops_alert_silence RENAME TO away")
    try:
        code, _, err = run(*command)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO zemanta_ops_alert_silence")
    assert (code, "Run: manage.py migrate" in err) == (3, True)
