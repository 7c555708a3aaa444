"""load_env: the variables of a process and of a .env file, through django-environ."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.secrets.configuration import saved
from tests.secrets.tokens import local
from zemanta_ops.secrets import ledger, load_env, modes
from zemanta_ops.secrets.exceptions import ConfigError, ModeError, ResolveError
from zemanta_ops.secrets.redaction import redact

# The key of this token is nowhere.
UNREADABLE = "local:v=2&key=0123456789abcdef:AAAAAAAAAAAA"
URL = "postgres://shop:example-password@db.example.org:5432/shop"


@pytest.fixture
def folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, in a process without the variables of the tests."""
    for name in ("SECRET_KEY", "DATABASE_URL", "CACHE_URL", "DEBUG", "PORT", "HOSTS"):
        monkeypatch.delenv(name, raising=False)
    return home


def env_file(folder: Path, **values: str) -> Path:
    return saved(folder, ".env", "".join(f"{name}={value}\n" for name, value in values.items()))


def test_everything_that_django_environ_can_cast(folder: Path) -> None:
    path = env_file(
        folder,
        SECRET_KEY=local("example-signing-key", name="SECRET_KEY"),
        DATABASE_URL=local(URL, name="DATABASE_URL"),
        CACHE_URL=local("rediscache://:example@cache/1"),
        EMAIL_URL=local("smtp://ann:example@mail:25"),
        DEBUG="on",
        PORT=local("8080"),
        HOSTS="a.example.org,b.example.org",
        OPTIONS=local('{"a": [1]}'),
        RATIO="0.5",
    )
    env = load_env(path, DEBUG=(bool, False), LEVEL=(str, "info"))
    assert isinstance(env, environ.Env)
    assert env("SECRET_KEY") == env.str("SECRET_KEY") == "example-signing-key"
    assert env.db()["PASSWORD"] == "example-password"
    assert env.db("DATABASE_URL")["PORT"] == 5432
    assert env.cache()["LOCATION"] == "redis://:example@cache:6379/1" or "cache" in str(env.cache())
    assert env.email("EMAIL_URL")["EMAIL_HOST_PASSWORD"] == "example"
    assert env("DEBUG") is env.bool("DEBUG") is True
    assert env("LEVEL") == "info"
    assert env.int("PORT") == 8080
    assert env.list("HOSTS") == ["a.example.org", "b.example.org"]
    assert env.json("OPTIONS") == {"a": [1]}
    assert env.float("RATIO") == 0.5
    assert env("ABSENT", default="x") == "x"
    assert env.db("ABSENT_URL", default="sqlite:///:memory:")["ENGINE"] == "django.db.backends.sqlite3"
    assert "SECRET_KEY" in env
    assert "ABSENT" not in env
    with pytest.raises(ImproperlyConfigured, match="Set the ABSENT environment variable"):
        env("ABSENT")


def test_the_real_environment_comes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = env_file(folder, SECRET_KEY=UNREADABLE, PORT="80", HOSTS="a")
    monkeypatch.setenv("SECRET_KEY", "from-the-environment")
    monkeypatch.setenv("HOSTS", "")
    env = load_env(path)
    assert env("SECRET_KEY") == "from-the-environment"
    assert env("HOSTS") == ""
    assert env.int("PORT") == 80


def test_tokens_in_the_real_environment_are_decrypted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", local("example", name="SECRET_KEY"))
    # As docker --env-file passes on a line with quotes.
    monkeypatch.setenv("DATABASE_URL", f'"{local(URL)}"')
    for path in (None, folder / "absent.env"):
        env = load_env(path)
        assert env("SECRET_KEY") == "example"
        assert env.db()["NAME"] == "shop"


@pytest.mark.parametrize("in_file", [False, True])
def test_a_file_variable_holds_the_path_of_the_value(
    in_file: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = saved(folder, "database_url", f"{URL}\n")
    # As editors on Windows save it.
    token = saved(folder, "secret_key", "\ufeff" + local("example-signing-key", name="SECRET_KEY") + "\r\n")
    given = {"DATABASE_URL_FILE": str(plain), "SECRET_KEY_FILE": str(token), "LOG_FILE": "/nonexistent"}
    if not in_file:
        for name, value in given.items():
            monkeypatch.setenv(name, value)
    env = load_env(env_file(folder, **(given if in_file else {})))
    assert env.db()["PASSWORD"] == "example-password"
    assert env("SECRET_KEY") == "example-signing-key"
    assert env("LOG_FILE") == "/nonexistent"
    # It is a secret, although it is not a token.
    assert redact(f"connects to {URL}") == "connects to <redacted>"


def test_a_mounted_secret_comes_before_the_file_and_after_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = saved(folder, "mounted", "from-the-mount\r\n")
    path = env_file(folder, PORT="from-the-file", HOSTS_FILE=str(mounted))
    monkeypatch.setenv("PORT_FILE", str(mounted))
    assert load_env(path)("PORT") == "from-the-mount"
    monkeypatch.setenv("HOSTS", "from-the-environment")
    assert load_env(path)("HOSTS") == "from-the-environment"


def test_a_file_that_is_not_there_is_an_error_that_names_the_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", "/nonexistent/example-secret")
    with pytest.raises(ConfigError, match="SECRET_KEY_FILE names a file that cannot be read: No such file") as caught:
        load_env()("SECRET_KEY")
    assert "example" not in str(caught.value)


@pytest.mark.parametrize("value", ["$example", "$$a$b", r"\$example", r"a\$b\\$c", "a$b", "$", "\\", r"\\$"])
def test_a_plaintext_is_never_the_name_of_another_variable(
    value: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", local(value))
    monkeypatch.setenv("MOUNTED_FILE", str(saved(folder, "mounted", value)))
    assert load_env()("SECRET_KEY") == load_env()("MOUNTED") == value
    if not value.startswith("$"):
        monkeypatch.setenv("PORT", value)
        assert load_env()("PORT") == value


def test_a_value_may_still_name_another_variable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "$SECRET_KEY")
    monkeypatch.setenv("SECRET_KEY", local("8080"))
    assert load_env().int("PORT") == 8080


def test_a_token_belongs_to_its_variable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = env_file(folder, PORT=local("example", name="SECRET_KEY"), HOSTS=UNREADABLE)
    with pytest.raises(ResolveError) as caught:
        load_env(path)
    assert list(caught.value.failures) == ["PORT", "HOSTS"]
    assert "set ZEMANTA_OPS_OVERRIDE__HOSTS" in str(caught.value)
    monkeypatch.setenv("ZEMANTA_OPS_OVERRIDE__HOSTS", "a,b")
    monkeypatch.setenv("PORT", "80")
    assert load_env(path).list("HOSTS") == ["a", "b"]
    monkeypatch.delenv("PORT")
    path = env_file(folder, PORT=local("1", app="shop", name="PORT"))
    with pytest.raises(ResolveError, match="another application"):
        load_env(path, app="bank")
    (folder / "zemanta_ops.toml").write_text('app = "shop"\n')
    assert load_env(path).int("PORT") == 1


def test_a_build_parses_samples_and_passes_on_placeholders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    monkeypatch.setenv("CACHE_URL_FILE", "/run/secrets/absent")
    path = env_file(folder, SECRET_KEY=UNREADABLE, DATABASE_URL=UNREADABLE, PORT=UNREADABLE)
    samples = {"DATABASE_URL": URL, "CACHE_URL": "locmemcache://", "EMAIL_URL": "consolemail://"}
    env = load_env(path, samples=samples, SECRET_KEY=(str, "x"))
    assert isinstance(env("SECRET_KEY"), modes.Deferred)
    assert isinstance(env.str("SECRET_KEY"), modes.Deferred)
    assert env.db()["NAME"] == "shop"
    assert env.cache()["BACKEND"] == "django.core.cache.backends.locmem.LocMemCache"
    assert env.email()["EMAIL_BACKEND"] == "django.core.mail.backends.console.EmailBackend"
    with pytest.raises(ModeError, match="the secret PORT was not decrypted"):
        env.int("PORT")
    with pytest.raises(ImproperlyConfigured):
        env("ABSENT")
    assert ledger.samples() == ["CACHE_URL", "DATABASE_URL", "EMAIL_URL"]
    with pytest.raises(ModeError, match="the secret DATABASE_URL was not decrypted"):
        load_env(path).db()


def test_a_secret_without_a_sample_names_what_gives_it_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_SECRETS", "deferred")
    with pytest.raises(
        ModeError, match=r"samples=\{…\} of load_env and load_config, or set ZEMANTA_OPS_OVERRIDE__URL$"
    ):
        load_env(env_file(folder, URL=local("https://example.org"))).url("URL")


@pytest.mark.parametrize("source", ["environment", "file"])
def test_a_file_takes_precedence_over_the_variable_beside_it(
    source: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"KEY": "example-variable", "KEY_FILE": str(saved(folder, "mounted", "example-file"))}
    if source == "environment":
        for name, value in given.items():
            monkeypatch.setenv(name, value)
    assert load_env(env_file(folder, **(given if source == "file" else {})))("KEY") == "example-file"


def test_samples_are_for_builds_and_tests_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = {"DATABASE_URL": URL, "PORT": "1"}
    path = env_file(folder, DATABASE_URL=UNREADABLE)
    with pytest.raises(ResolveError):
        load_env(path, samples=samples)
    with pytest.raises(ImproperlyConfigured):
        load_env(samples=samples)("PORT")
    monkeypatch.setenv(modes.VARIABLE, modes.FAKE)
    assert load_env(path, samples=samples).db()["NAME"] == "shop"
    monkeypatch.setattr(modes, "under_test", lambda: False)
    with pytest.raises(ModeError, match="test runs"):
        load_env(path)


def test_nothing_shows_a_value(folder: Path) -> None:
    env = load_env(env_file(folder, SECRET_KEY=local("example-signing-key"), PORT="example-port"))
    assert "example" not in repr(env.ENVIRON) + str(env.ENVIRON) + repr(env)
    assert {"SECRET_KEY", "PORT"} < set(env.ENVIRON)


def test_a_prefix_and_other_casts_are_django_environs_own(folder: Path) -> None:
    env = load_env(env_file(folder, SHOP_DAY=local("2026-01-02"), SHOP_SIZE=local("3")))
    env.prefix = "SHOP_"
    assert env("DAY", cast=dt.date.fromisoformat) == dt.date(2026, 1, 2)
    assert env.int("SIZE") == 3


def test_a_broken_file_is_an_error_with_its_line(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.env:2: "):
        load_env(saved(folder, ".env", "A=1\nexample secret\n"))


def test_a_missing_package_is_named_by_its_extra(folder: Path) -> None:
    script = "import sys; sys.modules['environ'] = None\nfrom zemanta_ops.secrets import load_env\nload_env()"
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert 'pip install "zemanta-ops[environ]"' in ended.stderr


def test_the_environment_is_not_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    before: dict[str, Any] = dict(os.environ)
    load_env(env_file(folder, SECRET_KEY=local("example")))("SECRET_KEY")
    assert dict(os.environ) == before
