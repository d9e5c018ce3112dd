"""The listener the client's tests talk to."""

from __future__ import annotations

from pathlib import Path

import pytest
from tls_listener import Listener

from weir.keys.authority import Authority


@pytest.fixture
def listener(authority: Authority, folder: Path) -> Listener:
    issued = authority.issue_own("gateway", ["api.localhost"])
    (folder / "root.pem").write_text(authority.root_pem)
    (folder / "server.pem").write_text(issued.certificate.pem)
    (folder / "server.key").write_text(issued.key_pem)
    return Listener(folder)
