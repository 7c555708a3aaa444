"""kapacitor.conf, and the variables of its environment that have what is not in any file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zemanta_ops.setting import read_django_setting
from zemanta_ops.stack.generate.receivers import EMAIL, PAGERDUTY, WEBHOOK, Receiver

FOLDER, DATA = "/etc/kapacitor", "/var/lib/kapacitor"
_HEADER = "# Written by: manage.py generate_stack kapacitor"
# Kapacitor does not start without an address; that of a webhook is a credential, so it is in the environment.
_IN_ENVIRONMENT = "http://127.0.0.1:9/set-in-the-environment"


def render_config(url: str, username: str, receivers: Sequence[Receiver]) -> str:
    """Return kapacitor.conf; ``url`` is that of InfluxDB."""
    sections: list[tuple[str, Mapping[str, Any]]] = [
        ("", {"hostname": "localhost", "data_dir": DATA, "skip-config-overrides": True}),
        ("[http]", {"bind-address": "127.0.0.1:9092", "log-enabled": False}),
        ("[logging]", {"file": "STDERR", "level": "INFO"}),
        ("[load]", {"enabled": True, "dir": f"{FOLDER}/load"}),
        ("[replay]", {"dir": f"{DATA}/replay"}),
        ("[storage]", {"boltdb": f"{DATA}/kapacitor.db"}),
        ("[[influxdb]]", _describe_influxdb(url, username)),
        *(section for receiver in receivers if (section := _describe_receiver(receiver))),
        *([("[smtp]", _describe_mail())] if any(each.backend == EMAIL for each in receivers) else []),
        ("[reporting]", {"enabled": False}),
        ("[stats]", {"enabled": False}),
    ]
    return "\n".join([_HEADER, *(line for name, values in sections for line in _render_section(name, values)), ""])


def render_environment(username: str, receivers: Sequence[Receiver]) -> str:
    """Return the example of the environment file: one line for each variable, without a value."""
    lines = [_HEADER, f"# Copy it to {FOLDER}/kapacitor.env, owner root, mode 0600, and fill it in."]
    for name, meaning in _list_variables(username, receivers):
        lines += ["", f"# {meaning}", f"{name}="]
    return "\n".join([*lines, ""])


def _list_variables(username: str, receivers: Sequence[Receiver]) -> Iterator[tuple[str, str]]:
    if username:
        yield "KAPACITOR_INFLUXDB_0_PASSWORD", f"The password of the user {username} of InfluxDB."
    posts = [each for each in receivers if each.backend == WEBHOOK]
    for number, receiver in enumerate(posts):
        yield f"KAPACITOR_HTTPPOST_{number}_URL", f"The URL of the receiver {receiver.name}."
    if receiver_ := next((each for each in receivers if each.backend == PAGERDUTY), None):
        yield "KAPACITOR_PAGERDUTY2_ROUTING_KEY", f"The routing key of the receiver {receiver_.name}."
    if any(each.backend == EMAIL for each in receivers) and read_django_setting("EMAIL_HOST_USER"):
        yield "KAPACITOR_SMTP_PASSWORD", "The password of Django's EMAIL_HOST_USER."


def _describe_influxdb(url: str, username: str) -> dict[str, Any]:
    values: dict[str, Any] = {"enabled": True, "default": True, "name": "default", "urls": [url]}
    if username:
        values["username"] = username
    return {**values, "disable-subscriptions": True}


def _describe_receiver(receiver: Receiver) -> tuple[str, Mapping[str, Any]] | None:
    if receiver.backend == PAGERDUTY:
        return "[pagerduty2]", {"enabled": True, "url": f"{receiver.url}/v2/enqueue"}
    if receiver.backend == WEBHOOK:
        return "[[httppost]]", {"endpoint": receiver.slug, "url": _IN_ENVIRONMENT}
    return None


def _describe_mail() -> dict[str, Any]:
    values = {
        "enabled": True,
        "host": read_django_setting("EMAIL_HOST") or "localhost",
        "port": read_django_setting("EMAIL_PORT") or 25,
        "from": read_django_setting("DEFAULT_FROM_EMAIL") or "webmaster@localhost",
    }
    user = read_django_setting("EMAIL_HOST_USER")
    return {**values, "username": user} if user else values


def _render_section(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    if name:
        yield name
    for key, value in values.items():
        # All escapes of JSON are escapes of TOML too.
        yield f"{'  ' if name else ''}{key} = {json.dumps(value, ensure_ascii=False)}"
