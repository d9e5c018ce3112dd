"""The cipher suites that the platform's own TLS contexts take, towards callers and members."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from weir.wire.certificate_files import Presented
from weir.wire.listeners import MemberTls, server_context

# RFC 9325 section 4.2, in OpenSSL's names.
RECOMMENDED = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
}


def contexts(certificate: Path) -> list[ssl.SSLContext]:
    presented = Presented(certificate, certificate)
    towards_members = MemberTls(presented, certificate).context()
    return [
        server_context(presented, None),
        server_context(presented, certificate),
        towards_members,
    ]


def test_tls_1_2_takes_the_recommended_suites_and_no_other(certificate: Path) -> None:
    for context in contexts(certificate):
        suites = [each for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"]
        assert {each["name"] for each in suites} == RECOMMENDED
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("suite", "taken"),
    [("ECDHE-ECDSA-AES128-GCM-SHA256", True), ("ECDHE-ECDSA-CHACHA20-POLY1305", False)],
)
def test_a_caller_with_another_suite_is_turned_away(
    certificate: Path, suite: str, taken: bool
) -> None:
    offered = ssl.create_default_context(cafile=str(certificate))
    offered.maximum_version = ssl.TLSVersion.TLSv1_2
    offered.set_ciphers(suite)
    to_server, to_caller = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = offered.wrap_bio(to_caller, to_server, server_hostname="localhost")
    server = contexts(certificate)[0].wrap_bio(to_server, to_caller, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        caller.do_handshake()
    if taken:
        with pytest.raises(ssl.SSLWantReadError):
            server.do_handshake()
        return
    with pytest.raises(ssl.SSLError, match=r"(?i)no.shared.cipher"):
        server.do_handshake()
