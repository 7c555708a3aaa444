"""The page for a developer without the key, command by command, with the real programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.project import PASSWORD, PLAINTEXTS, SIGNING_KEY, Project
from tests.docs.walkthrough import DOCS, headings, walkthrough
from zemanta_ops.secrets.backends import _agekeys

pytestmark = [pytest.mark.more, pytest.mark.usefixtures("without_coverage")]

PAGE = "without_the_key"
# A section that comes or goes breaks this line: each has a test.
TITLE, OWN, RANDOM, NONE, CHANGE = headings(PAGE)
SEALED = 'app = "shop"\n[environments.production]\nbackend = "sealed"\nrecipients = ["{}"]\n'

NewProject = Callable[..., Project]


@pytest.fixture
def project(new_project: NewProject) -> Project:
    """Return a project whose secrets are sealed to a key that is not on this machine."""
    project = new_project()
    project.configure(SEALED.format(_agekeys.generate("mlkem768x25519").recipient))
    text = project.settings.read_text(encoding="utf-8")
    more = 'DEBUG = True\nSTATIC_URL, STATIC_ROOT = "static/", "static"\n\ndecrypt_settings'
    text = text.replace('["zemanta_ops"]', '["django.contrib.staticfiles", "zemanta_ops"]')
    project.settings.write_text(text.replace("\ndecrypt_settings(", f"{more}("), encoding="utf-8")
    (project.folder / "mysite" / "test_site.py").write_text(
        "from django.conf import settings\nfrom django.test import SimpleTestCase\n\n\n"
        "class SiteTests(SimpleTestCase):\n    def test_keys(self):\n"
        '        self.assertTrue(settings.SECRET_KEY.startswith("fake-"))\n'
    )
    project.commit("Add more settings")
    return project


def test_the_page_is_one_screen() -> None:
    assert len((DOCS / f"{PAGE}.rst").read_text(encoding="utf-8").splitlines()) <= 70


def test_the_audit_needs_no_key(project: Project) -> None:
    assert not project.starts()
    with walkthrough(PAGE, TITLE, project.folder, project.environment) as person:
        shown = person.do("python -m zemanta_ops.secrets audit mysite")
    for wanted in (*PLAINTEXTS, "sealed", "Ann"):
        assert wanted in shown


def test_own_values(project: Project) -> None:
    with walkthrough(PAGE, OWN, project.folder, project.environment) as person:
        person.do("# .secrets.local.toml")
        assert f"{PASSWORD} is overridden by" in person.do("chmod 600 .secrets.local.toml")
    assert project.read() == {SIGNING_KEY: "a value of my own", PASSWORD: "the password of my own database"}
    assert project.run("git", "status", "--porcelain", "--", ".secrets.local.toml") == ""


def test_random_values(project: Project) -> None:
    with walkthrough(PAGE, RANDOM, project.folder, project.environment) as person:
        assert "OK" in person.do("ZEMANTA_OPS_SECRETS=fake python manage.py migrate")


def test_no_values(project: Project) -> None:
    with walkthrough(PAGE, NONE, project.folder, project.environment) as person:
        assert "0 static files copied" in person.do("ZEMANTA_OPS_SECRETS=deferred python manage.py collectstatic")


def test_a_secret_is_changed_without_the_key(project: Project) -> None:
    before = project.settings.read_text(encoding="utf-8")
    with walkthrough(PAGE, CHANGE, project.folder, project.environment) as person:
        assert "is now a sealed token" in person.do("encrypt-secret --into", typed="example\n")
    assert project.settings.read_text(encoding="utf-8") != before


def test_what_fails_leads_to_the_page_s_first_step(project: Project) -> None:
    done = project.run("sh", "-c", "python manage.py check 2>&1 || true")
    assert "2 secrets could not be decrypted" in done
    assert "Without the key: set ZEMANTA_OPS_OVERRIDE__" in done
    assert Path(project.folder / "mysite").is_dir()
