"""The page about alerts: its receivers, its signature and its own class, run as they are printed."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from tests.docs.project import Project
from tests.docs.tables import DOCS, literals, section, tables
from tests.docs.walkthrough import Block, blocks
from tests.secrets.tokens import made
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import free_port, wait_until
from tests.stack.alerting.listening import Listener, Reply, listening
from tests.stack.alerting.receivers.sending import ROUTING_KEY, TRIGGER, build
from zemanta_ops.checks.alerts import check_receivers
from zemanta_ops.management.commands.silence_alert import Command as SilenceCommand
from zemanta_ops.secrets import Secret
from zemanta_ops.stack.alerting import receivers
from zemanta_ops.stack.alerting.judges import OWN_NAME
from zemanta_ops.stack.alerting.receivers import RefusedError, UnavailableError, read_receivers
from zemanta_ops.stack.declarations import isolate, read_declarations

PAGE = "alerts"
START = "From a declaration to a ringing pager"
SETTINGS = """
INSTALLED_APPS = ["zemanta_ops", "shop"]
SECRET_KEY = "example"
MIDDLEWARE = ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db"}}
"""
RECEIVERS, SIGNATURE, OWN = "Receivers", "Check the signature of a webhook", "A receiver of your own"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as server:
        yield server


def find(heading: str) -> list[Block]:
    return [block for block in blocks(PAGE) if block.heading == heading]


def run(block: Block, *secrets: str) -> dict[str, Any]:
    """Run a block, with these plaintexts in the place of its tokens, and return its names."""
    remaining = list(secrets)
    names: dict[str, Any] = {"Secret": lambda _: Secret(made("plain", remaining.pop(0)))}
    exec(block.body, names)
    assert not remaining
    return names


@pytest.mark.more
def test_five_commands_lead_from_a_declaration_to_a_ringing_pager(
    new_project: Callable[..., Project], influxdb1: InfluxDB1, database: str
) -> None:
    declaration, settings, pager, commands, rings = find(START)
    write_requests(influxdb1, database)
    port = str(free_port())
    project = new_project()
    (project.folder / "shop").mkdir()
    (project.folder / "shop" / "__init__.py").touch()
    (project.folder / "shop" / "metrics.py").write_text(declaration.body)
    (project.folder / "pager.py").write_text(pager.body.replace("8911", port))
    text = settings.body.replace("http://127.0.0.1:8086", influxdb1.url).replace('"telegraf"', f'"{database}"')
    project.settings.write_text(SETTINGS + text.replace("8911", port))
    migrate, check, start, dry_run, judge = commands.body.splitlines()

    project.run("bash", "-c", migrate)
    project.run("bash", "-c", check)
    with (project.folder / "rings").open("w") as log:
        ringing = subprocess.Popen(
            [sys.executable, *start.split()[1:-1]], cwd=project.folder, stdout=log, stderr=subprocess.DEVNULL
        )
    try:
        assert wait_until(lambda: is_open(int(port)), 30)
        assert "would    trigger crit shop.error_ratio{view=cart} to pager" in project.run("bash", "-c", dry_run)
        assert (project.folder / "rings").read_text() == ""
        assert "sent     trigger crit shop.error_ratio{view=cart} to pager" in project.run("bash", "-c", judge)
        assert (project.folder / "rings").read_text().strip() == rings.body
        assert "shop.error_ratio{view=cart}: 0.25 since" in project.run("python", "manage.py", "list_alerts")
    finally:
        ringing.kill()
        ringing.wait()


def write_requests(influxdb1: InfluxDB1, database: str) -> None:
    """Write requests of the last minutes, of which a quarter failed."""
    now = int(time.time())
    influxdb1.write(
        "\n".join(
            f"http_request_count,metric_type=counter,host=web-1,method=GET,view=cart,status={status} value={number} "
            f"{(now - age) * 10**9}"
            for age in range(0, 400, 10)
            for status, number in ((200, 30), (500, 10))
        ),
        database,
    )


def is_open(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def test_the_commands_about_silences_can_be_parsed() -> None:
    (block,) = find("Silences")
    parser = SilenceCommand().create_parser("manage.py", "silence_alert")
    for line in block.body.splitlines():
        parser.parse_args(shlex.split(line)[3:])


def test_the_receivers_of_the_page_are_usable() -> None:
    (block,) = find(RECEIVERS)
    names = run(block, ROUTING_KEY, "example-key", "json://127.0.0.1:9/example-token")
    with override_settings(ZEMANTA_OPS=names["ZEMANTA_OPS"]):
        assert check_receivers() == []
        assert list(read_receivers().usable) == ["pager", "chat", "mail", "team"]


def test_the_table_has_every_option_of_every_backend() -> None:
    ((*rows,),) = tables(section(PAGE, RECEIVERS))
    found = {(literals(backend)[0] if literals(backend) else "all", literals(option)[0]) for backend, option, _ in rows}
    expected = {("all", option.name) for option in receivers._COMMON}
    for name, path in receivers.PATHS.items():
        class_, _ = receivers._find_class(name, {"BACKEND": name})
        assert class_ is not None, path
        expected |= {(name, option.name) for option in class_.options}
    assert found == expected


def test_the_signature_is_checked_as_the_page_does(listener: Listener) -> None:
    (block,) = find(SIGNATURE)
    is_genuine = run(block)["is_genuine"]
    build(BACKEND="webhook", URL=listener.url, KEY="example-key").send(TRIGGER)
    (posted,) = listener.posted
    header = posted.headers["X-Zemanta-Ops-Signature"]
    assert is_genuine(header, posted.raw, "example-key")
    assert not is_genuine(header, posted.raw + b" ", "example-key")
    assert not is_genuine(header, posted.raw, "another-key")
    late = header.replace(header[2:12], str(int(time.time()) - 400))
    assert not is_genuine(late, posted.raw, "example-key")


def test_the_page_names_every_key_of_the_body() -> None:
    named = literals(section(PAGE, SIGNATURE).partition("The body is a JSON object")[2])
    assert set(TRIGGER.encode()) <= set(named)


@pytest.mark.parametrize(("status", "error"), [(200, None), (400, RefusedError), (500, UnavailableError)])
def test_a_receiver_of_ones_own(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception] | None
) -> None:
    source, settings = find(OWN)
    class_ = run(source)["Sms"]
    monkeypatch.setattr(receivers, "import_string", {"shop.sms.Sms": class_}.__getitem__)
    section_ = run(settings, "example-token")["ZEMANTA_OPS"]
    section_["ALERTS"]["RECEIVERS"]["phone"]["GATEWAY"] = f"{listener.url}/send"
    listener.reply = Reply(status)
    with override_settings(ZEMANTA_OPS=section_):
        phone = read_receivers().usable["phone"]
    if error is None:
        phone.send(TRIGGER)
    else:
        with pytest.raises(error):
            phone.send(TRIGGER)
    (posted,) = listener.posted
    assert (posted.path, posted.headers["Authorization"]) == ("/send", "Bearer example-token")
    assert posted.body == {"to": "+1 555 0100", "text": TRIGGER.summary}


def test_the_page_lists_every_shipped_alert() -> None:
    ((*rows,),) = tables(section(PAGE, "What this package watches itself"))
    with isolate():
        shipped = {each.key for each in read_declarations().alerts}
    assert {literals(row[0])[0] for row in rows} == {*shipped, OWN_NAME}


def test_the_page_is_in_the_table_of_contents() -> None:
    assert "   alerts\n" in (DOCS / "index.rst").read_text(encoding="utf-8")
