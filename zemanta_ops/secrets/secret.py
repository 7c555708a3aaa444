"""``Secret`` and ``StrictSecret``: a token in settings, decrypted only on request."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from string import Formatter
from typing import Any
from urllib.parse import quote as url_quote

from zemanta_ops.secrets import binding, config, ledger, modes, overrides
from zemanta_ops.secrets.caller import Caller, find_caller, is_command
from zemanta_ops.secrets.decrypt_tokens import decode_text, decrypt_tokens
from zemanta_ops.secrets.exceptions import DecryptError, SecretError, TokenError
from zemanta_ops.secrets.redacted import Redacted
from zemanta_ops.secrets.wire import Token

# Guards the making of locks: each Secret has one of its own once it is asked for its plaintext.
_making_lock = threading.Lock()


class Secret(Redacted):
    """A secret that is decrypted once, at the first ``get()``.

    Threads that call it at the same time wait for one decryption. Copies and pickles hold the token only.
    """

    __slots__ = ("_lock", "_overridden", "_path", "_plaintext")

    def __init__(self, token: str, *, sample: str | None = None) -> None:
        """Check the form of the token; ``""`` is the empty secret.

        Args:
            token: What ``encrypt_secret`` printed.
            sample: A harmless value in place of the plaintext if ``ZEMANTA_OPS_SECRETS`` is ``deferred`` or
                ``fake``, for settings that parse it: ``"postgres://build:build@localhost/build"``. Never used by a
                process that serves requests, except for ``fake`` in a test run or with DEBUG.

        Raises:
            TokenError: It is not a token, or its backend is unknown.
        """
        super().__init__(token, sample=sample)
        self._lock: tuple[int, threading.Lock] | None = None
        self._plaintext: bytes | None = None
        self._overridden = False
        self._path = ""

    def __reduce__(self) -> tuple[Any, ...]:
        kind, texts, (_, slots) = super().__reduce__()
        return kind, texts, (None, {**slots, "_path": self._path})

    @staticmethod
    def template(pattern: str, *tokens: str, quote: bool = False, sample: str | None = None) -> Secret:
        """Return a Secret whose value is ``pattern``, with each ``{}`` replaced with the plaintext of a token.

        Args:
            pattern: As for ``str.format``, positional fields only: ``"redis://:{}@cache/0"``.
            tokens: One token for each field.
            quote: Percent-encode the plaintexts, for URLs.
            sample: What takes the place of each plaintext, as for ``Secret``; the pattern stays around it.
        """
        return _Template(pattern, quote, *tokens, sample=sample)

    def get(self, *, name: str = "", app: str = "") -> str:
        """Return the plaintext, or the value that overrides it.

        Args:
            name: The name that the token must be bound to. Needed if it is bound to one, except for a Secret from
                ``load_config``, which knows it. It is also the name for overrides and errors; by default that is the
                name of the setting that the value is assigned to.
            app: The application that it must be bound to; by default ``app`` of ``zemanta_ops.toml``.

        Raises:
            SecretError: It cannot be decrypted, is not UTF-8, or is bound to something else.
        """
        text: str = _as_text(self._value(name, app))
        return text

    def get_bytes(self, *, name: str = "", app: str = "") -> bytes:
        """Return the plaintext as bytes; arguments and errors as for ``get``."""
        value: bytes = self._value(name, app)
        return value

    def bind_to(self, path: str, value: str | None) -> None:
        """Set the path, for which the binding was checked, and the plaintext, unless that is None."""
        self._path = path
        if value is not None:
            self._plaintext = value.encode("utf-8", "surrogateescape")

    def _value(self, name: str, app: str) -> Any:
        path = name or self._path
        if self._plaintext is None and (override := _find_override(path)) is not None:
            self._plaintext, self._overridden = override, True
        if self._overridden:
            return self._plaintext
        if name or app or not self._path or self._plaintext is None:
            self.check(binding.expect(app=app, name=path))
        return self._substitute_or_decrypt(path) if self._plaintext is None else self._plaintext

    def _substitute_or_decrypt(self, path: str) -> Any:
        substitute = self.substitute(path or _find_path()) if modes.mode() else None
        if substitute is not None:
            return substitute
        failure = None
        with _lock_for(self):
            if self._plaintext is None:
                try:
                    return self.accept(decrypt_tokens(self._tokens), path=path)
                except SecretError as error:
                    failure = _explain(error, path)
        # Raised outside the handler: the frames of the other error are of no use, and error pages show them.
        if failure is not None:
            raise failure
        return self._plaintext

    def substitute(self, path: str) -> bytes | modes.Deferred | None:
        """Return what ``ZEMANTA_OPS_SECRETS`` puts in place of the plaintext; None if it must be decrypted."""
        found = self.read_substitutes(path)
        if not isinstance(found, list):
            return found
        composed = self._compose(found)
        assert isinstance(composed, bytes)  # noqa: S101 (a sample is text)
        if modes.mode() == modes.FAKE:
            # A test suite looks for leaks of it, as of every other value.
            ledger.reveal(composed)
        return composed

    def accept(self, results: Sequence[bytes | SecretError], *, path: str = "") -> bytes:
        """Keep the plaintexts of the tokens, remember them for redaction, and return the value.

        Raises:
            SecretError: The first error among the results.
        """
        outcome = self._reveal(results, path)
        # No variable may hold a plaintext when an error is raised: tracebacks may be shown with their variables.
        del results
        if isinstance(outcome, SecretError):
            raise outcome
        self._plaintext = outcome
        return outcome

    def _reveal(self, results: Sequence[bytes | SecretError], path: str) -> bytes | SecretError:
        plaintexts = [result for result in results if isinstance(result, bytes)]
        for plaintext in plaintexts:
            ledger.reveal(plaintext)
        failed = [result for result in results if isinstance(result, SecretError)]
        composed = failed[0] if failed else self._compose(plaintexts)
        if isinstance(composed, bytes):
            ledger.reveal(composed)
            for text, token, part in zip(self._texts, self._tokens, plaintexts, strict=True):
                if token is not None:
                    ledger.record(_entry(text, token, part, path))
        return composed

    def _compose(self, plaintexts: Sequence[bytes]) -> bytes | SecretError:
        return plaintexts[0]


class _Template(Secret):
    """A pattern filled with the plaintexts of tokens; created by ``Secret.template``."""

    __slots__ = ("_pattern", "_quote")

    def __init__(self, pattern: str, quote: bool, *tokens: str, sample: str | None = None) -> None:
        Redacted.__init__(self, *tokens, sample=sample)
        self._lock = None
        self._plaintext = None
        self._overridden = False
        self._path = ""
        self._pattern = pattern
        self._quote = quote
        fields = _fields(pattern)
        if not fields or any(fields) or len(fields) != len(tokens):
            raise TokenError("Secret.template needs one {} for each token, and no other braces than {{ and }}")

    def __reduce__(self) -> tuple[Any, ...]:
        kind, texts, slots = super().__reduce__()
        return kind, (self._pattern, self._quote, *texts), slots

    def _compose(self, plaintexts: Sequence[bytes]) -> bytes | SecretError:
        texts = [decode_text(plaintext) for plaintext in plaintexts]
        if error := next((text for text in texts if isinstance(text, SecretError)), None):
            return error
        return self._pattern.format(
            *(url_quote(str(text), safe="") if self._quote else text for text in texts)
        ).encode()


class StrictSecret(Redacted):
    """A secret that is decrypted at every ``decrypt()`` and never kept, not even for redaction."""

    __slots__ = ()
    _READ = "decrypt"

    def __init__(self, token: str, *, sample: str | None = None) -> None:
        """Check the form of the token, as for ``Secret``."""
        super().__init__(token, sample=sample)

    def decrypt(self, *, name: str = "", app: str = "") -> str:
        """Return the plaintext, or the value that overrides it; arguments and errors as for ``Secret.get``."""
        text: str = _as_text(self._value(name, app))
        return text

    def decrypt_bytes(self, *, name: str = "", app: str = "") -> bytes:
        """Return the plaintext as bytes."""
        value: bytes = self._value(name, app)
        return value

    def _value(self, name: str, app: str) -> Any:
        override = _find_override(name)
        if override is not None:
            return override
        self.check(binding.expect(app=app, name=name, any_environment=is_command()))
        [token] = self._tokens
        substitute = self.read_substitutes(name or _find_path()) if modes.mode() else None
        if substitute is not None:
            return substitute[0] if isinstance(substitute, list) else substitute
        [result] = decrypt_tokens([token])
        if isinstance(result, SecretError):
            raise _explain(result, name)
        if token is not None:
            ledger.record(_entry(self._texts[0], token, result, name))
        return result


def _find_override(path: str) -> bytes | None:
    """Return the value that overrides a setting, by the name that the caller assigns it to if ``path`` is empty."""
    given = overrides.read(config.load())
    caller = find_caller(path) if given else Caller()
    found = None if caller.is_command else given.take(caller.setting)
    return None if found is None else found.encode("utf-8", "surrogateescape")


def _find_path() -> str:
    caller = find_caller()
    return caller.setting or caller.place


def _explain(error: SecretError, path: str) -> SecretError:
    """Return the error with the setting, or the place of the call, and with what helps without the key."""
    caller = find_caller(path)
    where = caller.setting or caller.place
    if not where or caller.is_command or not isinstance(error, DecryptError):
        return error
    advice = overrides.advise({caller.setting: error})
    return type(error)(f"{where}: {error}{f'. {advice}' if advice else ''}")


def _as_text(value: Any) -> Any:
    text = value if isinstance(value, modes.Deferred) else decode_text(value)
    del value
    if isinstance(text, DecryptError):
        raise text
    return text


def _fields(pattern: str) -> list[str]:
    """Return the text in each pair of braces: name, conversion and format. A bad pattern has one field, "odd"."""
    try:
        parts = [part[1:] for part in Formatter().parse(pattern) if part[1] is not None]
    except ValueError:
        return ["odd"]
    return ["".join(filter(None, part)) for part in parts]


def _entry(text: str, token: Token, plaintext: bytes, path: str) -> ledger.Entry:
    return ledger.Entry(
        path=path,
        backend=token.backend,
        key_id=token.key_id,
        context=token.context,
        legacy=not token.is_authenticated,
        short=len(ledger.as_text(plaintext)) < ledger.MIN_REDACTED_LENGTH,
        digest=ledger.digest(text),
    )


def _lock_for(secret: Secret) -> threading.Lock:
    """Return the lock of a secret; a forked child makes a new one, because a thread of its parent may hold the old."""
    with _making_lock:
        pid = os.getpid()
        if secret._lock is None or secret._lock[0] != pid:
            secret._lock = (pid, threading.Lock())
        return secret._lock[1]


def _replace_making_lock() -> None:
    global _making_lock
    _making_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_replace_making_lock)
