"""Ports for processes that must be told theirs before they start.

A port that was found free and let go again can be anybody's a moment later: an outgoing connection
takes it, or the other test process draws the same one and two gateways share it without a word
(SO_REUSEPORT). So these lie below the ports that kernels give away, and a test process keeps each
for itself until it ends.
"""

from __future__ import annotations

import random
import socket
from typing import Final

HOST: Final = "127.0.0.1"
# Linux gives away 32,768 to 60,999 unless it is told otherwise (ip(7), ip_local_port_range).
_RANGE: Final = range(20_000, 32_000)
_kept: Final[list[socket.socket]] = []


def own_ports(count: int) -> list[int]:
    """So many ports on which nobody listens and which no other test process is given."""
    found: list[int] = []
    for port in random.SystemRandom().sample(_RANGE, len(_RANGE)):
        if len(found) == count:
            return found
        if _take(port):
            found.append(port)
    raise OSError("no free ports")


def _take(port: int) -> bool:
    """Whether it was free, and is ours now by a name that only one process can have (unix(7))."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        name.bind(f"\0weir-test-port-{port}")
        with socket.socket() as probe:
            probe.bind((HOST, port))
    except OSError:
        name.close()
        return False
    _kept.append(name)
    return True
