"""Load balancers in front: their word on callers, believed from listed addresses only.

- One that passes TLS on names its caller's address in a PROXY protocol header, version 2
  (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt section 2.2), before anything else.
  From its addresses the header is required: a connection that may or may not begin with one could
  be read in two ways.
- One that ends TLS itself names the caller's verified certificate in the field `Client-Cert` (RFC
  9440 section 2.2). Its own connection needs a certificate of the alliance like any other. The
  named certificate must be issued by the alliance too, so that believing the balancer means no more
  than: it has seen the key used.
"""

from __future__ import annotations

import socket
from base64 import b64decode
from binascii import Error as Base64Error
from pathlib import Path
from typing import Final, final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from weir.kernel.outcomes import Refusal
from weir.wire.declares import CLIENT_CERT_BYTES, MALFORMED_HTTP, PROXY_HEADER_BYTES
from weir.wire.networks import Network, address_of, is_among, networks
from weir.wire.peer import PeerCertificate

# Fields that only a balancer's requests may hold, never passed on (RFC 9440 sections 2.4 and 4).
FIELDS: Final = frozenset({b"client-cert", b"client-cert-chain"})
_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_FIXED_BYTES: Final = 16  # signature, version and command, family and protocol, length
_LOCAL, _PROXY = 0x20, 0x21  # version 2; the command
_UNSPEC, _TCP4, _TCP6 = 0x00, 0x11, 0x21


@final
class ProxyHeader:
    """One header: the caller's address and port (None: the balancer speaks for itself), and its
    length.
    """

    __slots__ = ("length", "source")

    def __init__(self, source: tuple[str, int] | None, length: int) -> None:
        self.source = source
        self.length = length


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """Read the header at the start of a connection; None while it is not whole.

    LOCAL connections are the balancer's own (its health checks); of UNSPEC families the addresses
    are to be ignored. ValueError for a header that is malformed or not accepted.
    """
    if not _SIGNATURE.startswith(data[: len(_SIGNATURE)]):
        raise ValueError("no PROXY header of version 2")
    if len(data) < _FIXED_BYTES:
        return None
    command, family = data[12], data[13]
    length = _FIXED_BYTES + int.from_bytes(data[14:16], "big")
    if command not in (_LOCAL, _PROXY):
        raise ValueError("a PROXY command that is not known")
    if length > PROXY_HEADER_BYTES:
        raise ValueError("a PROXY header that is too long")
    if len(data) < length:
        return None
    if command == _LOCAL or family == _UNSPEC:
        return ProxyHeader(None, length)
    return ProxyHeader(_source(family, data[_FIXED_BYTES:length]), length)


def _source(family: int, told: bytes) -> tuple[str, int]:
    """Return address and port of the caller. ValueError for other families."""
    if family == _TCP4 and len(told) >= 12:
        return socket.inet_ntop(socket.AF_INET, told[:4]), int.from_bytes(told[8:10], "big")
    if family == _TCP6 and len(told) >= 36:
        source = socket.inet_ntop(socket.AF_INET6, told[:16])
        return source, int.from_bytes(told[32:34], "big")
    raise ValueError("a PROXY header for neither TCP over IPv4 nor over IPv6")


@final
class ForwardedCertificate(PeerCertificate):
    """A certificate that a balancer has verified, and its validity (Unix seconds)."""

    __slots__ = ("from_s", "until_s")

    def __init__(self, der: bytes, from_s: float, until_s: float) -> None:
        super().__init__(der)
        self.from_s = from_s
        self.until_s = until_s

    def in_time(self, now_s: float) -> bool:
        """Whether it is valid at `now_s` (Unix time)."""
        return self.from_s <= now_s < self.until_s


class Balancers:
    """The addresses of balancers, and the reading of their word."""

    def __init__(
        self,
        proxying: tuple[Network, ...] = (),
        certifying: tuple[Network, ...] = (),
        authority: x509.Certificate | None = None,
    ) -> None:
        self._proxying = proxying
        self._certifying = certifying
        self._authority = authority

    @classmethod
    def parse(cls, proxying: str | None, certifying: str | None, authority: Path) -> Balancers:
        """Read the settings, and the alliance's root certificate. Refusal SETTING_INVALID."""
        return cls(
            networks(proxying, "WEIR_PROXY_NETWORKS"),
            networks(certifying, "WEIR_CLIENT_CERT_NETWORKS"),
            x509.load_pem_x509_certificate(authority.read_bytes()),
        )

    def proxies(self, peer: str) -> bool:
        """Whether connections from this address begin with a PROXY header."""
        return _is_among(peer, self._proxying)

    def certifies(self, peer: str) -> bool:
        """Whether `Client-Cert` is believed from this address."""
        return _is_among(peer, self._certifying)

    def certificate(self, value: bytes) -> ForwardedCertificate | None:
        """Return the certificate in a field `Client-Cert`; None for one the alliance did not issue.

        Refusal MALFORMED_HTTP for a value that is no certificate in a Byte Sequence (RFC 8941
        section 3.3.5).
        """
        if len(value) > CLIENT_CERT_BYTES or value[:1] != b":" or value[-1:] != b":":
            raise Refusal(MALFORMED_HTTP, "client-cert is no byte sequence")
        try:
            der = b64decode(value[1:-1], validate=True)
            told = x509.load_der_x509_certificate(der)
        except (Base64Error, ValueError) as error:
            raise Refusal(MALFORMED_HTTP, "client-cert is no certificate") from error
        if self._authority is None or not _is_issued_by(told, self._authority):
            return None
        return ForwardedCertificate(
            der, told.not_valid_before_utc.timestamp(), told.not_valid_after_utc.timestamp()
        )


def _is_issued_by(told: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        told.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _is_among(peer: str, listed: tuple[Network, ...]) -> bool:
    if not listed:
        return False
    address = address_of(peer)
    return address is not None and is_among(address, listed)
