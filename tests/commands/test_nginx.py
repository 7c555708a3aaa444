"""A real nginx in front of a real database: ways that are healthy, and what it answers in place of the database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.commands.faults import INTERNAL, flushing, found, started
from tests.servers.debian import Nginx
from tests.servers.fixtures import StartTelegraf, require_package, run
from tests.servers.process import free_port
from tests.servers.stores import Store
from tests.servers.telegraf import config

pytestmark = pytest.mark.second_tier

PASS = "proxy_pass DATABASE;"
HIDE = "proxy_hide_header X-Influxdb-Version; proxy_hide_header X-Server-Hostname;"
KNOWN = "".join(f"location {path} {{ {PASS} }}" for path in ("= /ping", "= /query", "= /write", "/api/"))
LIMIT = "limit_req_zone $binary_remote_addr zone=requests:1m rate=1r/m;"
Front = Callable[[Store, str, str], str]


@pytest.fixture
def front(tmp_path: Path, server_stack: ExitStack) -> Front:
    """Return a function that starts nginx in front of a store and returns its URL."""
    require_package("nginx-light")

    def start(store: Store, server: str, http: str = "") -> str:
        nginx = Nginx(tmp_path, server.replace("DATABASE", store.server.url), http)
        run(nginx, server_stack)
        return nginx.url

    return start


@pytest.mark.parametrize(
    ("server", "path"),
    [
        (f"location / {{ {PASS} }}", ""),
        ("location /metrics/ { proxy_pass DATABASE/; }", "/metrics"),
        (f"{HIDE} location / {{ {PASS} }}", ""),
        (f"{HIDE} {KNOWN} location / {{ return 404; }}", ""),
        (f"gzip on; gzip_types *; gzip_min_length 1; location / {{ {PASS} }}", ""),
        (f"chunked_transfer_encoding off; proxy_buffering off; location / {{ {PASS} }}", ""),
    ],
)
def test_a_way_through_nginx_is_healthy(
    new_any_store: Callable[[], Store], front: Front, start_telegraf: StartTelegraf, server: str, path: str
) -> None:
    store = new_any_store()
    telegraf = started(start_telegraf, store)
    with flushing(store):
        url = front(store, server, "") + path
        code, cause, one = found("database", store.elsewhere(url=url), port=telegraf.port)

    assert (code, cause, one["status"]) == (0, "", "ok")


@pytest.mark.parametrize(
    ("server", "cause", "words"),
    [
        ("location / { return 401; }", "proxy", "a web page (status 401)"),
        (f"location / {{ auth_request /a; {PASS} }} location /a {{ return 403; }}", "proxy", "a web page (status 403)"),
        ("location / { return 302 https://login.example.com/; }", "proxy", "redirects with status 302"),
        ("location / { proxy_pass http://127.0.0.1:9; }", "gateway", "status 502: it does not reach"),
        (f"location / {{ limit_req zone=requests; {PASS} }}", "gateway", "status 503: it does not reach"),
        (f"limit_req_status 429; location / {{ limit_req zone=requests; {PASS} }}", "overloaded", "too many requests"),
        ("location / { return 444; }", "unreachable", "without response"),
        ('location / { return 200 "welcome"; }', "foreign", "is not"),
    ],
)
def test_what_nginx_answers_in_place_of_the_database(
    new_any_store: Callable[[], Store], front: Front, sink: int, server: str, cause: str, words: str
) -> None:
    store = new_any_store()
    url = front(store, server, LIMIT)
    code, found_cause, one = found("database", store.elsewhere(url=url), port=sink)

    assert (code, found_cause) == (12, cause)
    assert words in one["text"]


def test_nginx_that_asks_for_a_user(
    store: Store, front: Front, sink: int, tmp_path: Path, start_telegraf: StartTelegraf
) -> None:
    (tmp_path / "users").write_text("shop:{PLAIN}example-password\n")
    server = f'auth_basic "metrics"; auth_basic_user_file {tmp_path}/users; location / {{ {PASS} }}'
    through = store.elsewhere(url=front(store, server, ""))
    code, cause, one = found("database", through, port=sink)
    assert (code, cause) == (12, "proxy")
    assert "asks for a user name and a password" in one["text"]
    assert "USERNAME and PASSWORD" in one["advice"]

    if "TOKEN" not in through.settings:
        through.settings.update(USERNAME="shop", PASSWORD="example-password")
        telegraf = started(start_telegraf, store)
        assert found("probe", through, port=telegraf.port)[0] == 0


def test_nginx_that_accepts_no_body_of_the_size_of_a_batch(
    store: Store, front: Front, start_telegraf: StartTelegraf
) -> None:
    url = front(store, f"client_max_body_size 100; location / {{ {PASS} }}", "")
    through, port = store.elsewhere(url=url), free_port()
    start_telegraf(config(port, store.output.replace(store.server.url, url) + INTERNAL, interval="500ms"), port)
    # A query in Flux is the body of a request.
    name, expected = ("database", 12) if "TOKEN" in store.settings else ("telegraf", 13)
    code, cause, one = found(name, through, "--timeout", "2", port=port)

    assert (code, cause) == (expected, "too_large")
    assert "status 413" in one["text"]
