"""Run a command where there is no network but this machine's own; started by `unshare --net`.

unshare --net python checks/without_route.py COMMAND...
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

_SIOCSIFFLAGS = 0x8914  # netdevice(7)
_IFF_UP = 0x1
_ELSEWHERE = ("192.0.2.1", 443)  # RFC 5737: documentation, which nobody has


def main(command: list[str]) -> None:
    """Bring the loopback up, make sure that nothing else is there, and become the command."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        fcntl.ioctl(link, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    routes = Path("/proc/net/route").read_text().splitlines()[1:]
    with socket.socket() as attempt:
        refused = attempt.connect_ex(_ELSEWHERE)
    if routes or refused != errno.ENETUNREACH:
        sys.exit("This network leads somewhere: start it by unshare --net.")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
