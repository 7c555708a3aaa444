"""Runs pytest without the names that only POSIX systems have: ``python -m tests.metrics.without_posix ARGUMENTS``.

What pytest and the libraries need is imported first, so that only this project's code meets a system like Windows.
"""

from __future__ import annotations

import asyncio.unix_events  # noqa: F401
import concurrent.futures.process  # noqa: F401
import functools
import mmap
import multiprocessing.pool  # noqa: F401
import os
import signal
import socket
import subprocess  # noqa: F401
import sys
import types
import unittest.mock  # noqa: F401

import asgiref.sync  # noqa: F401
import pytest

import tests.servers.cache  # noqa: F401  (needs fcntl, and is not part of the package)

POSIX_NAMES: dict[types.ModuleType, tuple[str, ...]] = {
    os: (
        "fork", "forkpty", "register_at_fork", "getuid", "geteuid", "getgid", "getegid", "getgroups", "getpgid",
        "getpgrp", "getsid", "setsid", "setuid", "setgid", "setpgid", "killpg", "nice", "uname", "chown", "fchown",
        "lchown", "chroot", "mkfifo", "mknod", "pread", "pwrite", "posix_fallocate", "posix_spawn", "sched_yield",
        "sched_getaffinity", "getloadavg", "sysconf", "statvfs", "openpty", "ttyname", "wait", "wait3", "wait4",
        "O_NONBLOCK", "O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC", "O_SYNC", "O_NOCTTY",
    ),
    signal: (
        "SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP", "SIGUSR1", "SIGUSR2",
        "SIGWINCH", "alarm", "setitimer", "getitimer", "pause", "pthread_kill", "pthread_sigmask", "sigpending",
        "siginterrupt", "sigwait", "sigtimedwait", "sigwaitinfo",
    ),
    socket: (
        "AF_UNIX", "AF_NETLINK", "AF_PACKET", "SO_REUSEPORT", "MSG_DONTWAIT", "MSG_NOSIGNAL", "SCM_RIGHTS", "send_fds",
        "recv_fds",
    ),
    mmap: ("MAP_PRIVATE", "MAP_SHARED", "MAP_ANON", "MAP_ANONYMOUS", "PROT_READ", "PROT_WRITE", "MADV_DONTFORK"),
}  # fmt: skip
POSIX_MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty")
PLUGINS = ("pytest_asyncio.plugin", "pytest_django.plugin", "zemanta_ops.pytest_plugin")


def remove_names() -> None:
    """Remove the names and modules from this process."""
    # asyncio needs it, and its default family goes.
    socket.socketpair = functools.partial(socket.socketpair, socket.AF_UNIX)
    for module, names in POSIX_NAMES.items():
        for name in names:
            vars(module).pop(name, None)
    for name in POSIX_MODULES:
        # As importlib marks a module that is not there.
        sys.modules[name] = None  # type: ignore[assignment]


def main(arguments: list[str]) -> int:
    """Run pytest."""
    assert not any(name.startswith("zemanta_ops.") for name in sys.modules)
    remove_names()
    # Plugins of other packages may need a POSIX system: only those that the tests use.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    plugins = [option for plugin in PLUGINS for option in ("-p", plugin)]
    return int(pytest.main([*plugins, *arguments]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
