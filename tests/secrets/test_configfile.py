"""load_config: four formats, into a dict or a typed structure, with every token decrypted at once."""

from __future__ import annotations

import copy
import logging
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from tests.secrets.configuration import FILES, NAMES, Config, Mirror, saved, write
from tests.secrets.tokens import local
from zemanta_ops.secrets import Secret, StrictSecret, ledger, load_config, modes
from zemanta_ops.secrets.backends.base import Result
from zemanta_ops.secrets.backends.local import LocalBackend
from zemanta_ops.secrets.configfile.lines import line_of
from zemanta_ops.secrets.exceptions import ConfigError, ContextError, MissingExtraError, ModeError, ResolveError
from zemanta_ops.secrets.wire import Token


@pytest.mark.parametrize("name", FILES)
def test_into_a_dict(name: str, home: Path) -> None:
    config = load_config(str(write(home, name)))
    assert config == {
        "debug": True,
        "database": {"host": "db", "port": 5432, "password": "value of database.password"},
        "mirrors": [{"url": "a"}, {"url": "b", "key": "value of mirrors.1.key"}],
    }
    assert {"value of database.password", "value of mirrors.1.key"} <= ledger.plaintexts()
    assert [entry.path for entry in ledger.entries()] == list(NAMES)


@pytest.mark.parametrize("name", FILES)
def test_into_a_structure(name: str, home: Path) -> None:
    config = load_config(write(home, name), Config)
    assert config.database.password.get() == "value of database.password"
    assert config.mirrors == [Mirror("a"), Mirror("b", "value of mirrors.1.key")]
    assert (config.debug, config.database.port, config.spare) == (True, 5432, None)
    for twin in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert twin.database.password.get() == "value of database.password"
    assert "value of" not in repr(config.database) + repr(pickle.dumps(config.database))


def test_an_env_file_is_text_that_takes_the_types_of_its_fields(home: Path) -> None:
    class Env(msgspec.Struct, rename="upper"):
        debug: bool
        port: int
        password: Secret
        dsn: str

    token, dsn = local("example", name="PASSWORD"), local("example-dsn")
    path = saved(home, ".env", f"DEBUG=1\nexport PORT=80 # http\nPASSWORD='{token}'\nDSN={dsn}\n")
    config = load_config(path, Env)
    assert (config.debug, config.port, config.password.get(), config.dsn) == (True, 80, "example", "example-dsn")
    assert load_config(path) == {"DEBUG": "1", "PORT": "80", "PASSWORD": "example", "DSN": "example-dsn"}


def test_all_tokens_are_decrypted_in_one_call(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(home, "config.toml")
    seen: list[int] = []
    decrypt_many = LocalBackend.decrypt_many

    def count(self: LocalBackend, tokens: Sequence[Token]) -> list[Result]:
        seen.append(len(tokens))
        return decrypt_many(self, tokens)

    monkeypatch.setattr(LocalBackend, "decrypt_many", count)
    load_config(path, Config)
    load_config(path)
    assert seen == [2, 2]


def test_only_what_audit_would_list_is_a_token(home: Path) -> None:
    texts = ["local:8080:x", "https://a:b@c", "kms", "", "password:hunter2:words with blanks", "vault:a=b"]
    data = dict(zip("abcdef", texts, strict=True))
    path = saved(home, "a.json", msgspec.json.encode(data))
    assert load_config(path) == data


def test_a_strict_secret_stays_encrypted(home: Path) -> None:
    @dataclass
    class Strict:
        key: StrictSecret

    config = load_config(saved(home, "a.toml", f'key = "{local("example")}"'), Strict)
    assert ledger.entries() == ()
    assert config.key.decrypt() == "example"


@pytest.mark.parametrize("kind", [None, Config])
def test_a_token_cannot_be_moved_and_all_failures_are_in_one_report(kind: Any, home: Path) -> None:
    path = write(home, "config.toml", [local("hunter2", name="database.user"), local("hunter3", app="bank")])
    with pytest.raises(ResolveError) as caught:
        load_config(path, kind, app="shop")
    lines = str(caught.value).splitlines()
    assert lines[1].startswith(f"  {path}:6 database.password (local): the token belongs to another setting")
    assert lines[2].startswith(f"  {path}:12 mirrors.1.key (local): the token belongs to another application")
    assert "hunter" not in str(caught.value)


def test_a_secret_that_is_loaded_is_still_refused_to_another_application_or_name(home: Path) -> None:
    config = load_config(
        write(home, "config.toml", [local("a", app="shop", name=name) for name in NAMES]), Config, app="shop"
    )
    assert config.database.password.get(app="shop") == "a"
    for wrong in ({"app": "bank"}, {"app": "shop", "name": "mirrors.1.key"}):
        with pytest.raises(ContextError):
            config.database.password.get(**wrong)


def test_zemanta_ops_toml_is_found_from_the_file(home: Path) -> None:
    (home / "etc").mkdir()
    (home / "etc" / "zemanta_ops.toml").write_text('app = "shop"\nrequire_context = true\n')
    bound = [local("a", app="shop", name=name) for name in NAMES]
    assert load_config(write(home / "etc", "config.yaml", bound), Config).database.password.get() == "a"
    with pytest.raises(ResolveError, match="requires tokens that are bound"):
        load_config(write(home / "etc", "config.yaml"))


def test_overrides_replace_tokens_before_decryption(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(home, "config.toml", ["kms:region=eu-west-1:QUJDREVGR0g=", "kms:region=eu-west-1:QUJDREVGR0g="])
    monkeypatch.setenv("ZEMANTA_OPS_OVERRIDE__database__password", "instead")
    saved(home, ".secrets.local.toml", '"mirrors.1.key" = "too"\n').chmod(0o600)
    with caplog.at_level(logging.WARNING):
        config = load_config(path, Config)
    assert (config.database.password.get(), config.mirrors[1].key) == ("instead", "too")
    assert "database.password is overridden" in caplog.text
    assert set(ledger.overrides()) == set(NAMES)


class Pair(NamedTuple):
    user: str
    password: str


class Deep(msgspec.Struct, frozen=True):
    password: str
    by_name: dict[str, list[str]]
    pair: Pair
    either: tuple[str, ...] = ()


def test_deferred_secrets_stand_in_wherever_a_text_was_wanted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    path = write(home, "config.toml", ["kms:region=eu-west-1:QUJDREVGR0g="] * 2)
    config = load_config(path, Config)
    with pytest.raises(ModeError, match=r"database\.password"):
        str(config.database.password.get())
    key: Any = config.mirrors[1].key
    assert isinstance(key, modes.Deferred)
    assert isinstance(load_config(path)["database"]["password"], modes.Deferred)
    token = '"kms:region=eu-west-1:QUJDREVGR0g="'
    text = f"password = {token}\nby_name.a = ['x', {token}]\npair = ['u', {token}]\neither = [{token}]\n"
    deep = load_config(saved(home, "deep.toml", text), Deep)
    found = [deep.password, deep.by_name["a"][1], deep.pair.password, deep.either[0]]
    for value, name in zip(found, ("password", "by_name.a.1", "pair.1", "either.0"), strict=True):
        with pytest.raises(ModeError, match=name):
            str(value)


def test_fake_secrets_are_for_test_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.FAKE)
    path = write(home, "config.toml", ["kms:region=eu-west-1:QUJDREVGR0g="] * 2)
    assert load_config(path, Config).database.password.get() == load_config(path)["database"]["password"]
    monkeypatch.setattr(modes, "under_test", lambda: False)
    with pytest.raises(ModeError, match="test runs"):
        load_config(path)


def test_a_structure_stays_as_its_class_made_it(home: Path) -> None:
    @dataclass
    class Counted:
        words: Any

        def __post_init__(self) -> None:
            self.words = Counter(self.words)

    assert type(load_config(saved(home, "a.json", '{"words": ["a", "a"]}'), Counted).words) is Counter


def test_unknown_names_may_be_let_pass(home: Path) -> None:
    path = saved(home, "a.toml", 'other = 1\ndatabase = {host="h", password="", more=2}')
    assert load_config(path, Config, strict=False).database.host == "h"


def test_empty_files_and_a_byte_order_mark(home: Path) -> None:
    assert load_config(saved(home, "a.yaml", "# nothing\n")) == {}
    assert load_config(saved(home, "a.toml", b"\xef\xbb\xbfa = 1\r\n")) == {"a": 1}


def test_two_settings_of_one_name_are_refused(home: Path) -> None:
    token = local("example")
    path = saved(home, "a.toml", f'"a.b" = "{token}"\na.b = "{token}"\n')
    with pytest.raises(ConfigError, match=r"a\.b is the name of two settings"):
        load_config(path)


def test_an_aliased_table_shares_its_token_and_a_copied_one_does_not(home: Path) -> None:
    token = local("example", name="a.key")
    path = saved(home, "a.yaml", f"a: &a\n  key: {token}\nb: *a\n")
    assert load_config(path)["b"] == {"key": "example"}
    path = saved(home, "a.yaml", f"a:\n  key: {token}\nb:\n  key: {token}\n")
    with pytest.raises(ResolveError) as caught:
        load_config(path)
    assert list(caught.value.failures) == ["b.key"]


TOML = """\
a = 1

b = '''
[no]
c = 2
'''
l = [
 1,
 2]
# d = 1
[t.u]
d = 1
"e f".g = {h = 1}
[[x]]
[[x.y]]
z = 1
"""


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ("a", 1), ("b", 3), ("l", 7), ("l.1", 7), ("t", 11), ("t.u.d", 12), ("t.u.e f.g.h", 13), ("x.0.y.0.z", 16),
        ("t.u.absent", 11), ("absent", 0), ("c", 0),
    ],
)  # fmt: skip
def test_the_line_of_a_setting_in_toml(names: str, line: int) -> None:
    assert line_of(TOML, ".toml", tuple(names.split("."))) == line


@pytest.mark.parametrize("package", ["msgspec", "ruamel.yaml"])
def test_a_missing_package_is_named_by_its_extra(package: str, home: Path) -> None:
    script = f"import sys; sys.modules[{package!r}] = None\nfrom zemanta_ops.secrets import load_config\n"
    call = "load_config('a.toml', dict)" if package == "msgspec" else "load_config('a.yaml')"
    saved(home, "a.toml", "a = 1")
    saved(home, "a.yaml", "a: 1")
    ended = subprocess.run(
        [sys.executable, "-c", f"{script}print(load_config('a.toml'))\n{call}"],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert ended.stdout == "{'a': 1}\n"
    assert MissingExtraError.__name__ in ended.stderr
    assert 'pip install "zemanta-ops[config]"' in ended.stderr


def test_the_package_names_no_other_attribute() -> None:
    import zemanta_ops.secrets

    with pytest.raises(AttributeError, match="no attribute 'load_confg'"):
        zemanta_ops.secrets.load_confg  # noqa: B018
