from __future__ import annotations

import json
import signal
import subprocess
from contextlib import AbstractContextManager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.commands.nodes import migrate, running, says, write_project
from tests.metrics.agents import Agent, agent, wait_until
from zemanta_ops import metrics
from zemanta_ops.metrics.gauges import registry as gauges
from zemanta_ops.models import Lease
from zemanta_ops.secrets import ledger
from zemanta_ops.testing import Recorder

PROJECT = """
import sys
from pathlib import Path
from django.conf import settings
from django.core.management import execute_from_command_line
from zemanta_ops import metrics

here = Path(__file__).parent
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "zemanta_ops", "shop"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": here / "db", "OPTIONS": {"timeout": 20}}},
    ZEMANTA_OPS={"METRICS": {"ENABLED": True, "PORT": int(sys.argv[1]), "HOST_TAG": sys.argv[2], "AGENT_INTERVAL": 0.2,
        "FLUSH_SECONDS": 0.05}},
)
execute_from_command_line(["manage.py", *sys.argv[3:]])
"""

GAUGES = """
from django.contrib.contenttypes.models import ContentType
from zemanta_ops import metrics

@metrics.app_gauge("types", every=1)
def types():
    return ContentType.objects.filter(app_label="zemanta_ops", model="lease").count()
"""


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    gauges.find_gauges()  # the installed apps' own gauges are imported once, before the registry is emptied
    monkeypatch.setattr(gauges, "_registry", {})


def emit(*arguments: str, **options: Any) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("emit_gauges", *arguments, stdout=out, stderr=err, **options)
    except SystemExit as exit_:
        return int(exit_.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def count() -> list[tuple[int, dict[str, str]]]:
    return [(3, {"queue": "mail"}), (4, {"queue": "sms"})]


def fail() -> int:
    raise LookupError("no such queue")


@pytest.mark.django_db
def test_once(captured_metrics: Recorder) -> None:
    metrics.app_gauge("jobs.waiting")(count)
    code, out, err = emit("--once")
    assert (code, out.splitlines()) == (0, ["jobs.waiting queue=mail 3", "jobs.waiting queue=sms 4"])
    assert "not sent" in err
    captured_metrics.assert_gauge("jobs.waiting", 3, queue="mail")


@pytest.mark.django_db
def test_a_failing_gauge_gives_an_exit_code_and_the_others_are_sent(captured_metrics: Recorder) -> None:
    metrics.app_gauge("jobs.waiting")(count)
    metrics.app_gauge("broken")(fail)
    code, out, _ = emit("--once", "--json")
    assert code == 4
    assert json.loads(out) == {
        "collected": True,
        "gauges": [
            {"name": "broken", "error": "LookupError: no such queue", "readings": []},
            {
                "name": "jobs.waiting",
                "error": None,
                "readings": [{"value": 3, "tags": {"queue": "mail"}}, {"value": 4, "tags": {"queue": "sms"}}],
            },
        ],
    }
    captured_metrics.assert_gauge("jobs.waiting", 4)
    assert "broken failed: LookupError" in emit("--once")[2]


@pytest.mark.django_db
def test_a_secret_in_the_error_of_a_gauge_is_not_printed() -> None:
    @metrics.app_gauge("leaking")
    def leak() -> int:
        raise LookupError("https://user:example-secret@queue.example.com/ is away")

    ledger.reveal("example-secret")
    printed = [*emit("--once"), *emit("--once", "--json")]
    assert "example-secret" not in str(printed)
    assert str(printed).count("@queue.example.com/ is away") == 2


@pytest.mark.django_db
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_once_leaves_it_to_the_node_that_has_the_lease(form: list[str], captured_metrics: Recorder) -> None:
    metrics.app_gauge("jobs.waiting")(count)
    emit("--once")
    assert emit("--once", *form)[0] == 0
    assert len(captured_metrics.find("jobs.waiting", queue="sms")) == 2
    Lease.objects.update(owner="another-node")
    code, out, _ = emit("--once", *form)
    assert code == 0
    assert ("waiting: another process" in out) if not form else json.loads(out) == {"collected": False, "gauges": []}
    assert len(captured_metrics.find("jobs.waiting", queue="sms")) == 2


def test_no_gauge_is_an_error_that_says_where_to_put_one() -> None:
    with pytest.raises(CommandError, match=r"an app's gauges.py with app_gauge"):
        emit("--once")


def test_a_lock_that_cannot_lock_has_its_exit_code() -> None:
    metrics.app_gauge("jobs.waiting")(count)
    settings = override_settings(ZEMANTA_OPS={"METRICS": {"GAUGE_LOCK": "cache:default"}})
    with settings, pytest.raises(CommandError, match="not shared between processes") as failure:
        emit("--once", skip_checks=True)
    assert failure.value.returncode == 3


@pytest.mark.parametrize("seconds", ["0", "-5", "nan", "soon"])
def test_a_lease_that_makes_no_sense_is_refused(seconds: str) -> None:
    with pytest.raises(CommandError, match="--lease"):
        emit("--once", f"--lease={seconds}")


def node(folder: Path, port: int, name: str, *arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return running(folder, name, str(port), name, *arguments)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_project(tmp_path, PROJECT, gauges=GAUGES)
    migrate(tmp_path, "9", "setup")
    return tmp_path


def hosts(listener: Agent) -> set[str]:
    """Return the hosts that sent since the last question."""
    listener.receive()
    found = {sample.tags["host"] for sample in listener.samples() if sample.name == "types" and sample.value == 1}
    listener.datagrams.clear()
    return found


def test_one_of_two_nodes_collects_and_the_other_takes_over(project: Path) -> None:
    with agent() as listener, node(project, listener.port, "a", "emit_gauges", "--loop", "--lease", "1") as first:
        assert wait_until(lambda: hosts(listener) == {"a"}, 30)
        with node(project, listener.port, "b", "emit_gauges", "--loop", "--lease", "1") as second:
            assert wait_until(says(project, "b", "waiting: another process"), 30)
            hosts(listener)
            assert wait_until(lambda: hosts(listener) == {"a"}, 30)
            first.send_signal(signal.SIGTERM)
            assert first.wait(20) == 0
            assert wait_until(says(project, "b", "collecting"), 30)
            hosts(listener)
            assert wait_until(lambda: hosts(listener) == {"b"}, 30)
            second.send_signal(signal.SIGHUP)
            assert second.wait(20) == 0


def test_a_leader_that_was_frozen_emits_nothing_when_it_wakes(project: Path) -> None:
    with agent() as listener, node(project, listener.port, "a", "emit_gauges", "--loop", "--lease", "1") as first:
        assert wait_until(lambda: hosts(listener) == {"a"}, 30)
        with node(project, listener.port, "b", "emit_gauges", "--loop", "--lease", "1"):
            assert wait_until(says(project, "b", "waiting: another process"), 30)
            first.send_signal(signal.SIGSTOP)
            assert wait_until(says(project, "b", "collecting"), 30)
            assert wait_until(lambda: hosts(listener) == {"b"}, 30)
            first.send_signal(signal.SIGCONT)
            assert wait_until(says(project, "a", "waiting: another process"), 30)
            assert hosts(listener) <= {"b"}


def test_without_its_table_the_lock_says_what_to_do(project: Path) -> None:
    (project / "db").unlink()
    with node(project, 9, "a", "emit_gauges", "--loop", "--json") as process:
        assert process.wait(30) == 3
    assert "Run: manage.py migrate" in (project / "a.log").read_text()
