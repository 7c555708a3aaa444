"""What ``Secret`` and ``StrictSecret`` share: they hold tokens, show nothing, and raise if they are used as a value."""

from __future__ import annotations

from typing import Any, NoReturn

from zemanta_ops.secrets import binding, ledger, modes
from zemanta_ops.secrets.decrypt_tokens import parse_token
from zemanta_ops.secrets.exceptions import TokenError, UndecryptedError
from zemanta_ops.secrets.wire import REDACTED, Token


class Redacted:
    """Holds tokens and shows neither them nor their plaintexts; used as a value, it raises."""

    __slots__ = ("__weakref__", "_sample", "_texts", "_tokens")
    _READ = "get"

    def __init__(self, *texts: str, sample: str | None = None) -> None:
        ledger.protect()
        modes.guard_servers()
        if not isinstance(sample, (str, type(None))):
            raise TokenError(f"a sample must be text, not {type(sample).__name__}")
        self._texts = texts
        self._sample = None if sample is None else sample.encode()
        # The empty secret has no token to decrypt.
        self._tokens = tuple(parse_token(text) if text != "" else None for text in texts)
        ledger.wrap(text.strip() for text in texts)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({REDACTED})"

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise UndecryptedError(
            f"a {type(self).__name__} is not its plaintext: call .{self._READ}(), or decrypt_settings(globals()) in "
            "the last line of the settings file; for a part of a text, use Secret.template(...)"
        )

    # Whatever would turn it into a value silently, or look a value up by it.
    __str__ = __format__ = __bytes__ = __len__ = __iter__ = __reversed__ = __getitem__ = __contains__ = _refuse
    __add__ = __radd__ = __mod__ = __rmod__ = __mul__ = __rmul__ = __int__ = __float__ = __complex__ = _refuse
    __index__ = __fspath__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __hash__ = _refuse

    def __eq__(self, other: object) -> bool:
        # Compared with anything that may be a plaintext, "not equal" would be a wrong answer.
        if self is other:
            return True
        if isinstance(other, (str, bytes, bytearray, int, float)):
            self._refuse()
        return NotImplemented

    def __bool__(self) -> bool:
        return any(text != "" for text in self._texts)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"a {type(self).__name__} has no attribute {name}: for its plaintext call .{self._READ}()")

    def __reduce__(self) -> tuple[Any, ...]:
        # Slots are restored from the second half of a pair.
        return type(self), self._texts, (None, {"_sample": self._sample})

    def read_substitutes(self, path: str) -> list[bytes] | modes.Deferred | None:
        """Return what ``ZEMANTA_OPS_SECRETS`` puts in place of the plaintexts; None if it puts nothing there.

        In both modes that is the sample, if there is one. Without it, deferred mode has a placeholder that names
        ``path``.
        """
        mode = modes.mode()
        if not mode or not any(self._tokens):
            return None
        modes.guard_servers()
        if self._sample is not None:
            if mode == modes.DEFERRED:
                ledger.record_sample(path)
            return [self._sample if token else b"" for token in self._tokens]
        return modes.Deferred(path) if mode == modes.DEFERRED else None

    def check(self, here: binding.Expected) -> None:
        """Refuse tokens that are bound to something else.

        Raises:
            ContextError: A token belongs to another application or name, or is not bound but must be.
        """
        for index, token in enumerate(self._tokens):
            if token is not None:
                binding.check(token, ledger.digest(self._texts[index]), here)

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of the tokens."""
        return self._texts

    @property
    def tokens(self) -> tuple[Token | None, ...]:
        """The parsed tokens; None for an empty one."""
        return self._tokens
