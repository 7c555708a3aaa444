from __future__ import annotations

import sys

import pytest

from zemanta_ops import extras
from zemanta_ops.secrets import exceptions
from zemanta_ops.stack.databases import connect


def test_the_error_has_the_line_that_installs_the_package() -> None:
    error = extras.MissingExtraError("the chart", "charts")
    assert str(error) == 'the chart needs an optional package. Run: pip install "zemanta-ops[charts]"'
    assert error.extra == "charts"


def test_the_one_of_secrets_is_an_error_about_secrets_too() -> None:
    error = exceptions.MissingExtraError("the kms backend", "kms")
    assert isinstance(error, exceptions.SecretError)
    assert isinstance(error, extras.MissingExtraError)
    assert str(error) == 'the kms backend needs an optional package. Run: pip install "zemanta-ops[kms]"'


def test_the_stack_raises_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Simulated: the packages are installed here.
    monkeypatch.setitem(sys.modules, "influxdb_client.client.flux_csv_parser", None)
    with pytest.raises(extras.MissingExtraError, match=r"zemanta-ops\[influxdb\]"):
        connect("http://influx.example", bucket="b", org="o", token="example-token")
