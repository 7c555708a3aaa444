"""The page on key rotation, command by command, with the real programs."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.docs.project import PLAINTEXTS, Project
from tests.docs.walkthrough import headings, walkthrough

PAGE = "key_rotation"
# A section that comes or goes breaks this line: each has a test.
[LOCAL] = headings(PAGE)

NewProject = Callable[..., Project]


def key_ids(project: Project) -> set[str]:
    """Return the key ids that the tokens of the settings name."""
    return set(re.findall(r"[&:]key=([^&:]+)", project.settings.read_text(encoding="utf-8")))


def test_a_new_local_key(new_project: NewProject) -> None:
    project = new_project()
    project.configure('app = "shop"\n', "local")
    [old] = key_ids(project)
    with walkthrough(PAGE, LOCAL, project.folder, project.environment) as person:
        shown = person.do("python manage.py rotate_secrets")
    [new] = key_ids(project)
    assert new != old
    assert new in shown
    assert old not in shown
    assert project.read() == PLAINTEXTS
    project.run("git", "checkout", "--quiet", "--", "mysite")
    assert key_ids(project) == {old}
    assert project.read() == PLAINTEXTS
