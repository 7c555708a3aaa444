"""silence_alert and list_alerts."""

from __future__ import annotations

import json
import re
import time
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import override_settings

from tests.commands.alerting import pager, run
from tests.servers.stores import Store
from tests.stack.alerting.listening import Listener, Reply
from zemanta_ops.models import AlertCheck, AlertEvent, AlertSilence, AlertState, Lease
from zemanta_ops.stack.alerting.judges import OWN_NAME
from zemanta_ops.stack.alerting.series import format_time

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shop_alerts")]


def silence(*arguments: str) -> tuple[int, list[str], str]:
    return run("silence_alert", *arguments)


def test_a_silence_from_the_command_line(failing_shop: Store, listener: Listener) -> None:
    code, (line,), _ = silence("shop.*", "--tags", "view=cart", "--until", "2h", "--reason", "moving house")
    number = AlertSilence.objects.get().pk
    assert (code, line.split(" until ")[0]) == (0, f"{number}  shop.*{{view=cart}}")
    assert line.endswith(": moving house")
    run("check_alerts", store=failing_shop, pager=pager(listener))
    assert [each.body["dedup_key"] for each in listener.taken] == ["checkout"]
    _, out, _ = run("list_alerts")
    assert "Silenced:" in out
    assert ", silenced until " in " ".join(" ".join(out).split())
    assert silence("--list")[1] == [line]
    assert json.loads(silence("--list", "--json")[1][0])[0]["reason"] == "moving house"
    assert silence("--remove", str(number))[:2] == (0, [f"removed  {number}"])
    assert silence("--remove", str(number))[0] == 4
    assert silence("--list")[1] == ["nothing is silenced"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "KEY, --until and --reason are needed"),
        (["shop.error_ratio", "--until", "2h"], "KEY, --until and --reason are needed"),
        (["shop.error_ratio", "--until", "2h", "--reason", " "], "are needed"),
        (["shop.error_ratio", "--until", "2020-01-01T00:00Z", "--reason", "x"], "--until is in the past"),
        (["shop.eror_ratio", "--until", "2h", "--reason", "x"], "Did you mean shop.error_ratio?"),
        (["zzz", "--until", "2h", "--reason", "x"], "Known: checkout, "),
    ],
)
def test_silences_that_are_refused(arguments: list[str], words: str) -> None:
    code, _, err = silence(*arguments)
    assert (code, words in err) == (2, True)
    assert AlertSilence.objects.count() == 0


@pytest.mark.parametrize(
    "option", ["--until=tomorrow", "--until=99999-01-01", "--until=5w", "--tags=view", "--tags=a=1,=2"]
)
def test_values_that_no_option_takes(option: str) -> None:
    _, _, err = silence("shop.error_ratio", option, "--reason", "x")
    assert re.search("is not a time|does not have the form", err)


def test_nothing_open_and_nobody_judging() -> None:
    code, out, _ = run("list_alerts")
    assert (code, out) == (4, ["nothing is open", "", "No alert was ever judged. Run: manage.py check_alerts"])
    run("check_alerts")
    AlertCheck.objects.update(checked_at=time.time() - 1_000)
    code, out, _ = run("list_alerts")
    assert (code, out[-2].startswith("Nobody judges the alerts: the last time was ")) == (4, True)


def test_the_list_fits_80_columns_and_escapes_what_it_shows(listener: Listener) -> None:
    listener.reply = Reply(500)
    AlertSilence.objects.create(
        pattern="*", tags={}, until=time.time() + 99, reason="\x1b[31m" + "word " * 40, author="a", created_at=0
    )
    _, out, _ = run("list_alerts", pager={"BACKEND": "pagerdutty"})
    assert max(map(len, out)) <= 80
    assert "\x1b" not in "".join(out)


def test_an_alert_that_cannot_be_judged_is_listed_from_its_first_round_on() -> None:
    assert run("check_alerts")[0] == 4
    code, out, _ = run("list_alerts")
    since = AlertState.objects.get(identity=OWN_NAME).memory["crit_since"]
    words = f"Not all alerts have been judged since {format_time(since)}. Run: manage.py check_alerts"
    assert (code, " ".join(" ".join(out[2:]).split())) == (4, words)
    _, out, _ = run("list_alerts", "--json")
    assert json.loads("\n".join(out))["failing_since"] == format_time(since)


def test_alerts_that_can_be_judged_again_are_not_listed(failing_shop: Store, listener: Listener) -> None:
    run("check_alerts")
    AlertCheck.objects.update(window_end=F("window_end") - 60)
    Lease.objects.all().delete()
    assert run("check_alerts", store=failing_shop, pager=pager(listener))[0] == 0
    code, out, _ = run("list_alerts", "--json", pager=pager(listener))
    assert (code, json.loads("\n".join(out))["failing_since"]) == (0, None)


@pytest.mark.parametrize(("status", "code"), [("sent", 0), ("refused", 5), ("skipped", 5), ("pending", 5)])
def test_what_was_delivered_twice_is_listed_and_what_was_not_has_an_exit_code(
    failing_shop: Store, listener: Listener, status: str, code: int
) -> None:
    run("check_alerts", store=failing_shop, pager=pager(listener))
    AlertEvent.objects.filter(identity="checkout").update(status=status, problem="an example")
    found, out, _ = run("list_alerts", pager=pager(listener))
    assert (found, "Not delivered as it should be:" in out) == (code, True)
    assert any(line.strip().startswith(f"{status}: trigger crit checkout to pager") for line in out)


@pytest.mark.parametrize("given", [{"RECEIVERS": ["pager"]}, {"RUNBOOKS": 5}, {"RECEIVERS": None}])
def test_settings_of_the_wrong_type_are_listed(failing_shop: Store, given: dict[str, Any]) -> None:
    run("check_alerts", store=failing_shop)
    out = StringIO()
    with override_settings(ZEMANTA_OPS={"ALERTS": given}), pytest.raises(SystemExit) as exit_:
        call_command("list_alerts", stdout=out)
    assert exit_.value.code == 5
    assert "Settings that cannot be used:" in out.getvalue()
    assert f'["{next(iter(given))}"] must be' in " ".join(out.getvalue().split())
