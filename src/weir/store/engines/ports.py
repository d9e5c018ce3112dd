"""Whether a port is free, asked before the gateway shares it among its processes.

With SO_REUSEPORT a process joins a port silently if its owner set the option too, and then takes
a part of the owner's connections. So the port is first claimed without the option.
"""

from __future__ import annotations

import errno
import socket
from typing import Any, Final

from weir.kernel.declares import PORT_TAKEN, SETTING_INVALID
from weir.kernel.outcomes import Refusal

_CONNECT_TIMEOUT_S: Final = 1.0


def claim(host: str, port: int) -> socket.socket:
    """Take a port for this installation: found free, and held against another weir's start.

    Two that start at the same moment would both find the port free and then share it. So each
    first binds an abstract Unix socket named after the port (unix(7)), which only one can and which
    goes with its process. Close what is returned to give the port up.

    Refusals as of `require_free`.
    """
    guard = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        guard.bind(f"\0weir-port-{host}-{port}")
        _probe(host, port)
    except OSError as error:
        guard.close()
        raise Refusal(PORT_TAKEN, f"{host}:{port} is claimed", port=port) from error
    except Refusal:
        guard.close()
        raise
    return guard


def require_free(host: str, port: int) -> None:
    """Pass if nobody listens on this address (a numeric IP address or a name of this machine).

    Refusal PORT_TAKEN when somebody does, with or without SO_REUSEPORT, or has claimed it;
    SETTING_INVALID when the address is not one this process may listen on.
    """
    claim(host, port).close()


def _probe(host: str, port: int) -> None:
    for family, address in _addresses(host, port):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # A listener of a moment ago leaves connections in TIME_WAIT; those do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind(address)
                probe.listen(1)
            except OSError as error:
                raise _refusal(error, host, port) from error
        if _answers(family, address):
            raise Refusal(PORT_TAKEN, f"{host}:{port} answers", port=port)


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    if not 0 < port < 65_536:
        raise Refusal(SETTING_INVALID, f"port {port}", port=port, why="there is no such port")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise Refusal(
            SETTING_INVALID, f"{host}: {error}", host=host, why="there is no such address"
        ) from error
    return [(family, address) for family, _, _, _, address in found]


def _refusal(error: OSError, host: str, port: int) -> Refusal:
    detail = f"{host}:{port}: {error}"
    if error.errno == errno.EADDRINUSE:
        return Refusal(PORT_TAKEN, detail, port=port)
    if error.errno == errno.EACCES:
        why = "this user may not listen on that port; take one from 1024 on"
    else:
        why = "this machine cannot listen on that address"
    return Refusal(SETTING_INVALID, detail, host=host, port=port, why=why)


def _answers(family: socket.AddressFamily, address: tuple[Any, ...]) -> bool:
    """Whether somebody accepts a connection there: a forwarder that binds nowhere, for one."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(_CONNECT_TIMEOUT_S)
        try:
            probe.connect(address)
        except OSError:
            return False
        # A connection to a port of the ephemeral range can meet itself (RFC 9293 section 3.5).
        return bool(probe.getsockname() != probe.getpeername())
