"""The peer of a connection: a caller's certificate, or the user behind a private socket."""

from __future__ import annotations

import base64
import os
import socket
import stat
import struct
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from weir.kernel.declares import HOME_UNUSABLE
from weir.kernel.outcomes import Refusal
from weir.wire.declares import PRIVATE_BACKLOG

_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid


class PeerCertificate:
    """A verified client certificate. `sha256` is its thumbprint (RFC 8705 section 3.1)."""

    __slots__ = ("der", "sha256")

    def __init__(self, der: bytes) -> None:
        self.der = der
        self.sha256 = base64.urlsafe_b64encode(sha256(der).digest()).rstrip(b"=").decode("ascii")


def private_socket(path: Path) -> socket.socket:
    """Open a listening Unix socket of mode 0600 in a folder of mode 0700, made if it is missing.

    Refusal HOME_UNUSABLE when the folder is another user's or cannot be made. A socket file left by
    an ended process is replaced.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_folder(path.parent)
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(listening.fileno(), 0o600)  # Linux binds with the socket's own mode
            listening.bind(str(path))
            path.chmod(0o600)
            listening.listen(PRIVATE_BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise Refusal(HOME_UNUSABLE, f"private socket: {error.strerror}") from error
    listening.setblocking(False)
    return listening


def _check_folder(folder: Path) -> None:
    """Refuse or close a folder that others may enter: the socket's
    own mode would be the only lock.
    """
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise Refusal(HOME_UNUSABLE, "the private folder is not a folder of ours")
    if stat.S_IMODE(status.st_mode) & 0o077:
        folder.chmod(0o700)


def peer_uid(transport: Any) -> int | None:
    """Return the user id at the other end of a Unix socket, by the
    kernel; None for other sockets.
    """
    connected = transport.get_extra_info("socket")
    if connected is None or connected.family != socket.AF_UNIX:
        return None
    raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[1])


def is_ours(transport: Any) -> bool:
    """Whether the process at the other end runs as the same user as this one."""
    return peer_uid(transport) == os.geteuid()
