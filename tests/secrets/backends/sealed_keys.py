"""Key pairs for tests of the sealed backend, and tokens for them."""

from __future__ import annotations

from collections.abc import Callable

from tests.secrets.tokens import made
from zemanta_ops.secrets.backends._agekeys import CLASSIC, HYBRID, Identity

HYBRID_KEY, OTHER_HYBRID_KEY = Identity(HYBRID, bytes(range(32))), Identity(HYBRID, bytes(range(1, 33)))
CLASSIC_KEY, OTHER_CLASSIC_KEY = Identity(CLASSIC, bytes(range(32))), Identity(CLASSIC, bytes(range(1, 33)))

Hold = Callable[..., None]


def sealed(plaintext: str | bytes, *keys: Identity, **context: str) -> str:
    return made("sealed", plaintext, context, recipients=[str(key.recipient) for key in keys])
