"""The pages on configuration files and on migration, command by command, with the real programs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.walkthrough import headings, walkthrough
from tests.secrets.secretcrypt1 import SecretCrypt, installed
from tests.servers import cache
from tests.servers.fixtures import require
from tests.servers.kms import ALIAS, KMS, REGION
from zemanta_ops.secrets import Secret, load_config, wire
from zemanta_ops.secrets.files.scan import find_tokens
from zemanta_ops.secrets.files.source_file import read

pytestmark = [pytest.mark.more, pytest.mark.usefixtures("without_coverage")]

# A section that comes or goes breaks its line: each has a test.
[INTRODUCTION, AS_DICT, AS_STRUCTURE, AS_ENV] = headings("config_files")
[ENCRYPT, READ, ENVIRONMENT] = headings("migrate_dotenv")
[KMS_TOKENS, LOCAL_TOKENS, PROJECT] = headings("migrate_secretcrypt")
[FLAT, NESTED] = headings("migrate_sops")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of a person with no other configuration; it is the working directory."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("ZEMANTA_OPS_SECRETS", "ZEMANTA_OPS_ENV", "ZEMANTA_OPS_CONFIG", "ZEMANTA_OPS_KEY_DIR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    person = {"NAME": "Ann", "EMAIL": "ann@example.org"}
    for name, value in person.items():
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{name}", value)
    for name, value in (("HOME", str(tmp_path)), ("XDG_DATA_HOME", str(tmp_path / "data"))):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.chdir(folder)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], check=True)
    return folder


def printed(script: str) -> list[str]:
    """Return what an expression over a page's settings gives in a new process, line by line."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def committed() -> set[str]:
    done = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def names(path: Path) -> dict[str, str]:
    return {found.setting: wire.parse(found.text).params.get("name", "") for found in find_tokens(read(path))}


def test_configuration_files(project: Path) -> None:
    page = "config_files"
    with walkthrough(page, INTRODUCTION, project, {}) as person:
        person.do("# config.toml")
        shown = person.do("encrypt-secret local --app shop --into", typed="example-password\n")
    assert shown == "config.toml: database.password is now a local token, bound to app=shop, name=database.password\n"
    assert load_config("config.toml", app="shop")["database"] == {
        "host": "db.example.org",
        "password": "example-password",
    }
    with walkthrough(page, AS_DICT, project, {}) as person:
        person.do("# as_dict.py")
        assert person.do("python as_dict.py") == "True\n"
    with walkthrough(page, AS_STRUCTURE, project, {}) as person:
        person.do("# as_structure.py")
        shown = "5432 Database(host='db.example.org', password=Secret(<redacted>), port=5432)\nTrue\n"
        assert person.do("python as_structure.py") == shown
    with walkthrough(page, AS_ENV, project, {}) as person:
        person.do("printf 'SECRET_KEY")
        person.do("# as_env.py")
        assert person.do("python as_env.py") == "19 False shop\n"
    assert "SECRET_KEY=local:" in (project / ".env").read_text()


ENV = 'SECRET_KEY="example-signing-key"\nDB_HOST=db.example.org\n# of the shop\nDB_PASSWORD="example-password"\n'


def test_from_env_files(project: Path) -> None:
    page, env = "migrate_dotenv", project / ".env"
    env.write_text(ENV)
    (project / ".gitignore").write_text("*.log\n.env\n")
    with walkthrough(page, ENCRYPT, project, {}) as person:
        person.do("# zemanta_ops.toml")
        shown = person.do("python -m zemanta_ops.secrets migrate --bind --dry-run")
        assert "would migrate 2 secrets in 1 file" in shown
        assert "example-" not in shown
        assert env.read_text() == ENV
        assert "migrated 2 secrets in 1 file" in person.do("python -m zemanta_ops.secrets migrate --bind")
        shown = person.do("python -m zemanta_ops.secrets audit")
    assert "2 secrets in 1 file, 0 with a problem" in shown
    assert names(env) == {"SECRET_KEY": "SECRET_KEY", "DB_PASSWORD": "DB_PASSWORD"}
    assert "DB_HOST=db.example.org\n" in env.read_text()
    assert committed() == {".gitignore", ".env", "zemanta_ops.toml"}
    assert (project / ".gitignore").read_text() == "*.log\n"
    with walkthrough(page, READ, project, {}) as person:
        person.do("# settings.py")
        person.do("python -c")
    script = "import settings as s; print(s.SECRET_KEY); print(*s.DATABASES['default'].values(), sep='\\n')"
    assert printed(script) == ["example-signing-key", "db.example.org", "example-password"]
    with walkthrough(page, ENVIRONMENT, project, {}) as person:
        person.do("# settings_environ.py")
        person.do(". ./.env")


@pytest.fixture(scope="session")
def package() -> SecretCrypt:
    return SecretCrypt(installed())


SETTINGS = "from secretcrypt import Secret\n\nA = Secret('{}').get()  # kept\n"


def test_from_secretcrypt_with_kms(
    project: Path, package: SecretCrypt, kms_server: KMS, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in kms_server.environment.items():
        monkeypatch.setenv(name, value)
    [old] = package.run([("encrypt", "kms", "example", {"region": REGION, "key_id": ALIAS})])
    settings = project / "settings.py"
    settings.write_text(SETTINGS.format(old))
    with walkthrough("migrate_secretcrypt", KMS_TOKENS, project, {}) as person:
        example = {"alias/shop": ALIAS}
        shown = person.do("python -m zemanta_ops.secrets migrate --to kms", replace=example)
        assert f"-A = Secret('{old}').get()  # kept\n+A = Secret('kms:region={REGION}&key=arn" in shown
        assert settings.read_text() == SETTINGS.format(old)
        shown = person.do("python -m zemanta_ops.secrets migrate --to kms", replace=example)
    assert "1 of them inside the key service" in shown
    [found] = find_tokens(read(settings))
    assert settings.read_text() == SETTINGS.replace("secretcrypt", "zemanta_ops.secrets").format(found.text)
    assert wire.parse(found.text).params["key"].startswith("arn:")
    assert printed("import settings; print(settings.A)") == ["example"]


def test_from_secretcrypt_with_local_tokens(project: Path, package: SecretCrypt) -> None:
    [old] = package.run([("encrypt", "local", "example", {})])
    (project / "settings.py").write_text(SETTINGS.format(old))
    with walkthrough("migrate_secretcrypt", LOCAL_TOKENS, project, {}) as person:
        assert "not authenticated (SecretCrypt 1.x)" in person.do("python -m zemanta_ops.secrets audit", code=1)
        person.do("python -m zemanta_ops.secrets migrate")
        assert "1 secret in 1 file, 0 with a problem" in person.do("python -m zemanta_ops.secrets audit")
    assert printed("import settings; print(settings.A)") == ["example"]


def test_from_secretcrypt_a_whole_project(project: Path, package: SecretCrypt) -> None:
    one, two = package.run([("encrypt", "local", text, {}) for text in ("example one", "example two")])
    (project / "settings.py").write_text(SETTINGS.format(one))
    (project / "more.toml").write_text(f'[db]\npassword = "{two}"\n')
    subprocess.run("git add --all && git commit --quiet -m first", shell=True, check=True)
    with walkthrough("migrate_secretcrypt", PROJECT, project, {}) as person:
        assert "migrated 2 secrets in 2 files" in person.do("python -m zemanta_ops.secrets migrate --to local --bind")
        assert "+password = " in person.do("git diff")
        assert person.do("git grep -n secretcrypt", code=1) == ""
    assert subprocess.run(["git", "status", "--porcelain"], capture_output=True, check=True).stdout == b""
    [found] = find_tokens(read(project / "settings.py"))
    assert Secret(found.text).get(name="A", app="shop") == "example one"
    assert load_config("more.toml", app="shop") == {"db": {"password": "example two"}}


@pytest.fixture(scope="session")
def sops_folder() -> Path:
    """Return the folder of the program, looked for before a test moves its home folder."""
    require("sops")
    return cache.binary("sops").parent


@pytest.fixture
def sops(sops_folder: Path, age: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Return a function that encrypts a file with the real SOPS, under a key of the real age, and commits it."""
    folders = [str(age), str(sops_folder), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", "../age.key")
    subprocess.run(["age-keygen", "-o", "../age.key"], capture_output=True, check=True)
    public = subprocess.run(["age-keygen", "-y", "../age.key"], capture_output=True, text=True, check=True).stdout

    def encrypted(name: str, text: str) -> None:
        (project / name).write_text(text)
        subprocess.run(["sops", "encrypt", "--age", public.strip(), "--in-place", name], check=True)
        assert "example-" not in (project / name).read_text()
        subprocess.run(["git", "add", name], check=True)
        subprocess.run(["git", "commit", "--quiet", "-m", name], check=True)

    return encrypted


@pytest.mark.second_tier
def test_from_a_flat_file_of_sops(project: Path, sops: Callable[[str, str], None]) -> None:
    sops("production.yaml", "SECRET_KEY: example-signing-key\nAPI_TOKEN: 'example=token#1'\n")
    with walkthrough("migrate_sops", FLAT, project, {}) as person:
        assert person.do("sops decrypt --output-type dotenv") == ""
        person.do("# settings.py")
        assert "2 secrets in 1 file, 0 with a problem" in person.do("python -c")
    assert names(project / "production.env") == {"SECRET_KEY": "SECRET_KEY", "API_TOKEN": "API_TOKEN"}
    expected = {"SECRET_KEY": "example-signing-key", "API_TOKEN": "example=token#1"}
    assert load_config("production.env", app="shop") == expected
    assert printed("import settings; print(settings.SECRET_KEY)") == ["example-signing-key"]
    assert committed() == {"production.env"}


@pytest.mark.second_tier
def test_from_a_nested_file_of_sops(project: Path, sops: Callable[[str, str], None]) -> None:
    secrets = "database:\n  password: example-password\nmirrors:\n  - key: example-key\n"
    sops("nested.yaml", secrets)
    with walkthrough("migrate_sops", NESTED, project, {}) as person:
        person.do("# config.yaml")
        assert person.do("sops decrypt --extract").count("is now a local token") == 2
        person.do("# nested_settings.py")
        person.do("python -c")
    config = load_config("config.yaml", app="shop")
    assert config["database"]["password"] == "example-password"
    assert config["mirrors"] == [{"key": "example-key"}]
    assert names(project / "config.yaml") == {name: name for name in ("database.password", "mirrors.0.key")}
    assert committed() == {"config.yaml"}
