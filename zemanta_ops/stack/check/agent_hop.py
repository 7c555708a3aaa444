"""Check the first hop: whether something receives what the application sends."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

from zemanta_ops.metrics.options import Options
from zemanta_ops.stack.check.hops import Hop, fail_hop
from zemanta_ops.stack.check.probe import Probe
from zemanta_ops.stack.sockets import read_port_sockets, show_address

_REFUSALS = {"refused": "agent_down", "dns": "agent_unknown"}
# An agent that has enough connections accepts another and closes it at once.
_CLOSE_SECONDS = 0.2
_CONNECT_SECONDS = 1.0
# A program that ends and is started again, again and again, is back by then.
_RETURN_SECONDS = 1.0


def check_agent(probe: Probe, options: Options, *, is_local: bool) -> Hop:
    """Send the probe; return whether something receives it, and if not, why.

    Args:
        probe: What to send.
        options: Those of the application's client.
        is_local: Whether the agent is on this machine.

    """
    where = f"{options.protocol} {show_address(options.host, options.port)}"
    start = time.monotonic()
    if options.protocol == "tcp" and _is_closed_at_once(options.host, options.port):
        text = f"{where} accepts connections and closes them at once: it has as many as it takes"
        return fail_hop("agent", "agent_full", text, time.monotonic() - start)
    lost = probe.send()
    seconds = time.monotonic() - start
    if not lost:
        return Hop("agent", "ok", f"{where} accepts what is sent", seconds=seconds)
    if lost == "refused" and (other := _find_other_protocol(options, is_local=is_local)):
        text = f"nothing listens on {where}, but something does on {other} {options.port}"
        return fail_hop("agent", "agent_protocol", text, seconds)
    if lost == "refused" and is_local and _comes_back(options):
        text = f"nothing listened on {where} for a moment: the agent ends and is started again"
        return fail_hop("agent", "agent_restarting", text, seconds)
    if lost == "network" and is_local and (waiting := _count_unaccepted(options)):
        text = f"the program on {where} accepts no more connections: {waiting} wait for it"
        return fail_hop("agent", "agent_hangs", text, seconds)
    words = {"refused": f"nothing listens on {where}", "dns": f"the host name {options.host} cannot be resolved"}
    text = words.get(lost, f"{where} cannot be reached: {lost}")
    return fail_hop("agent", _REFUSALS.get(lost, "agent_network"), text, seconds)


def _is_closed_at_once(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), _CONNECT_SECONDS) as connection:
            connection.settimeout(_CLOSE_SECONDS)
            return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True
    except OSError:
        return False


def _find_other_protocol(options: Options, *, is_local: bool) -> str:
    """Return the other protocol if something listens with it on the port, or ""."""
    if options.protocol == "udp":
        with suppress(OSError), socket.create_connection((options.host, options.port), _CONNECT_SECONDS):
            return "tcp"
        return ""
    return "udp" if is_local and any(read_port_sockets("udp", options.port)) else ""


def _count_unaccepted(options: Options) -> int:
    """Return how many connections the program on the port has not accepted; of a full queue, the kernel drops more."""
    if options.protocol != "tcp":
        return 0
    return sum(each.waiting for each in read_port_sockets("tcp", options.port) if each.is_listening)


def _comes_back(options: Options) -> bool:
    until = time.monotonic() + _RETURN_SECONDS
    while time.monotonic() < until:
        if any(each.is_listening for each in read_port_sockets(options.protocol, options.port)):
            return True
        time.sleep(0.05)
    return False
