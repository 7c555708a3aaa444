"""``diffsettings`` shows settings, and no revealed secret among them."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from zemanta_ops.secrets import ledger


@pytest.mark.parametrize("output", ["hash", "unified"])
def test_no_secret_is_shown(settings: Any, output: str) -> None:
    secret = "d1ff-example-'secret'"
    ledger.reveal(secret)
    settings.PLAIN_NAME = {"url": [f"redis://:{secret}@host"]}
    settings.OTHER = "shown"
    printed = StringIO()
    call_command("diffsettings", output=output, stdout=printed)
    assert "PLAIN_NAME = {'url': [" in printed.getvalue().replace('"', "'")
    assert "redis://:<redacted>@host" in printed.getvalue()
    assert "OTHER = 'shown'" in printed.getvalue()
    assert "d1ff" not in printed.getvalue()
