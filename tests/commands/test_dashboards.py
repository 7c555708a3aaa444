"""show_dashboards, annotate_deploy, and generate_stack grafana and compose, against a real database."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.commands.dashboards import run, settle, write_two_requests
from tests.servers.process import free_port
from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics
from tests.special_files import KINDS, kept, make_special
from zemanta_ops.management.commands import show_dashboards
from zemanta_ops.stack.charts.show import Shown
from zemanta_ops.stack.settings import NO_DATABASE


@pytest.fixture
def requests(new_any_store: Callable[[], Store]) -> Store:
    """Return a store with two requests of the last minute."""
    store = new_any_store()
    write_two_requests(store)
    return store


def test_a_page_shows_deploys_loads_nothing_and_repeats_nothing_as_markup(requests: Store, tmp_path: Path) -> None:
    code, out, _ = run("annotate_deploy", "2.4 <beta>", "--text", "it's faster", store=requests)
    assert (code, out.split()[0]) == (0, "marked")
    settle(requests)
    if not isinstance(requests.server, VictoriaMetrics):
        check_point(requests)
    # The window ends now, and a deploy of this second is at its end.
    time.sleep(1.1 - time.time() % 1)
    code, out, _ = run("show_dashboards", "--output", str(tmp_path / "new"), "--since", "5m", store=requests)
    assert code == 0
    check_page(tmp_path / "new", out)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_replaces_a_regular_file_only(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is drawn does not matter here, so there is no database.
    monkeypatch.setattr(show_dashboards, "open_database_or_exit", nullcontext)
    monkeypatch.setattr(show_dashboards, "_draw", lambda *_: Shown({"index.html": b"drawn"}, []))
    with kept(make_special(kind, tmp_path / "index.html")):
        code, _, err = run("show_dashboards", "--output", str(tmp_path), influxdb={})
    assert code == show_dashboards.EXIT_NOT_WRITTEN
    assert f"index.html could not be written: it is {KINDS[kind]}, not a regular file" in err


def check_point(store: Store) -> None:
    [point] = store.last_points("^zemanta_ops_deploy$")
    assert point.tags == {"app": "print-shop", "version": "2.4 <beta>"}
    assert point.fields == {"title": "2.4 <beta>", "text": "it's faster", "value": 1}


def check_page(folder: Path, out: str) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["index.html", "overview.png", "pipeline.png", "state.png", "view.png"]
    assert len(out.splitlines()) == len(names)
    page = (folder / "index.html").read_text()
    assert "2.4 &lt;beta&gt; at " in page
    assert "<b>home</b>" not in page and "&lt;b&gt;home&lt;/b&gt;" in page
    # Namespaces of SVG and the name of the program that drew it are not loaded.
    namespaces = r"https?://(www\.w3\.org|purl\.org|creativecommons\.org|matplotlib\.org)/"
    assert not re.search(r"https?://", re.sub(namespaces, "", page))
    assert "<script" not in page
    assert (folder / "view.png").read_bytes().startswith(b"\x89PNG")


def test_a_host_can_be_chosen_and_what_no_dashboard_offers_is_refused(requests: Store, tmp_path: Path) -> None:
    arguments = ("show_dashboards", "--output", str(tmp_path), "--since", "5m", "--set")
    assert run(*arguments, "host=web-2", store=requests)[0] == 0
    assert "&lt;b&gt;home&lt;/b&gt;" not in (tmp_path / "index.html").read_text()
    code, _, message = run(*arguments, "hots=web-2", store=requests)
    assert code == 2 and "--set hots: no dashboard has this choice. Choose among: app, host" in message


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--since", "yesterday"], 2, "--since is not a duration"),
        (["--since", ""], 2, "--since is empty"),
        (["--set", "host"], 2, "not of the form TAG=VALUE"),
    ],
)
def test_wrong_arguments_are_named(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    found = run("show_dashboards", "--output", str(tmp_path), *arguments, influxdb={})
    assert (found[0], words in found[2]) == (code, True)


@pytest.mark.parametrize(
    "command", [["show_dashboards", "--output"], ["annotate_deploy"], ["generate_stack", "grafana"]]
)
def test_without_a_database_the_settings_are_named(tmp_path: Path, command: list[str]) -> None:
    last = ["--preview"] if command[0] == "generate_stack" else [str(tmp_path)]
    code, _, message = run(*command, *last, influxdb={})
    assert code == 3
    assert NO_DATABASE in message


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["show_dashboards", "--output", "{}"], 4),
        (["annotate_deploy", "1.0"], 4),
        (["generate_stack", "grafana", "--preview"], 5),
    ],
)
def test_a_database_that_is_down_is_an_exit_code_of_its_own(
    tmp_path: Path, command: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zemanta_ops.stack.databases.base.time.sleep", lambda _: None)
    influxdb = {"URL": f"http://127.0.0.1:{free_port()}", "DATABASE": "shop"}
    arguments = [each.format(tmp_path) for each in command]
    found, _, message = run(*arguments, influxdb=influxdb)
    assert found == code
    assert "refused" in message


def test_the_message_of_a_commit_is_one_line_of_a_deploy(new_any_store: Callable[[], Store]) -> None:
    store = new_any_store()
    code, out, err = run("annotate_deploy", "2.4\n", "--text", 'Faster\n\n* "search"\n', store=store)
    assert (code, err) == (0, "")
    assert out.startswith("marked    2.4 in ")
    settle(store)
    if not isinstance(store.server, VictoriaMetrics):
        assert store.last_points("^zemanta_ops_deploy$")[0].fields["text"] == 'Faster * "search"'


def test_an_empty_version_is_refused() -> None:
    assert run("annotate_deploy", " ", influxdb={})[0] == 2


def test_a_preview_of_another_target_is_refused() -> None:
    assert run("generate_stack", "telegraf", "--preview", influxdb={})[0] == 2


def test_an_edited_dashboard_is_kept_and_with_force_overwritten_and_shown(tmp_path: Path) -> None:
    influxdb = {"URL": "http://127.0.0.1:8086", "DATABASE": "shop"}
    arguments = ("generate_stack", "grafana", "--output", str(tmp_path))
    assert run(*arguments, influxdb=influxdb)[0] == 0
    path = tmp_path / "dashboards" / "overview.json"
    generated = path.read_text()
    path.write_text(generated.replace('"refresh": "30s"', '"refresh": "5s"'))
    code, _, message = run(*arguments, influxdb=influxdb)
    assert code == 4 and "overview.json has other contents" in message
    assert path.read_text() != generated
    code, out, _ = run(*arguments, "--force", influxdb=influxdb)
    assert code == 0 and path.read_text() == generated
    assert '-  "refresh": "5s",\n+  "refresh": "30s",\n' in out


def test_the_data_source_has_no_credentials_and_follows_the_database(tmp_path: Path) -> None:
    secret = {"USERNAME": "example-user", "PASSWORD": "example-secret-password"}
    for number, influxdb in enumerate(
        [
            {"URL": "http://db:8086", "DATABASE": "shop/week", **secret},
            {"URL": "http://db:8086", "ORG": "example", "BUCKET": "shop$", "TOKEN": "example-secret-token"},
        ]
    ):
        folder = tmp_path / str(number)
        assert run("generate_stack", "grafana", "--output", str(folder), influxdb=influxdb)[0] == 0
        text = (folder / "provisioning/datasources/zemanta_ops.yaml").read_text()
        [source] = json.loads(text.split("\n", 1)[1])["datasources"]
        assert "example-secret" not in "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
        if number == 0:
            assert source["jsonData"]["dbName"] == "shop"
            assert source["secureJsonData"] == {"password": "$INFLUX_PASSWORD"}
        else:
            assert source["jsonData"]["defaultBucket"] == "shop$$"
            assert source["secureJsonData"] == {"token": "$INFLUX_TOKEN"}


def test_the_compose_file_starts_what_the_settings_name(tmp_path: Path) -> None:
    influxdb = {"URL": "http://127.0.0.1:8087", "DATABASE": "shop/week"}
    assert run("generate_stack", "compose", "--output", str(tmp_path), influxdb=influxdb)[0] == 0
    text = (tmp_path / "compose.yaml").read_text()
    services = json.loads("\n".join(line for line in text.splitlines() if not line.startswith("#")))["services"]
    assert set(services) == {"telegraf", "grafana", "influxdb", "kapacitor"}
    assert services["influxdb"]["environment"]["INFLUXDB_HTTP_BIND_ADDRESS"] == "127.0.0.1:8087"
    assert services["influxdb"]["environment"]["INFLUXDB_DB"] == "shop"
    # Nothing listens on an address that others can reach.
    assert all(service["network_mode"] == "host" and "ports" not in service for service in services.values())
    assert services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert run("generate_stack", "kapacitor", "--output", str(tmp_path), influxdb=influxdb)[0] == 0
    mounted = [volume.partition(":")[0] for volume in services["kapacitor"]["volumes"][:2]]
    assert all((tmp_path / path).exists() for path in mounted)


def test_the_compose_file_of_influxdb_2_takes_its_token_from_the_environment(tmp_path: Path) -> None:
    influxdb = {"URL": "http://localhost:8086", "ORG": "example", "BUCKET": "shop", "TOKEN": "example-secret-token"}
    assert run("generate_stack", "compose", "--output", str(tmp_path), influxdb=influxdb)[0] == 0
    text = (tmp_path / "compose.yaml").read_text()
    assert "example-secret-token" not in text
    assert '"DOCKER_INFLUXDB_INIT_ADMIN_TOKEN": "${INFLUX_TOKEN:?is not set}"' in text


@pytest.mark.parametrize(
    "influxdb", [{}, {"URL": "http://db.example.com:8086", "DATABASE": "shop"}], ids=["none", "other"]
)
def test_a_compose_file_is_for_a_database_on_this_machine(influxdb: dict[str, str]) -> None:
    code, _, message = run("generate_stack", "compose", "--dry-run", influxdb=influxdb)
    assert code == 3 and "http://127.0.0.1:8086" in message


def test_alert_rules_are_written_if_they_are_asked_for(tmp_path: Path) -> None:
    influxdb = {"URL": "http://127.0.0.1:8086", "DATABASE": "shop"}
    folder = tmp_path / "provisioning" / "alerting"
    assert run("generate_stack", "grafana", "--output", str(tmp_path), influxdb=influxdb)[0] == 0
    assert not folder.exists()
    assert run("generate_stack", "grafana", "--alerts", "--output", str(tmp_path), influxdb=influxdb)[0] == 0
    names = ["zemanta_ops_contacts.yaml", "zemanta_ops_policies.yaml", "zemanta_ops_rules.yaml"]
    assert sorted(path.name for path in folder.iterdir()) == names


def test_alert_rules_are_those_of_grafana(tmp_path: Path) -> None:
    code, _, message = run("generate_stack", "telegraf", "--alerts", "--dry-run", influxdb={})
    assert (code, message) == (2, "--alerts is for the target grafana alone")
