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


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h:8086", "http://h:8086"),
        ("http://user:example@h/path", "http://h/path"),
        ("http://h:8086/?u=user&p=hunter2", "http://h:8086/"),
        ("http://h#hunter2", "http://h"),
        ("http://user:@h", "http://h"),
        ("http://[::1]:8086", "http://[::1]:8086"),
    ],
)
def test_a_url_is_kept_without_what_may_be_secret(url: str, shown: str) -> None:
    found = _summarize([{"outputs": {"influxdb": [{"urls": [url]}]}}])
    assert ([each.url for each in found.targets], list(found.outputs)) == ([shown], [f"influxdb {shown}"])


@pytest.mark.parametrize(
    "url",
    [
        "http://u:hun/ter2@h",
        "http://u:hun?ter2@h",
        "http://u:hun#ter2@h",
        "http://u:hun@ter2@h",
        "http://h?p=a@hunter2",
    ],
)
def test_a_url_of_which_it_is_not_clear_where_its_password_ends_is_not_shown(url: str) -> None:
    found = _summarize([{"outputs": {"influxdb": [{"urls": [url]}]}}])
    assert (list(found.targets), list(found.outputs)) == ([], ["influxdb a URL that may show a password"])
