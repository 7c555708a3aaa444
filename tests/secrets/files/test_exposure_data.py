"""A plaintext in place of a token is seen in every spelling of YAML, TOML, JSON and .env files."""

from __future__ import annotations

import pytest

from tests.secrets.files.exposures import OTHER, TOKEN, exposed
from zemanta_ops.secrets.files.plaintext import ALLOW


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: hunter2\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: 123456\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: 1_000_000\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: 1.5e10\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: 0o777\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: 12\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: 2001-12-14\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: 2001-12-14t21:59:43.10-05:00\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: !!str hunter2\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: !!binary aHVudGVyMg==\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: !secret hunter2\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: !!str 123\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: &key hunter2\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "OTHER: &key hunter2\nKEY: *key\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "base: &base {KEY: hunter2}\n<<: *base\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: |-\n  hunter2\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: >\n  hun\n  ter2\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", 'KEY: "hun\\\n  ter2"\n'),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: ['hunter2']\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: {value: hunter2}\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "? KEY\n: hunter2\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", '"KEY": hunter2\n'),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: 'yes'\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: 'plain::hunter2'\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", "KEY: ${KEY:-hunter2}\n"),
        ("s.yaml", f"KEY: {TOKEN}\n", f"KEY: {TOKEN}\nKEY: hunter2\n"),
        ("s.yaml", f"db:\n  pw: {TOKEN}\n", "db: {pw: hunter2}\n"),
        ("s.toml", f'KEY = "{TOKEN}"\n', 'KEY = "hunter2"\n'),
        ("s.toml", f'KEY = "{TOKEN}"\n', "KEY = '''\nhunter2'''\n"),
        ("s.toml", f'KEY = "{TOKEN}"\n', "KEY = 123456\n"),
        ("s.toml", f'KEY = "{TOKEN}"\n', "KEY = 1979-05-27\n"),
        ("s.toml", f'KEY = "{TOKEN}"\n', "KEY = 07:32:00\n"),
        ("s.toml", f'KEY = "{TOKEN}"\n', 'KEY = ["hunter2"]\n'),
        ("s.toml", f'[db]\nkey = "{TOKEN}"\n', 'db = { key = "hunter2" }\n'),
        ("s.toml", f'[db]\nkey = "{TOKEN}"\n', 'db.key = "hunter2"\n'),
        ("s.json", f'{{"KEY": "{TOKEN}"}}', '{"KEY": "hunter2"}'),
        ("s.json", f'{{"KEY": "{TOKEN}"}}', '{"\\u004bEY": "hunter2"}'),
        ("s.json", f'{{"KEY": "{TOKEN}"}}', '{"KEY": 123456}'),
        ("s.json", f'{{"KEY": "{TOKEN}"}}', f'{{"KEY": "{TOKEN}", "KEY": "hunter2"}}'),
        (".env", f"KEY={TOKEN}\n", "KEY=hunter2\n"),
        (".env", f"KEY={TOKEN}\n", "export KEY=hunter2\n"),
        (".env", f"KEY={TOKEN}\n", "  export  KEY = 'hunter2' # tail\n"),
        (".env", f"KEY={TOKEN}\n", 'KEY="hunter2"\n'),
        (".env", f"KEY={TOKEN}\n", "KEY=123456\n"),
        (".env", f"KEY={TOKEN}\n", "KEY=${KEY:-hunter2}\n"),
        (".env", f"KEY={TOKEN}\n", "KEY=$(echo hunter2)\n"),
        (".env", f"export KEY='{TOKEN}'\n", f"export KEY='{TOKEN}'\nKEY=hunter2\n"),
        (".env", f"KEY={TOKEN}\n", "KEY=plain::hunter2\n"),
    ],
)
def test_a_plaintext_in_a_data_file_is_seen_in_every_spelling(name: str, old: str, new: str) -> None:
    assert len(exposed(name, old, new)) == 1
    assert len(exposed(name, "" if name != "s.json" else "{}", new, old)) == 1 or TOKEN in new


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("s.yaml", "KEY: ${KEY}\n"),
        ("s.yaml", "KEY: !ENV ${KEY}\n"),
        ("s.yaml", "KEY: '{{ vault_key }}'\n"),
        ("s.yaml", "KEY: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3834\n"),
        ("s.yaml", "KEY: ENC[AES256_GCM,data:QUJD,iv:QUJD,tag:QUJD,type:str]\n"),
        ("s.yaml", "KEY:\n"),
        ("s.yaml", "KEY: null\n"),
        ("s.yaml", "KEY: true\n"),
        ("s.yaml", f"KEY: {TOKEN}\n---\nKEY: dev\n"),
        ("s.yaml", f"KEY: {OTHER}\nNEW: text\n"),
        ("s.yaml", f"# moved\nmore:\n  KEY: {TOKEN}\n"),
        ("s.yaml", f"KEY: hunter2  # {ALLOW}\n"),
    ],
)
def test_other_changes_of_a_data_file_are_normal(name: str, new: str) -> None:
    assert exposed(name, f"KEY: {TOKEN}\n", new) == []
