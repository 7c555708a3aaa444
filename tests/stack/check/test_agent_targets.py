"""What a telegraf.conf says about the URLs of its outputs, as far as it means the same here as there."""

from __future__ import annotations

import sys

import pytest

from zemanta_ops.stack.check.agent_config import _summarize
from zemanta_ops.stack.check.agent_output import OutputTarget

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no parser of TOML")


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("[[outputs.influxdb]]", [OutputTarget("http://127.0.0.1:8086")]),
        ("[[outputs.file]]", []),
        (
            '[[outputs.influxdb]]\nurls = ["https://a", "https://user:example@b:1"]\ntls_ca = "/ca.pem"',
            [OutputTarget("https://a", "/ca.pem"), OutputTarget("https://b:1", "/ca.pem")],
        ),
        (
            '[[outputs.influxdb_v2]]\nurls = ["https://a"]\ninsecure_skip_verify = true\ntls_server_name = "c"',
            [OutputTarget("https://a", server_name="c", is_verified=False)],
        ),
        ('[[outputs.http]]\nurl = "http://a/write"\n[[outputs.file]]', [OutputTarget("http://a/write")]),
        # What cannot be known of one output hides what is wrong with the others.
        ('[[outputs.influxdb]]\nurls = ["${URL}"]\n[[outputs.http]]\nurl = "http://a"', []),
        ('[[outputs.influxdb]]\nurls = ["https://a"]\ntls_ca = "$CA"', []),
        ('[[outputs.influxdb]]\nurls = ["https://a"]\ntls_ca = "ca.pem"', []),
        ('[[outputs.influxdb]]\nurls = ["udp://a:8089"]', []),
        ('[[outputs.influxdb]]\nurls = ["http://a"]\nhttp_proxy = "http://proxy"', []),
    ],
)
def test_the_urls_of_the_outputs(text: str, targets: list[OutputTarget]) -> None:
    import tomllib

    assert list(_summarize([tomllib.loads(text)]).targets) == targets
