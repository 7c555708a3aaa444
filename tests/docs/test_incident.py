"""The page on incidents, command by command, with the real programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.project import PASSWORD, PLAINTEXTS, SIGNING_KEY, Project
from tests.docs.walkthrough import headings, walkthrough
from tests.servers.kms import KMS, REGION
from tests.servers.vault import ROOT_TOKEN, Vault

pytestmark = [pytest.mark.more, pytest.mark.usefixtures("without_coverage")]

PAGE = "incident"
# A section that comes or goes breaks this line: each has a test.
PRIVATE_KEY, CREDENTIALS, VAULT_TOKEN, PLAINTEXT, LEFT, DOWN = headings(PAGE)

NEW = {SIGNING_KEY: "example-new-signing-key", PASSWORD: "example-new-database-password"}
SEALED = 'app = "shop"\n[environments.production]\nbackend = "sealed"\nrecipients = ["{}"]\n'

NewProject = Callable[..., Project]


def token_of(project: Project, name: str) -> str:
    """Return the token of a setting."""
    found = re.search(rf'"([a-z]+:[^"]*name={name}:[^"]*)"', project.settings.read_text(encoding="utf-8"))
    assert found
    return found[1]


@pytest.fixture
def sealed(new_project: NewProject) -> Project:
    """Return a project whose private key lies in ``production.key``."""
    project = new_project(ZEMANTA_OPS_SEALED_KEY_FILE="production.key")
    public = project.run("python", "-m", "zemanta_ops.secrets", "keygen", "--output", "production.key").strip()
    (project.folder / ".gitignore").write_text("*.key\n__pycache__/\n")
    project.configure(SEALED.format(public))
    return project


@pytest.fixture
def kms_project(new_project: NewProject, kms_server: KMS, aws: Path) -> Iterator[Project]:
    """Return a project whose key is ``alias/shop`` in KMS."""
    client = kms_server.client("kms")
    client.create_alias(AliasName="alias/shop", TargetKeyId=client.create_key()["KeyMetadata"]["KeyId"])
    project = new_project(aws, **kms_server.environment)
    environment = f'[environments.production]\nbackend = "kms"\nkey = "alias/shop"\nregion = "{REGION}"\n'
    project.configure(f'app = "shop"\n{environment}')
    yield project
    client.delete_alias(AliasName="alias/shop")


def test_a_private_key_leaked(sealed: Project) -> None:
    leaked = (sealed.folder / "production.key").read_text()
    [old] = set(re.findall(r"&key=([0-9a-f]{16})", sealed.settings.read_text(encoding="utf-8")))
    lost = sealed.run("git", "rev-parse", "--short", "HEAD").strip()
    with walkthrough(PAGE, PRIVATE_KEY, sealed.folder, sealed.environment) as person:
        shown = person.do("python -m zemanta_ops.secrets audit", replace={"0123456789abcdef": old})
        assert shown.count(old) == 2
        assert f"\n{lost} Add the secrets" in shown
        public = person.do("python -m zemanta_ops.secrets keygen --output new.key").strip()
        person.do("# zemanta_ops.toml", replace={"age1pq1…": public})
        for name in (SIGNING_KEY, PASSWORD):
            person.do("encrypt-secret", typed=f"{NEW[name]}\n")
        assert "would re-encrypt 0 secrets" in person.do("python -m zemanta_ops.secrets rotate")
    assert sealed.read(ZEMANTA_OPS_SEALED_KEY_FILE="new.key") == NEW
    assert [path.name for path in sealed.folder.glob("*.key")] == ["new.key"]
    assert not sealed.starts(ZEMANTA_OPS_SEALED_KEY=leaked, ZEMANTA_OPS_SEALED_KEY_FILE="")
    assert sealed.run("git", "status", "--porcelain") == ""


def test_aws_credentials_leaked(kms_project: Project, kms_server: KMS) -> None:
    iam = kms_server.client("iam")
    iam.create_user(UserName="shop")
    iam.create_role(RoleName="shop", AssumeRolePolicyDocument="{}")
    leaked = iam.create_access_key(UserName="shop")["AccessKey"]["AccessKeyId"]
    with walkthrough(PAGE, CREDENTIALS, kms_project.folder, kms_project.environment) as person:
        person.do("LEAKED=", replace={"AKIAIOSFODNN7EXAMPLE": leaked})
        [key] = iam.list_access_keys(UserName="shop")["AccessKeyMetadata"]
        assert (key["AccessKeyId"], key["Status"]) == (leaked, "Inactive")
        person.do("NOW=")
        policy = iam.get_role_policy(RoleName="shop", PolicyName="end-old-sessions")["PolicyDocument"]
        [statement] = policy["Statement"]
        assert statement["Effect"] == "Deny"
        assert re.fullmatch(r"20[\d-]{8}T[\d:]{8}Z", statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"])
        person.do("encrypt-secret", typed=f"{NEW[SIGNING_KEY]}\n")
        person.do("aws iam delete-access-key")
    assert iam.list_access_keys(UserName="shop")["AccessKeyMetadata"] == []
    assert kms_project.read() == PLAINTEXTS | {SIGNING_KEY: NEW[SIGNING_KEY]}
    iam.delete_role_policy(RoleName="shop", PolicyName="end-old-sessions")
    iam.delete_role(RoleName="shop")
    iam.delete_user(UserName="shop")


@pytest.mark.second_tier
def test_a_vault_token_and_a_secret_id_leaked(new_project: NewProject, vault: Vault, vault_program: Path) -> None:
    policy = 'path "transit/+/shop" { capabilities = ["update"] }'
    vault.call("transit/keys/shop", {})
    vault.call("sys/auth/approle", {"type": "approle"})
    vault.call("sys/policies/acl/shop", {"policy": policy}, method="PUT")
    vault.call("auth/approle/role/shop", {"token_policies": "shop"})
    role = vault.call("auth/approle/role/shop/role-id")["data"]["role_id"]
    secret = vault.call("auth/approle/role/shop/secret-id", {})["data"]["secret_id"]
    token = vault.new_token(policy)
    project = new_project(vault_program, VAULT_ADDR=vault.url, VAULT_TOKEN=ROOT_TOKEN)
    approle = {"ZEMANTA_OPS_VAULT_ROLE_ID": role, "ZEMANTA_OPS_VAULT_SECRET_ID": secret}
    project.configure('app = "shop"\n[environments.production]\nbackend = "vault"\nkey = "shop"\n')
    assert project.starts(VAULT_TOKEN=token)
    assert project.starts(VAULT_TOKEN="", **approle)
    leaked = {"LEAKED_TOKEN": token, "LEAKED_SECRET_ID": secret}
    try:
        with walkthrough(PAGE, VAULT_TOKEN, project.folder, project.environment | leaked) as person:
            person.environment["ZEMANTA_OPS_VAULT_ROLE_ID"] = role
            person.do("vault token revoke")
            assert not project.starts(VAULT_TOKEN=token)
            person.do("vault write auth/approle/role/shop/secret-id/destroy")
            assert not project.starts(VAULT_TOKEN="", **approle)
            person.do("encrypt-secret", typed=f"{NEW[SIGNING_KEY]}\n")
        renewed = {"ZEMANTA_OPS_VAULT_ROLE_ID": role, "ZEMANTA_OPS_VAULT_SECRET_ID_FILE": "secret-id"}
        assert project.read(VAULT_TOKEN="", **renewed) == PLAINTEXTS | {SIGNING_KEY: NEW[SIGNING_KEY]}
    finally:
        vault.call("transit/keys/shop/config", {"deletion_allowed": True})
        vault.call("transit/keys/shop", method="DELETE")
        vault.call("sys/auth/approle", method="DELETE")


def test_a_plaintext_leaked(new_project: NewProject) -> None:
    project = new_project()
    project.configure('app = "shop"\n[environments.production]\nbackend = "local"\n')
    good = project.settings.read_text(encoding="utf-8")
    in_clear = good.replace(f'Secret("{token_of(project, PASSWORD)}")', f'"{PLAINTEXTS[PASSWORD]}"')
    project.settings.write_text(in_clear, encoding="utf-8")
    project.commit("Try something")
    project.settings.write_text(good, encoding="utf-8")
    project.commit("Take it back")
    with walkthrough(PAGE, PLAINTEXT, project.folder, project.environment) as person:
        person.do("encrypt-secret", typed=f"{NEW[PASSWORD]}\n")
        person.do("python manage.py check")
        assert project.read() == PLAINTEXTS | {PASSWORD: NEW[PASSWORD]}
        history = person.do("python -m zemanta_ops.secrets history")
        assert history.count(" plaintext ") == 1
        assert PLAINTEXTS[PASSWORD] not in history
        person.do("printf")
        project.settings.write_text(in_clear, encoding="utf-8")
        refused = person.run("git commit --quiet --all --message 'Try again'", code=1)
    assert f"{PASSWORD} was encrypted (local) and would now be committed in plaintext" in refused
    assert project.run("git", "log", "-1", "--format=%s").strip() == "Replace the password of the database"


def test_a_developer_left(new_project: NewProject) -> None:
    project = new_project()
    project.configure('app = "shop"\n[environments.production]\nbackend = "local"\n')
    project.environment["GIT_AUTHOR_NAME"] = "Bob"
    project.run("encrypt-secret", "--into", "mysite/settings.py", PASSWORD, typed=NEW[PASSWORD])
    project.commit("Change the password")
    with walkthrough(PAGE, LEFT, project.folder, project.environment) as person:
        shown = person.do("python -m zemanta_ops.secrets audit mysite | grep Ann")
    assert SIGNING_KEY in shown
    assert PASSWORD not in shown
    assert "Add the secrets" in shown
    assert "Change the password" not in shown


def test_the_key_service_is_down(kms_project: Project) -> None:
    down = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    assert not kms_project.starts(**down)
    values = {"the value from the safe": "example-safe-key", "another value from the safe": "example-safe-password"}
    safe = dict(zip(PLAINTEXTS, values.values(), strict=True))
    with walkthrough(PAGE, DOWN, kms_project.folder, kms_project.environment | down) as person:
        assert person.do("export ZEMANTA_OPS_OVERRIDE__SECRET_KEY", replace=values).count("zemanta_ops.W006") == 2
        given = {name: value for name, value in person.environment.items() if "_OVERRIDE__" in name}
        assert kms_project.read(**down, **given) == safe
        person.do("# .secrets.local.toml", replace=values)
        assert person.do("chmod 600 .secrets.local.toml").count("zemanta_ops.W006") == 2
        assert not [name for name in person.environment if "_OVERRIDE__" in name]
        assert kms_project.read(**down) == safe
        person.environment["AWS_ENDPOINT_URL"] = kms_project.environment["AWS_ENDPOINT_URL"]
        assert "zemanta_ops.W006" not in person.do("rm .secrets.local.toml")
    assert kms_project.read() == PLAINTEXTS
