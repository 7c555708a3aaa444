"""A token is written only if it reads as itself, whatever the format."""

from __future__ import annotations

from pathlib import Path

import pytest

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.source_file import SourceFile, decode
from zemanta_ops.secrets.files.token_replacement import check_added, check_safe, replace_tokens

TEXTS = {
    "a.py": 'KEY = Secret("kms:region=eu-west-1:QUJDREVGR0g=")\nOTHER = 1\n',
    "a.toml": 'KEY = "kms:region=eu-west-1:QUJDREVGR0g="\nOTHER = 1\n',
    "a.yaml": "KEY: kms:region=eu-west-1:QUJDREVGR0g=\nOTHER: 1\n",
    "a.json": '{"KEY": "kms:region=eu-west-1:QUJDREVGR0g=", "OTHER": 1}',
    ".env": "KEY=kms:region=eu-west-1:QUJDREVGR0g=\nOTHER=1\n",
}
files = pytest.mark.parametrize("name", TEXTS)


def read(name: str) -> SourceFile:
    return decode(Path(name), TEXTS[name].encode())


def replace(name: str, token: str) -> str:
    file = read(name)
    [literal] = [each for each in file.scalars if each.setting == "KEY"]
    return replace_tokens(file, {literal: token})


@files
@pytest.mark.parametrize("character", "\"'\\\n\r\t #$`{}()<>,;|é\0")
def test_a_token_that_would_need_quotes_or_escapes_is_refused(name: str, character: str) -> None:
    token = f"plain::a{character}b"
    for refuse in (
        lambda: replace(name, token),
        lambda: check_safe(read(name), "kms:region=eu-west-1:QUJDREVGR0g=", token),
    ):
        with pytest.raises(SourceError, match="this plaintext cannot be written as a plain token here"):
            refuse()


@files
@pytest.mark.parametrize("token", ["sealed:v=1&kid=a-b_c:QUJD+/==", "plain:app=shop%20a:a.b~c", "local:v=2:QUJDREVG"])
def test_another_token_is_the_only_change(name: str, token: str) -> None:
    assert replace(name, token) == TEXTS[name].replace("kms:region=eu-west-1:QUJDREVGR0g=", token)


@files
def test_what_was_added_must_be_one_setting_more_and_nothing_else(name: str) -> None:
    file = read(name)
    added = {
        "a.py": 'NEW = Secret("local::QUJD")\n',
        "a.toml": 'NEW = "local::QUJD"\n',
        "a.yaml": "NEW: local::QUJD\n",
        ".env": "NEW=local::QUJD\n",
    }.get(name, "")
    text = file.text + added if added else file.text.replace("}", ', "NEW": "local::QUJD"}')
    check_added(file, text, ("NEW",), "local::QUJD")
    for wrong in (
        file.text,
        text.replace("OTHER", "ANOTHER"),
        text.replace("kms:region=eu-west-1:QUJDREVGR0g=", "kms:region=eu-west-1:WFlaREVGR0g="),
    ):
        with pytest.raises(SourceError, match="would not read as intended"):
            check_added(file, wrong, ("NEW",), "local::QUJD")
