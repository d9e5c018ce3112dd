"""Health requests to a role over its private socket in the home."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import Final

from weir.store.engines.home import Home

SHORT: Final = {"gateway": "gw", "control": "ctl", "worker": "wrk"}
_TIMEOUT_S: Final = 2.0


def socket_path(home: Home, label: str) -> Path:
    """Return the private socket of `gateway-1` or another role; short, for unix(7)."""
    name, _, number = label.rpartition("-")
    return home.run / f"{SHORT[name]}-{number}.sock"


def is_ready(home: Home, label: str) -> bool:
    """Whether the role says it can serve."""
    return fetch(socket_path(home, label), "/readyz") is not None


def fetch(path: Path, target: str) -> str | None:
    """Return the body of a 200 answer, or None for any other and for none."""
    connection = _PrivateConnection(path)
    try:
        connection.request("GET", target, headers={"host": "health.localhost"})
        answer = connection.getresponse()
        body = answer.read(1_000_000).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if answer.status == 200 else None


class _PrivateConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("health.localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
