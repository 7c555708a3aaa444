"""``load_env``: the variables of a process and of a ``.env`` file, decrypted, as an ``Env`` of django-environ."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from zemanta_ops.secrets import backends, config, ledger, modes
from zemanta_ops.secrets.configfile.parsing import read
from zemanta_ops.secrets.exceptions import ConfigError, MissingExtraError
from zemanta_ops.secrets.resolve import resolve_values
from zemanta_ops.secrets.secret import Secret

try:
    import environ
except ImportError:
    raise MissingExtraError("load_env", "environ") from None

# Names a file with the value: Docker and Kubernetes mount secrets as files.
_FILE = "_FILE"
_MAX_BYTES = 1_000_000


# django-environ has no types.
class SecretEnv(environ.Env):  # type: ignore[misc]
    """An ``Env`` whose variables may be tokens; everything else is django-environ's own."""

    def __init__(self, variables: Variables, scheme: Mapping[str, Any]) -> None:
        """Read from ``variables``."""
        super().__init__(**scheme)
        self.ENVIRON = variables
        # ``Variables`` escapes: a plaintext that starts with $ is not the name of another variable.
        self.escape_proxy = True

    def get_value(self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, **options: Any) -> Any:
        """Return the value of a variable; a placeholder if it is deferred and not parsed."""
        value = self.ENVIRON.get(f"{self.prefix}{var}")
        if isinstance(value, modes.Deferred):
            return value if cast in (None, str) else self.parse_value(value, cast)
        return super().get_value(var, cast=cast, default=default, **options)


def load_env(
    path: str | PathLike[str] | None = None,
    /,
    *,
    app: str = "",
    samples: Mapping[str, str] | None = None,
    **scheme: Any,
) -> SecretEnv:
    """Return an ``environ.Env`` with the variables of this process and, after them, those of a ``.env`` file.

    All tokens among them are decrypted at once; a token that is bound to a name must be in the variable of that name.
    ``NAME_FILE`` names a file with the value of ``NAME``, which may be a token too.

    Args:
        path: The file; if it does not exist, there are only the variables of the process.
        app: The application that tokens must be bound to; by default ``app`` of ``zemanta_ops.toml``.
        samples: Harmless values for deferred and fake modes, by name: of tokens, and of variables that are not set.
        scheme: Casts and defaults, as for ``environ.Env``: ``DEBUG=(bool, False)``.

    Raises:
        ConfigError: The file cannot be read. Names file and line, never a value.
        ResolveError: Tokens cannot be decrypted; one line each.
        MissingExtraError: django-environ is not installed.
        ModeError: ``ZEMANTA_OPS_SECRETS=fake`` outside a test run.
    """
    modes.refuse_fake()
    file = None if path is None else Path(path)
    written: dict[str, str] = read(file).data if file and file.exists() else {}
    variables = Variables(dict(os.environ), written, samples or {}, app, config.load(*([file] if file else [])))
    variables.decrypt()
    return SecretEnv(variables, scheme)


class Variables(Mapping[str, Any]):
    """Variables by name, escaped for ``SecretEnv``. Its repr shows nothing."""

    def __init__(
        self,
        own: Mapping[str, str],
        written: Mapping[str, str],
        samples: Mapping[str, str],
        app: str,
        settings: config.Config,
    ) -> None:
        """Take the variables of the process, those of the file, samples, and what tokens must be bound to."""
        self._sources = (own, written)
        self._samples = samples
        self._app = app
        self._settings = settings
        self._plaintexts: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<variables: {len(self)}>"

    def __getitem__(self, name: str) -> Any:
        if name in self._plaintexts:
            return self._plaintexts[name]
        value, is_secret = self._find(name)
        if is_secret:
            self._keep({name: value})
            return self._plaintexts[name]
        # A value may name another variable with $.
        return value if value.startswith("$") else _escape(value, "\\$")

    def __iter__(self) -> Iterator[str]:
        return iter({**self._sources[1], **self._sources[0]})

    def __len__(self) -> int:
        return len({*self._sources[0], *self._sources[1]})

    def decrypt(self) -> None:
        """Decrypt all tokens, except those in files, at once.

        Raises:
            ResolveError: Some cannot be decrypted.
        """
        texts = {**self._sources[1], **self._sources[0]}
        self._keep({name: text for name, text in texts.items() if backends.is_token(_unquote(text))})

    def _keep(self, texts: Mapping[str, str]) -> None:
        """Decrypt what is a token, and keep all values."""
        secrets = [
            (name, Secret(_unquote(text), sample=self._samples.get(name)))
            for name, text in texts.items()
            if backends.is_token(_unquote(text))
        ]
        values = {**texts, **resolve_values(secrets, self._app, self._settings)}
        for name, value in values.items():
            self._plaintexts[name] = _escape(value, "$") if isinstance(value, str) else value

    def _find(self, name: str) -> tuple[str, bool]:
        """Return the text of a variable, and whether it is a secret.

        Raises:
            KeyError: It is not set.
            ConfigError: It is in a file that cannot be read.
        """
        for source in self._sources:
            if source.get(f"{name}{_FILE}"):
                return self._read_file(name, Path(source[f"{name}{_FILE}"])), True
            if name in source:
                return source[name], False
        if not modes.mode() or name not in self._samples:
            raise KeyError(name)
        return self._use_sample(name), True

    def _read_file(self, name: str, path: Path) -> str:
        try:
            with path.open(encoding="utf-8-sig") as stream:
                text = stream.read(_MAX_BYTES)
        except (OSError, UnicodeDecodeError) as error:
            if modes.mode() and name in self._samples:
                return self._use_sample(name)
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise ConfigError(f"{name}{_FILE} names a file that cannot be read: {reason}") from None
        value = text.removesuffix("\n").removesuffix("\r")
        ledger.reveal(value)
        return value

    def _use_sample(self, name: str) -> str:
        if modes.mode() == modes.DEFERRED:
            ledger.record_sample(name)
        return self._samples[name]


def _escape(value: str, sign: str) -> str:
    return value.replace(sign, f"\\{sign}")


def _unquote(text: str) -> str:
    """Return a value without quotes around it: ``docker --env-file`` does not remove them."""
    value = text.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
