"""Plug-in of pytest for runs of mutmut, which runs each mutant in a fork of the process that has run the tests before.

The threads of asgiref's executor do not exist in the fork, so a test that uses them would wait until it is given up,
and the mutant would count as noticed.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import SyncToAsync


def _renew_executor() -> None:
    SyncToAsync.single_thread_executor = ThreadPoolExecutor(max_workers=1)


os.register_at_fork(after_in_child=_renew_executor)
