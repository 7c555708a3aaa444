"""The page about alerts: its receivers, its signature and its own class, run as they are printed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from tests.docs.tables import DOCS, literals, section, tables
from tests.docs.walkthrough import Block, blocks
from tests.secrets.tokens import made
from tests.stack.alerting.listening import Listener, Reply, listening
from tests.stack.alerting.receivers.sending import ROUTING_KEY, TRIGGER, build
from zemanta_ops.checks.alerts import check_receivers
from zemanta_ops.secrets import Secret
from zemanta_ops.stack.alerting import receivers
from zemanta_ops.stack.alerting.receivers import RefusedError, UnavailableError, read_receivers

PAGE = "alerts"
RECEIVERS, SIGNATURE, OWN = "Receivers", "Check the signature of a webhook", "A receiver of your own"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as server:
        yield server


def find(heading: str) -> list[Block]:
    return [block for block in blocks(PAGE) if block.heading == heading]


def run(block: Block, *secrets: str) -> dict[str, Any]:
    """Run a block, with these plaintexts in the place of its tokens, and return its names."""
    remaining = list(secrets)
    names: dict[str, Any] = {"Secret": lambda _: Secret(made("plain", remaining.pop(0)))}
    exec(block.body, names)
    assert not remaining
    return names


def test_the_receivers_of_the_page_are_usable() -> None:
    (block,) = find(RECEIVERS)
    names = run(block, ROUTING_KEY, "example-key", "json://127.0.0.1:9/example-token")
    with override_settings(ZEMANTA_OPS=names["ZEMANTA_OPS"]):
        assert check_receivers() == []
        assert list(read_receivers().usable) == ["pager", "chat", "mail", "team"]


def test_the_table_has_every_option_of_every_backend() -> None:
    ((*rows,),) = tables(section(PAGE, RECEIVERS))
    found = {(literals(backend)[0] if literals(backend) else "all", literals(option)[0]) for backend, option, _ in rows}
    expected = {("all", option.name) for option in receivers._COMMON}
    for name, path in receivers.PATHS.items():
        class_, _ = receivers._find_class(name, {"BACKEND": name})
        assert class_ is not None, path
        expected |= {(name, option.name) for option in class_.options}
    assert found == expected


def test_the_signature_is_checked_as_the_page_does(listener: Listener) -> None:
    (block,) = find(SIGNATURE)
    is_genuine = run(block)["is_genuine"]
    build(BACKEND="webhook", URL=listener.url, KEY="example-key").send(TRIGGER)
    (posted,) = listener.posted
    header = posted.headers["X-Zemanta-Ops-Signature"]
    assert is_genuine(header, posted.raw, "example-key")
    assert not is_genuine(header, posted.raw + b" ", "example-key")
    assert not is_genuine(header, posted.raw, "another-key")
    late = header.replace(header[2:12], str(int(time.time()) - 400))
    assert not is_genuine(late, posted.raw, "example-key")


def test_the_page_names_every_key_of_the_body() -> None:
    named = literals(section(PAGE, SIGNATURE).partition("The body is a JSON object")[2])
    assert set(TRIGGER.encode()) <= set(named)


@pytest.mark.parametrize(("status", "error"), [(200, None), (400, RefusedError), (500, UnavailableError)])
def test_a_receiver_of_ones_own(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception] | None
) -> None:
    source, settings = find(OWN)
    class_ = run(source)["Sms"]
    monkeypatch.setattr(receivers, "import_string", {"shop.sms.Sms": class_}.__getitem__)
    section_ = run(settings, "example-token")["ZEMANTA_OPS"]
    section_["ALERTS"]["RECEIVERS"]["phone"]["GATEWAY"] = f"{listener.url}/send"
    listener.reply = Reply(status)
    with override_settings(ZEMANTA_OPS=section_):
        phone = read_receivers().usable["phone"]
    if error is None:
        phone.send(TRIGGER)
    else:
        with pytest.raises(error):
            phone.send(TRIGGER)
    (posted,) = listener.posted
    assert (posted.path, posted.headers["Authorization"]) == ("/send", "Bearer example-token")
    assert posted.body == {"to": "+1 555 0100", "text": TRIGGER.summary}


def test_the_page_is_in_the_table_of_contents() -> None:
    assert "   alerts\n" in (DOCS / "index.rst").read_text(encoding="utf-8")
