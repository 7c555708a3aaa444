"""A ``before_send`` for Sentry's SDK; needs nothing of the SDK itself."""

from __future__ import annotations

from typing import Any

from zemanta_ops.secrets.redaction.values import matcher


def before_send(event: dict[str, Any], hint: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: ARG001
    """Redact every string of an event, whatever its place; use also as ``before_send_transaction``.

    The SDK has cut long strings by then, so the start of a secret before an ellipsis goes too.
    """
    return {key: _clean(value) for key, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return matcher().redact_cut(value)
    if isinstance(value, dict):
        return {_clean(key): _clean(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(inner) for inner in value]
    return value
