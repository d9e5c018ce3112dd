"""The tests of members' services, with a gateway's certificate in a test's own folder."""

from __future__ import annotations

from pathlib import Path

from weir.journeys.backend_tests import BackendTests
from weir.keys.authority import Authority
from weir.wire.certificate_files import Presented
from weir.wire.resolver import Reachable


def backend_tests(authority: Authority, folder: Path, reachable: str | None = None) -> BackendTests:
    issued = authority.issue_gateway()
    files = folder / "gateway-client.pem", folder / "gateway-client.key"
    files[0].write_text(issued.certificate.pem)
    files[1].write_text(issued.key_pem)
    root = folder / "alliance-root.pem"
    root.write_text(authority.root_pem)
    return BackendTests(authority, Presented(*files), root, Reachable.parse(reachable))
