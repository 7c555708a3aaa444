"""``python -m example_project.demo``, run as ``make demo`` runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.readme import page, wait_until

pytestmark = [pytest.mark.more, pytest.mark.usefixtures("without_coverage")]

ROOT = Path(__file__).resolve().parents[2]
SECRETS = 5


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Return every file and folder below with its size and time of change."""
    return {str(each): (each.stat().st_size, each.stat().st_mtime_ns) for each in sorted(folder.rglob("*"))}


def demo(home: Path, temporary: Path, extra: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the demo in a home and with a folder for temporary files that nobody else uses."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ZEMANTA_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-m", "example_project.demo", "--seconds", "1"],
        cwd=ROOT,
        env={**kept, "HOME": str(home), "TMPDIR": str(temporary), **extra},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / ".local" / "share").mkdir(parents=True)
    (folder / ".profile").write_text("# mine\n")
    return folder


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    (tmp_path / "temporary").mkdir()
    return tmp_path / "temporary"


def test_everything_holds_and_nothing_of_it_stays(home: Path, temporary: Path) -> None:
    before = tree(home)
    done = demo(home, temporary, {})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    check_form(done.stdout)
    check_counts(done.stdout)
    assert len(re.findall(r"^  [0-9a-f]{12}  [\w.]+$", done.stdout, re.MULTILINE)) == SECRETS
    assert "example-" not in done.stdout + done.stderr
    assert tree(home) == before
    assert not tree(temporary)


def check_form(printed: str) -> None:
    """Assert that the output fits a terminal, begins at once, and shows a token and an N+1."""
    lines = printed.splitlines()
    assert len(lines) <= 80
    assert [line for line in lines if len(line) > 80] == []
    assert re.match(r"  0\.\d s  Encrypting", lines[0])
    assert sum(" requests counted" in line for line in lines) >= 1
    assert re.search(r'^  SECRET_KEY = Secret\("local:v=2&key=.+…', printed, re.MULTILINE)
    assert re.search(r"an N\+1: a request to report sent one SQL statement (\d\d) times", printed)


def check_counts(printed: str) -> None:
    """Assert that every view was counted as often as it was asked for."""
    rows = re.findall(r"^([\w-]+) +(\d+) +(\d+) +(\d+)$", printed, re.MULTILINE)
    assert {"home", "job-list", "slow", "fail", "stream", "async-stream", "unresolved", "mirror"} <= {
        view for view, *_ in rows
    }
    assert all(sent == counted == timed for _, sent, counted, timed in rows)


@pytest.mark.more
def test_the_demo_fails_where_a_secret_is_another_and_no_metric_is_sent(home: Path, temporary: Path) -> None:
    broken = {"ZEMANTA_OPS_OVERRIDE__NEWSLETTER_API_KEY": "another", "ZEMANTA_OPS_METRICS_ENABLED": "false"}
    done = demo(home, temporary, broken)
    assert done.returncode == 1, done.stdout + done.stderr
    failed = re.findall(r"^  FAIL (.*)$", done.stdout.replace("\n" + " " * 7, " "), re.MULTILINE)
    assert failed[0].startswith("gunicorn does not hold the secret that was encrypted for NEWSLETTER_API_KEY")
    assert any("GET home 200: 90 sent, 0 counted" in each for each in failed)


def test_a_site_that_does_not_start_is_told_with_the_end_of_its_log(home: Path, temporary: Path) -> None:
    done = demo(home, temporary, {"GUNICORN_CMD_ARGS": "--no-such-option"})
    assert done.returncode == 1
    assert "does not answer; the end of its log" in done.stderr


def test_the_live_site_answers_at_the_address_it_prints_until_it_is_interrupted(
    home: Path, temporary: Path, tmp_path: Path
) -> None:
    printed = tmp_path / "printed.txt"
    with printed.open("wb") as out:
        live = subprocess.Popen(
            [sys.executable, "-m", "example_project.demo", "--live"],
            cwd=ROOT,
            env={**os.environ, "HOME": str(home), "TMPDIR": str(temporary)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        assert wait_until(lambda: "Ctrl-C ends it" in printed.read_text(encoding="utf-8"))
        address = re.findall(r"the site +(http\S+)", printed.read_text(encoding="utf-8"))[0]
        assert "The print shop" in page(address)
        live.send_signal(signal.SIGINT)
        assert live.wait(60) == 0
    finally:
        live.kill()
        live.wait()
    assert not tree(temporary)
