"""Sockets and TLS contexts of the public ports, and the context for calling members."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final

from weir.kernel.declares import PORT_TAKEN, SETTING_INVALID
from weir.kernel.outcomes import Refusal
from weir.wire.certificate_files import Presented
from weir.wire.declares import PUBLIC_BACKLOG

# RFC 9325 (BCP 195) section 4.2 for TLS 1.2: the four it recommends, and FAPI 2.0 section 5.2.2
# permits no other. TLS 1.3 has its own. The groups are OpenSSL's own list, which begins with
# X25519MLKEM768 where it offers that (3.5 and newer): a list of ours would leave it out.
_TLS12_SUITES: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
)


def _context(protocol: int, presented: Presented) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_TLS12_SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        presented.present_in(context)
    except (OSError, ssl.SSLError) as error:
        raise Refusal(SETTING_INVALID, f"certificate: {error}", setting="tls") from error
    return context


def server_context(presented: Presented, client_authority: Path | None) -> ssl.SSLContext:
    """Return the TLS context for callers.

    With `client_authority` (PEM) a certificate issued by it is required. Sessions are not resumed
    where certificates are required: a resumed session would carry a certificate that was verified
    before, perhaps before it expired. Refusal SETTING_INVALID.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, presented)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    if client_authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority)
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    return context


class MemberTls:
    """TLS contexts towards members: their certificate and name are verified, and ours presented.

    A member that has registered an authority of its own is verified by that and no other; all
    others by the alliance's.
    """

    def __init__(self, presented: Presented, authority: Path) -> None:
        self._presented = presented
        self._alliance = self._client_context()
        self._alliance.load_verify_locations(authority)

    def context(self, authority_pem: str | None = None) -> ssl.SSLContext:
        """Return the context for members with this authority (PEM); a
        malformed one verifies none.
        """
        if authority_pem is None:
            return self._alliance
        context = self._client_context()
        with suppress(ssl.SSLError, ValueError):
            context.load_verify_locations(cadata=authority_pem)
        return context

    def _client_context(self) -> ssl.SSLContext:
        context = _context(ssl.PROTOCOL_TLS_CLIENT, self._presented)
        context.set_alpn_protocols(["http/1.1"])
        return context


def public_socket(address: str, port: int) -> socket.socket:
    """Open a TCP socket that every gateway process binds beside the others (SO_REUSEPORT).

    The kernel spreads connections over the processes. Refusal PORT_TAKEN when another process,
    which did not offer to share, holds the port.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((address, port))
        listening.listen(PUBLIC_BACKLOG)
    except OSError as error:
        listening.close()
        raise Refusal(PORT_TAKEN, f"{port}: {error.strerror}", port=port) from error
    listening.setblocking(False)
    return listening
