"""A token in text that is not a setting: its place must not be taken by a plaintext."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.repositories import Commit, git
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets.verbs import guard

TOKEN = "kms:region=eu-west-1:QUJDREVGR0g="
OTHER = "kms:region=eu-west-1:T1RIRVJPVEg="
TEXTS = {
    "docker-compose.yml": "services:\n  web:\n    environment:\n      - DEBUG=1\n      - SECRET_KEY={}\n",
    "compose.yaml": 'web:\n  environment:\n    - "SECRET_KEY={}"\n',
    "task.json": '{{"Cmd": ["sh", "-c", "SECRET_KEY={} gunicorn"]}}\n',
    "Dockerfile": "FROM python:3.13\nENV DEBUG=1 SECRET_KEY={}\n",
    "settings.ini": "[settings]\nSECRET_KEY = {}\n",
    "app.properties": "app.secret-key: {}\n",
    ".envrc": 'layout python\nexport SECRET_KEY="{}"\n',
    "deploy.sh": "#!/bin/sh\nexport SECRET_KEY='{}'\n",
    "terraform.tfvars": 'secret_key = "{}"\n',
    "deploy.service": "[Service]\nEnvironment=SECRET_KEY={}\n",
}


def changed(name: str, old: str, new: str, repository: Path, commit: Commit) -> tuple[int, str]:
    commit("one", **{name: old})
    (repository / name).write_text(new)
    git(repository, "add", "--all")
    ended = call(guard)
    return ended.code, ended.err


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", ["hunter2", "4711", "${SECRET_KEY:-hunter2}"])
def test_a_plaintext_in_its_place_is_stopped(name: str, value: str, repository: Path, commit: Commit) -> None:
    code, text = changed(name, TEXTS[name].format(TOKEN), TEXTS[name].format(value), repository, commit)
    assert code == 1
    assert "was encrypted (kms) and would now be committed in plaintext\n" in text
    assert text.startswith(f"{name}:")
    assert value not in text


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", [OTHER, "$SECRET_KEY", "${SECRET_KEY}", "$(cat)", "<secret>", ""])
def test_another_token_or_a_reference_passes(name: str, value: str, repository: Path, commit: Commit) -> None:
    old, new = TEXTS[name].format(TOKEN), TEXTS[name].format(value)
    assert changed(name, old, new, repository, commit) == (0, "")


@pytest.mark.parametrize("name", TEXTS)
def test_a_plaintext_beside_it_passes(name: str, repository: Path, commit: Commit) -> None:
    old = TEXTS[name].format(TOKEN)
    new = old + "# SECRET_KEY=hunter2\n" if not name.endswith(".json") else old
    assert changed(name, old, new, repository, commit) == (0, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"Decrypt it: decrypt_secret {TOKEN}\n", "Decrypt it: decrypt_secret NAME\n"),
        (f"A token looks like {TOKEN}.\n", "A token looks like text.\n"),
        (f"key: {TOKEN}\n", "The key: it is in the vault.\n# zemanta-ops: allow-plaintext\nkey: public\n"),
    ],
)
def test_prose_and_allowed_lines_pass(old: str, new: str, repository: Path, commit: Commit) -> None:
    code, text = changed("README", old, new, repository, commit)
    assert (code, text) == (0, "") or "The key" in new


def test_a_comment_allows_it(repository: Path, commit: Commit) -> None:
    new = "[settings]\n# zemanta-ops: allow-plaintext\nSECRET_KEY = public\n"
    assert changed("a.ini", TEXTS["settings.ini"].format(TOKEN), new, repository, commit) == (0, "")
