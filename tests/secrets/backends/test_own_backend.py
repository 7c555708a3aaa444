"""The backend of the documentation's example, registered by a user, is found wherever one of ours is."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

import pytest

from tests.secrets.repositories import Commit, git
from tests.secrets.tokens import made
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets import Secret, SecretError, backends, load_config, wire
from zemanta_ops.secrets.__main__ import main
from zemanta_ops.secrets.exceptions import TokenError
from zemanta_ops.secrets.files.scan import scan
from zemanta_ops.secrets.files.source_file import read
from zemanta_ops.secrets.verbs import audit, encrypt, guard, rotate

PAGE = Path(__file__).parents[3] / "docs" / "backends.rst"
# How each kind of file holds a setting K. In Python, any string that is a token counts, not only Secret("…").
FORMATS = {
    "a.py": 'from zemanta_ops.secrets import Secret\nK = Secret("{}")\n',
    "bare.py": 'K = "{}"\n',
    "a.toml": 'K = "{}"\n',
    "a.yaml": "K: {}\n",
    "a.json": '{{"K": "{}"}}\n',
    ".env": "K={}\n",
}


@pytest.fixture
def shop(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Register the example as the page does; return a token."""
    monkeypatch.setattr(backends, "_PATHS", dict(backends._PATHS))
    monkeypatch.setattr(backends, "_loaded", {})
    section = PAGE.read_text(encoding="utf-8").split("A backend of your own\n")[1]
    module, registration = map(textwrap.dedent, re.findall(r"code-block:: python\n\n((?:    .*\n|\n)+)", section)[:2])
    (home / "code" / "shop").mkdir(parents=True)
    (home / "code" / "shop" / "secret_backend.py").write_text(module, encoding="utf-8")
    monkeypatch.syspath_prepend(home / "code")
    for name in ("shop", "shop.secret_backend"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setenv("SHOP_KEY_2026", "00" * 32)
    monkeypatch.setenv("SHOP_KEY_2027", "11" * 32)
    exec(registration, {})
    return made("shop", "example-plaintext", key="2026")


def _write(folder: Path, name: str, token: str) -> Path:
    path = folder / name
    path.write_text(FORMATS[name].format(token), encoding="utf-8")
    return path


@pytest.mark.parametrize("cipher", ["chacha20", "aes"])
def test_it_decrypts_what_it_encrypts_and_nothing_else(shop: str, cipher: str) -> None:
    token = made("shop", "example", {"name": "A"}, key="2026", cipher=cipher)
    assert Secret(token).get(name="A") == "example"
    for changed in (token.replace("name=A", "name=B"), token.replace("2026", "2027"), token.replace("2026", "2028")):
        with pytest.raises(SecretError):
            Secret(changed).get(name="B" if "name=B" in changed else "A")


@pytest.mark.parametrize("name", FORMATS)
def test_its_tokens_are_found_in_every_kind_of_file(shop: str, name: str, home: Path) -> None:
    [found] = scan([_write(home, name, shop)])
    assert (found.setting, found.text, found.token) == ("K", shop, wire.parse(shop))
    ended = call(audit, "--json", name)
    assert ended.code == 0
    assert '"backend": "shop"' in ended.out
    assert '"key": "2026"' in ended.out


@pytest.mark.parametrize("name", FORMATS)
def test_its_tokens_are_rotated_in_every_kind_of_file(shop: str, name: str, home: Path) -> None:
    path = _write(home, name, shop)
    ended = call(rotate, "--to", "shop", "--key", "2027", "--cipher", "aes", name)
    assert ended.code == 0, ended.err
    [found] = scan([path])
    assert found.token is not None
    assert (found.token.key_id, found.token.params["cipher"]) == ("2027", "aes")
    assert Secret(found.text).get() == "example-plaintext"


@pytest.mark.parametrize("name", [name for name in FORMATS if not name.endswith(".py")])
def test_load_config_decrypts_it(shop: str, name: str, home: Path) -> None:
    assert load_config(_write(home, name, shop)) == {"K": "example-plaintext"}


@pytest.mark.parametrize("name", FORMATS)
def test_a_plaintext_in_its_place_is_stopped(
    shop: str, name: str, repository: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    commit("one", **{name: FORMATS[name].format(shop)})
    (repository / name).write_text(FORMATS["bare.py" if name.endswith(".py") else name].format("hunter2"))
    git(repository, "add", "--all")
    ended = call(guard)
    assert ended.code == 1
    assert "K was encrypted (shop)" in ended.err


def test_encrypting_into_a_file_takes_its_options(shop: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "plaintext").write_text("example")
    arguments = ("shop", "2026", "--cipher", "aes", "--from-file", "plaintext", "--into", "a.toml", "K")
    (home / "a.toml").write_text('K = ""\n')
    assert call(encrypt, *arguments).code == 0
    [literal] = read(home / "a.toml").strings
    assert wire.parse(literal.value).params == {"cipher": "aes", "key": "2026"}


@pytest.mark.parametrize("arguments", [["encrypt", "shop", "--help"], ["rotate", "--to", "shop", "--help"]])
def test_its_options_are_in_the_help_with_their_texts(
    shop: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    shown = " ".join(capsys.readouterr().out.split())
    assert "options of the shop backend: --cipher NAME chacha20 (default) or aes" in shown
    assert "options of the kms backend" not in shown


@pytest.mark.parametrize("name", ["", "Shop", "a:b", "1shop", "shop shop"])
def test_a_name_that_no_token_can_start_with_is_refused(name: str) -> None:
    with pytest.raises(TokenError):
        backends.register(name, "shop.secret_backend.ShopBackend")
    assert name not in backends.names()
