from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.commands.checking import checked_here
from tests.servers.fixtures import StartTelegraf
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import free_port
from zemanta_ops.secrets import Secret, ledger

INFLUXDB = {"URL": "http://127.0.0.1:8086", "ORG": "example", "BUCKET": "telegraf", "TOKEN": "example-secret-value"}
NAMES = ["telegraf.conf", "telegraf.env.example", "telegraf.service.d/zemanta-ops.conf"]


def run(*arguments: str, influxdb: dict[str, Any] = INFLUXDB, **metrics: Any) -> tuple[int, str, str]:
    """Return the exit code, and what went to standard output and to standard error."""
    out, err = StringIO(), StringIO()
    with override_settings(ZEMANTA_OPS={"METRICS": metrics, "INFLUXDB": influxdb}):
        try:
            call_command("generate_stack", *arguments, stdout=out, stderr=err)
        except CommandError as error:
            return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), err.getvalue()


def test_it_writes_and_says_what(tmp_path: Path) -> None:
    folder = tmp_path / "deploy"
    code, out, err = run("telegraf", "--output", str(folder))
    assert (code, err) == (0, "")
    assert out.splitlines() == [f"written   {folder / name}" for name in NAMES]
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        "telegraf.conf",
        "telegraf.env.example",
        "zemanta-ops.conf",
    ]
    assert "example-secret-value" not in "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert run("telegraf", "--output", str(folder))[1].splitlines() == [f"unchanged {folder / name}" for name in NAMES]


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_check_metrics_finds_every_hop_of_what_it_generated_well(
    protocol: str,
    tmp_path: Path,
    influxdb1: InfluxDB1,
    database: str,
    start_telegraf: StartTelegraf,
) -> None:
    metrics: dict[str, Any] = {"PORT": free_port(), "PROTOCOL": protocol, "AGENT_INTERVAL": 1}
    influxdb = {"URL": influxdb1.url, "DATABASE": database}
    assert run("telegraf", "--output", str(tmp_path), influxdb=influxdb, **metrics)[0] == 0
    start_telegraf((tmp_path / "telegraf.conf").read_text(), metrics["PORT"])
    code, document = checked_here(metrics=metrics, influxdb=influxdb)
    assert code == 0
    assert [(hop["name"], hop["status"]) for hop in document["hops"]] == [
        (name, "ok") for name in ("settings", "agent", "database", "telegraf", "probe")
    ]


def test_it_overwrites_only_with_force(tmp_path: Path) -> None:
    (tmp_path / "telegraf.conf").write_text("mine")
    code, out, err = run("telegraf", "--output", str(tmp_path))
    assert (code, out) == (4, "")
    assert "telegraf.conf has other contents. To overwrite it, add --force" in err
    assert [path.name for path in tmp_path.iterdir()] == ["telegraf.conf"]
    assert run("telegraf", "--output", str(tmp_path), "--force")[0] == 0
    assert "[[inputs.statsd]]" in (tmp_path / "telegraf.conf").read_text()


def test_a_dry_run_prints_and_writes_nothing(tmp_path: Path) -> None:
    code, out, _ = run("telegraf", "--output", str(tmp_path), "--dry-run")
    assert code == 0
    assert [line for line in out.splitlines() if line.startswith("#####")] == [f"##### {tmp_path / n}" for n in NAMES]
    assert "[[outputs.influxdb_v2]]" in out
    assert list(tmp_path.iterdir()) == []
    assert "##### telegraf.conf" in run("telegraf", "--dry-run")[1]


def test_json(tmp_path: Path) -> None:
    dry = json.loads(run("telegraf", "--output", str(tmp_path), "--json", "--dry-run", influxdb={})[1])
    assert [file["state"] for file in dry["files"]] == ["new"] * 3
    assert "[agent]" in dry["files"][0]["text"]
    assert "no database is configured" in dry["warnings"][0]
    run("telegraf", "--output", str(tmp_path))
    (tmp_path / "telegraf.conf").write_text("mine")
    done = json.loads(run("telegraf", "--output", str(tmp_path), "--json", "--force")[1])
    assert [(file["path"], file["state"], file["done"]) for file in done["files"]] == [
        (str(tmp_path / NAMES[0]), "different", "written"),
        (str(tmp_path / NAMES[1]), "unchanged", "unchanged"),
        (str(tmp_path / NAMES[2]), "unchanged", "unchanged"),
    ]
    assert done["warnings"] == []


@pytest.fixture
def new_ledger() -> Iterator[None]:
    """Forget afterwards what the test revealed."""
    yield
    ledger.forget()


@pytest.mark.usefixtures("new_ledger")
@pytest.mark.parametrize("decrypted", [False, True])
def test_a_secret_of_any_setting_comes_from_the_environment(decrypted: bool) -> None:
    url = Secret("plain::http://influx-of-ours.example:8086")
    influxdb = {"URL": url.get() if decrypted else url, "DATABASE": "telegraf"}
    code, out, _ = run("telegraf", "--dry-run", influxdb=influxdb)
    assert code == 0
    assert "influx-of-ours" not in out
    assert 'urls = ["${INFLUX_URL:?set it in the environment of Telegraf}"]' in out
    assert "\nINFLUX_URL=\n" in out


def test_without_a_database_it_warns(tmp_path: Path) -> None:
    code, _, err = run("telegraf", "--output", str(tmp_path), influxdb={})
    assert (code, err) == (
        0,
        "warning: no database is configured: this Telegraf prints what it receives, and stores nothing\n",
    )


@pytest.mark.parametrize(
    ("metrics", "words"),
    [({"PORT": "many"}, "PORT"), ({"LEGACY_NAMES": ["a.{measurement}", "a.*.{measurement=b}", "a.*"]}, "a.*")],
)
def test_settings_that_cannot_be_used(tmp_path: Path, metrics: dict[str, Any], words: str) -> None:
    code, out, err = run("telegraf", "--output", str(tmp_path / "new"), **metrics)
    assert (code, out) == (3, "")
    assert words in err
    assert not (tmp_path / "new").exists()


def test_it_needs_a_target_and_a_folder() -> None:
    assert run("telegraf")[::2] == (2, "No folder is given. Add --output FOLDER, or --dry-run")
    code, _, err = run("graphite", "--dry-run")
    assert code == 1
    assert "invalid choice: 'graphite'" in err


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = run("telegraf", "--output", str(tmp_path / "file" / "below"))
    assert code == 4
    assert "Not a directory" in err
