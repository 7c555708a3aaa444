"""Configuration files of four formats, and the structure that they fit, for the tests of load_config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tests.secrets.tokens import local
from zemanta_ops.secrets import Secret

FILES = {
    "config.toml": 'debug = true\n\n[database]  # one\nhost = "db"\nport = 5432\npassword = "{}"\n\n'
    '[[mirrors]]\nurl = "a"\n[[mirrors]]\nurl = "b"\nkey = "{}"\n',
    "config.yaml": "debug: true\ndatabase:\n  host: db\n  port: 5432\n  password: {}\n"
    "mirrors:\n  - url: a\n  - url: b\n    key: '{}'\n",
    "config.json": '{{"debug": true,\n"database": {{"host": "db", "port": 5432,\n "password": "{}"}},\n'
    '"mirrors": [{{"url": "a"}},\n {{"url": "b", "key": "{}"}}]}}\n',
}
NAMES = ("database.password", "mirrors.1.key")


@dataclass(frozen=True)
class Database:
    host: str
    password: Secret
    port: int = 5432


class Mirror(msgspec.Struct, frozen=True):
    url: str
    key: str | None = None


@dataclass
class Config:
    database: Database
    mirrors: list[Mirror] = field(default_factory=list)
    debug: bool = False
    spare: Secret | None = None


def write(folder: Path, name: str, tokens: Sequence[str] = ()) -> Path:
    path = folder / name
    path.write_text(FILES[name].format(*(tokens or [local(f"value of {name}", name=name) for name in NAMES])))
    return path


def saved(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
