"""Check that a port is free, before the gateway's processes share it.

With SO_REUSEPORT a process can silently join a port whose owner set the option too, and then gets
part of the owner's connections. So the port is first bound without the option.
"""

from __future__ import annotations

import errno
import socket
from typing import Any, Final

from weir.kernel.declares import PORT_TAKEN, SETTING_INVALID
from weir.kernel.outcomes import Refusal

_CONNECT_TIMEOUT_S: Final = 1.0


def claim(host: str, port: int) -> socket.socket:
    """Check that a port is free, and reserve it against other installations of weir.

    Two installations that start at the same time would both find the port free and then share it.
    So each first binds an abstract Unix socket named after the port (unix(7)). Only one can bind
    it, and it ends with its process. Close the returned socket to give the port up.

    Refuses as `require_free` does.
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
    """Refuse an address on which a process listens (a numeric IP or a name of this machine).

    Refusal PORT_TAKEN when a process listens on it, with or without SO_REUSEPORT, or has claimed
    it; SETTING_INVALID when this process may not listen on the address.
    """
    claim(host, port).close()


def _probe(host: str, port: int) -> None:
    for family, address in _addresses(host, port):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # A listener that has just ended leaves connections in TIME_WAIT; they do not matter.
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
    """Whether a connection is accepted there, for instance by a forwarder that binds no port."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(_CONNECT_TIMEOUT_S)
        try:
            probe.connect(address)
        except OSError:
            return False
        # A connection to an ephemeral port can connect to itself (RFC 9293 section 3.5).
        return bool(probe.getsockname() != probe.getpeername())
