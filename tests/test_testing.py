"""The test kit that users get."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from zemanta_ops import metrics, testing
from zemanta_ops.secrets import Secret
from zemanta_ops.testing import ANY, Recorder, capture_metrics, fake_secrets

NOISY_TEST = """
from zemanta_ops import metrics
from zemanta_ops.testing import ANY

def test_silent():
    metrics.incr("signup")
    assert metrics.health() == {"enabled": False}

def test_captured(captured_metrics):
    metrics.incr("signup", plan="pro")
    captured_metrics.assert_incr("signup", 1, plan=ANY)
"""


def test_counters_are_summed(captured_metrics: Recorder) -> None:
    metrics.incr("signup", plan="pro")
    metrics.incr("signup", 4, plan="pro")
    metrics.decr("signup", 2, plan="free")
    captured_metrics.assert_incr("signup")
    captured_metrics.assert_incr("signup", 5, plan="pro")
    captured_metrics.assert_incr("signup", 3)


def test_the_last_gauge_counts(captured_metrics: Recorder) -> None:
    metrics.gauge("depth", 1)
    metrics.gauge("depth", 2)
    captured_metrics.assert_gauge("depth", 2)
    with pytest.raises(AssertionError):
        captured_metrics.assert_gauge("depth", 1)
    metrics.gauge("depth", 3, delta=True)
    captured_metrics.assert_gauge("depth", (3,))


def test_timings_are_in_seconds(captured_metrics: Recorder) -> None:
    metrics.timing("load", 1.25, source="s3")
    captured_metrics.assert_timing("load", pytest.approx(1.25), source="s3")
    with pytest.raises(AssertionError):
        captured_metrics.assert_timing("load", 1250)


def test_histograms_and_sets(captured_metrics: Recorder) -> None:
    metrics.histogram("rows", 12)
    metrics.unique("visitors", "ann:1")
    captured_metrics.assert_histogram("rows", 12)
    captured_metrics.assert_unique("visitors", "ann:1")
    with pytest.raises(AssertionError):
        captured_metrics.assert_unique("visitors", "bob")


def test_a_kind_is_not_taken_for_another(captured_metrics: Recorder) -> None:
    metrics.gauge("depth", 1)
    with pytest.raises(AssertionError, match="no counter depth"):
        captured_metrics.assert_incr("depth")


def test_tags_as_they_were_given_are_found(captured_metrics: Recorder) -> None:
    metrics.incr("hit", view="app:detail", size=5, cached=True)
    captured_metrics.assert_incr("hit", view="app:detail")
    captured_metrics.assert_incr("hit", size=5, cached=True)


def test_any_wants_the_tag_and_none_wants_it_away(captured_metrics: Recorder) -> None:
    metrics.incr("hit", view="home")
    captured_metrics.assert_incr("hit", view=ANY, error=None)
    for tags in ({"error": ANY}, {"view": None}, {"view": "other"}):
        with pytest.raises(AssertionError):
            captured_metrics.assert_incr("hit", **tags)


def test_not_emitted(captured_metrics: Recorder) -> None:
    metrics.timing("load", 1, source="s3")
    captured_metrics.assert_not_emitted("load", source="disk")
    captured_metrics.assert_not_emitted("unload")
    with pytest.raises(AssertionError, match="load, source='s3' was emitted"):
        captured_metrics.assert_not_emitted("load", source="s3")


def test_a_failure_prints_what_was_recorded(captured_metrics: Recorder) -> None:
    with pytest.raises(AssertionError, match="Nothing was recorded"):
        captured_metrics.assert_incr("signup", 1, plan="pro")
    metrics.incr("sign-up", 2, plan="free")
    with pytest.raises(AssertionError) as failure:
        captured_metrics.assert_incr("signup", 1, plan="pro")
    assert str(failure.value).splitlines() == [
        "no counter signup = 1, plan='pro' was emitted.",
        "Recorded:",
        "  counter sign-up = 2, plan='free'",
    ]


def test_captures_nest() -> None:
    with capture_metrics() as outer:
        with capture_metrics() as inner:
            metrics.incr("a")
        metrics.incr("b")
    inner.assert_incr("a")
    inner.assert_not_emitted("b")
    outer.assert_incr("b")
    outer.assert_not_emitted("a")


def test_other_threads_are_recorded(captured_metrics: Recorder) -> None:
    thread = Thread(target=metrics.incr, args=("signup",))
    thread.start()
    thread.join()
    captured_metrics.assert_incr("signup", 1)


def test_the_cardinality_guard_does_not_remember_earlier_tests() -> None:
    for test in range(3):
        with capture_metrics() as recorded:
            for user in range(150):
                metrics.incr("hit", user=f"{test}-{user}")
        recorded.assert_not_emitted("hit", user="_other")


def run_pytest(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "DJANGO_SETTINGS_MODULE": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(folder)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_the_plugin_comes_with_the_package_and_silences_metrics(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, NOISY_TEST)
    assert done.returncode == 0, done.stdout


def test_the_plugin_imports_neither_half_and_no_django(tmp_path: Path) -> None:
    text = """
import sys
def test_it():
    assert "zemanta_ops.pytest_plugin" in sys.modules
    loaded = [n for n in sys.modules if n.startswith(("zemanta_ops.secrets", "zemanta_ops.metrics", "django."))]
    assert loaded == []
"""
    done = run_pytest(tmp_path, text, "-p", "no:django", "-p", "no:hypothesispytest")
    assert done.returncode == 0, done.stdout


def test_fake_secrets_need_no_key() -> None:
    token = "kms:region=eu-west-1:bm90LWEtcmVhbC1jaXBoZXJ0ZXh0"
    with fake_secrets():
        first, again, other = Secret(token).get(), Secret(token).get(), Secret("plain::example").get()
    assert first == again != other
    assert first.startswith("fake-")
    assert Secret("plain::example").get() == "example"


SETTINGS = """
from zemanta_ops.secrets import Secret, decrypt_settings
SECRET_KEY = Secret("kms:region=eu-west-1:bm90LWEtcmVhbC1jaXBoZXJ0ZXh0")
INSTALLED_APPS = ["zemanta_ops"]
decrypt_settings(globals())
"""

SETTINGS_TEST = """
def test_the_settings_are_there():
    from django.conf import settings
    assert settings.SECRET_KEY.startswith("fake-")
"""


def test_an_ini_option_fakes_the_secrets_of_the_settings_before_they_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "shop_settings.py").write_text(SETTINGS)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\nzemanta_ops_secrets = fake\n")
    done = run_pytest(tmp_path, SETTINGS_TEST, "--ds=shop_settings")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_kit_lists_all_its_public_names() -> None:
    own = {name for name, each in vars(testing).items() if getattr(each, "__module__", "") == testing.__name__}
    named = {name for name in own if not name.startswith("_")} | {"ANY", "assert_no_secret_leaks"}
    assert set(testing.__all__) == named
