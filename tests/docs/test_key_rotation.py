"""The page on key rotation, command by command, with the real programs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.project import PLAINTEXTS, Project
from tests.docs.walkthrough import headings, walkthrough
from tests.servers.kms import KMS, REGION
from tests.servers.vault import ROOT_TOKEN, Vault

pytestmark = [pytest.mark.more, pytest.mark.usefixtures("without_coverage")]

PAGE = "key_rotation"
# A section that comes or goes breaks this line: each has a test.
SEALED, KMS_KEY, VAULT_KEY, LOCAL, SCHEDULE = headings(PAGE)

NewProject = Callable[..., Project]


def key_ids(project: Project) -> set[str]:
    """Return the key ids that the tokens of the settings name."""
    return set(re.findall(r"[&:]key=([^&:]+)", project.settings.read_text(encoding="utf-8")))


def test_sealed(new_project: NewProject) -> None:
    project = new_project(ZEMANTA_OPS_SEALED_KEY_FILE="production.key")
    public = project.run("python", "-m", "zemanta_ops.secrets", "keygen", "--output", "production.key").strip()
    (project.folder / ".gitignore").write_text("*.key\n__pycache__/\n")
    project.configure(f'app = "shop"\n[environments.production]\nbackend = "sealed"\nrecipients = ["{public}"]\n')
    [old] = key_ids(project)
    old_key = (project.folder / "production.key").read_text()
    with walkthrough(PAGE, SEALED, project.folder, project.environment) as person:
        public = person.do("python -m zemanta_ops.secrets keygen --output new.key").strip()
        both = person.environment["ZEMANTA_OPS_SEALED_KEY_FILE"]
        assert project.read(ZEMANTA_OPS_SEALED_KEY_FILE=both) == PLAINTEXTS
        person.do("# zemanta_ops.toml", replace={"age1pq1…": public})
        shown = person.do("python -m zemanta_ops.secrets rotate --env production")
        [new] = key_ids(project)
        assert new != old
        assert new in shown
        assert project.read(ZEMANTA_OPS_SEALED_KEY_FILE=both) == PLAINTEXTS
        assert project.run("git", "status", "--porcelain") == ""
        person.do("export ZEMANTA_OPS_SEALED_KEY_FILE=$PWD/new.key")
    assert project.read(ZEMANTA_OPS_SEALED_KEY_FILE="new.key") == PLAINTEXTS
    assert [path.name for path in project.folder.glob("*.key")] == ["new.key"]
    assert not project.starts(ZEMANTA_OPS_SEALED_KEY=old_key, ZEMANTA_OPS_SEALED_KEY_FILE="")


def test_kms(new_project: NewProject, kms_server: KMS, aws: Path) -> None:
    client = kms_server.client("kms")
    old = client.create_key()["KeyMetadata"]["Arn"]
    client.create_alias(AliasName="alias/shop", TargetKeyId=old)
    project = new_project(aws, **kms_server.environment)
    environment = f'[environments.production]\nbackend = "kms"\nkey = "alias/shop"\nregion = "{REGION}"\n'
    project.configure(f'app = "shop"\n{environment}')
    assert key_ids(project) == {old.replace(":", "%3A")}
    try:
        with walkthrough(PAGE, KMS_KEY, project.folder, project.environment) as person:
            person.do("OLD=$(aws kms describe-key --key-id alias/shop")
            assert client.get_key_rotation_status(KeyId=old)["KeyRotationEnabled"]
            shown = person.do("NEW=$(aws kms create-key")
            new = client.describe_key(KeyId="alias/shop")["KeyMetadata"]["Arn"]
            assert new != old
            assert key_ids(project) == {new.replace(":", "%3A")}
            assert "2 of them inside the key service" in shown
            assert project.run("git", "status", "--porcelain") == ""
            person.do('aws kms disable-key --key-id "$OLD"')
        assert client.describe_key(KeyId=old)["KeyMetadata"]["KeyState"] == "PendingDeletion"
        assert project.read() == PLAINTEXTS
    finally:
        client.delete_alias(AliasName="alias/shop")


@pytest.mark.second_tier
def test_vault(new_project: NewProject, vault: Vault, vault_program: Path) -> None:
    vault.call("transit/keys/shop", {})
    try:
        project = new_project(vault_program, VAULT_ADDR=vault.url, VAULT_TOKEN=ROOT_TOKEN)
        project.configure('app = "shop"\n[environments.production]\nbackend = "vault"\nkey = "shop"\n')
        before = project.settings.read_text()
        assert before.count(":vault:v1:") == 2
        with walkthrough(PAGE, VAULT_KEY, project.folder, project.environment) as person:
            person.do("vault write -f transit/keys/shop/rotate")
            after = project.settings.read_text()
            assert after.count(":vault:v2:") == 2
            person.do("vault write transit/keys/shop/config min_decryption_version=2")
        assert project.read() == PLAINTEXTS
        project.settings.write_text(before)
        assert not project.starts()
    finally:
        vault.call("transit/keys/shop/config", {"deletion_allowed": True})
        vault.call("transit/keys/shop", method="DELETE")


def test_local(new_project: NewProject) -> None:
    project = new_project()
    project.configure('app = "shop"\n', "local")
    [old] = key_ids(project)
    with walkthrough(PAGE, LOCAL, project.folder, project.environment) as person:
        shown = person.do("python -m zemanta_ops.secrets rotate --to local --new-key")
    [new] = key_ids(project)
    assert new != old
    assert new in shown
    assert old not in shown
    assert project.read() == PLAINTEXTS
    project.run("git", "checkout", "--quiet", "--", "mysite")
    assert key_ids(project) == {old}
    assert project.read() == PLAINTEXTS


def test_the_schedule(new_project: NewProject) -> None:
    project = new_project(GIT_COMMITTER_DATE="2020-01-01T12:00:00Z", GIT_AUTHOR_DATE="2020-01-01T12:00:00Z")
    project.configure('app = "shop"\n', "local")
    old = project.run("git", "rev-parse", "HEAD")[:12]
    with walkthrough(PAGE, SCHEDULE, project.folder, project.environment) as person:
        shown = person.do("python -m zemanta_ops.secrets audit --max-age 365", code=1)
        assert shown.count("older than 365 days") == 2
        assert "Ann" in shown
        # With tokens of today there is nothing to report.
        today = {"GIT_COMMITTER_DATE": "", "GIT_AUTHOR_DATE": ""}
        project.run("python", "manage.py", "rotate_secrets", "--to", "local", "--new-key", "mysite")
        project.run("git", "commit", "--quiet", "--all", "--message", "Rotate", environment=today)
        person.run("python -m zemanta_ops.secrets audit --max-age 365 mysite")
        history = person.do("python -m zemanta_ops.secrets history SECRET_KEY")
    assert [line.split()[0] for line in history.splitlines()][2] == old
