"""The alliance's certificate authority, which issues client and server certificates.

Applications get client certificates for their own requests (PKCS #10, RFC 2986), so a partner's
private key never leaves the partner. Servers of the platform and model institutions get server
certificates. Every certificate names its subject as the platform knows it: only the public key of a
request is used. No call waits for the authority.

What gateways present to members has an issuer of its own, a second root, which members trust
instead: a certificate of a partner can never chain to it, whatever a member's software checks.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy import select

from weir.kernel.inputs import PRIVATE_KEY_MARK
from weir.kernel.outcomes import Refusal
from weir.keys.declares import (
    AUTHORITY_CERTIFICATE_DAYS,
    AUTHORITY_LOCK,
    CERTIFICATE_REQUEST_INVALID,
    CLIENT_CERTIFICATE_DAYS,
)
from weir.keys.master_key import Sealing
from weir.keys.tables import keys
from weir.keys.vault import PLATFORM
from weir.store.database import Database
from weir.store.locks import hold
from weir.store.unit import UnitOfWork

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
_REQUEST_BYTES = 16_384
_BACKDATE = timedelta(minutes=5)  # partners' clocks may be behind ours
GATEWAY_URI: Final = "urn:weir:gateway"  # subject alternative name, the same in every alliance


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate in PEM.

    `sha256` is its thumbprint in base64url (RFC 8705 section 3.1), `not_after` its end.
    """

    pem: str
    sha256: str
    serial: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class KeyAndCertificate:
    """A private key in PEM that the platform holds itself (a gateway's), with its certificate."""

    key_pem: str
    certificate: IssuedCertificate


@dataclass(frozen=True, slots=True)
class _Issuer:
    """A self-signed issuer of certificates: its key (ECDSA P-256) and its certificate."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    def issue(
        self,
        public_key: PublicKey,
        subject: x509.Name,
        names: Sequence[x509.GeneralName],
        usage: list[x509.ObjectIdentifier],
    ) -> IssuedCertificate:
        """Issue a certificate of CLIENT_CERTIFICATE_DAYS."""
        now = datetime.now(UTC)
        builder = _profile(public_key, subject, self.certificate, usage, now)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self.key, SHA256())
        return IssuedCertificate(
            certificate.public_bytes(Encoding.PEM).decode("ascii"),
            thumbprint(certificate.public_bytes(Encoding.DER)),
            f"{certificate.serial_number:x}",
            certificate.not_valid_after_utc,
        )


class Authority:
    """The two issuers of the alliance: of its parties' certificates, and of its gateways'."""

    def __init__(self, parties: _Issuer, gateways: _Issuer) -> None:
        self._parties = parties
        self._gateways = gateways

    @property
    def root_pem(self) -> str:
        """The root certificate that every party trusts."""
        return self._parties.pem

    @property
    def gateways_pem(self) -> str:
        """The root of gateways' client certificates, the only one that members trust for calls."""
        return self._gateways.pem

    @classmethod
    async def open(cls, database: Database, sealing: Sealing) -> Authority:
        """Load the alliance's issuers; a missing one is created."""
        async with database.unit(PLATFORM) as unit:
            await hold(unit.connection, AUTHORITY_LOCK)
            parties = await _load_or_found(unit, sealing, "authority")
            return cls(parties, await _load_or_found(unit, sealing, "gateway_authority"))

    def issue_client(self, csr_pem: str, application: str, organisation: str) -> IssuedCertificate:
        """Issue a client certificate to an application for its own certificate request.

        Refusal CERTIFICATE_REQUEST_INVALID when the request is malformed, is not signed by its own
        key (proof of possession), or its key is weaker than FAPI 2.0 section 5.4 allows.
        """
        public_key = _requested_key(csr_pem)
        subject = _name(application, organisation)
        return self._parties.issue(public_key, subject, [], [ExtendedKeyUsageOID.CLIENT_AUTH])

    def issue_own(self, name: str, hosts: Sequence[str]) -> KeyAndCertificate:
        """Make a key and certificate for a server of the platform or a model institution.

        `hosts` are the DNS names or IP addresses it serves under. The certificate is good for a
        client too, as which it is a party's, not a gateway's.
        """
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return _with_key(self._parties, name, [_alternative(host) for host in hosts], usage)

    def issue_gateway(self) -> KeyAndCertificate:
        """Make the key and client certificate that the platform presents to members.

        Its subject alternative name is GATEWAY_URI, and it serves no one as a server's.
        """
        names = [x509.UniformResourceIdentifier(GATEWAY_URI)]
        return _with_key(self._gateways, "gateway", names, [ExtendedKeyUsageOID.CLIENT_AUTH])


def _with_key(
    issuer: _Issuer,
    name: str,
    names: Sequence[x509.GeneralName],
    usage: list[x509.ObjectIdentifier],
) -> KeyAndCertificate:
    key = ec.generate_private_key(ec.SECP256R1())
    issued = issuer.issue(key.public_key(), _name(name, "weir"), names, usage)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyAndCertificate(pem.decode("ascii"), issued)


def thumbprint(der: bytes) -> str:
    """Return `x5t#S256` of a certificate: base64url of SHA-256 over its DER (RFC 8705 3.1)."""
    return base64.urlsafe_b64encode(sha256(der).digest()).rstrip(b"=").decode("ascii")


def _requested_key(csr_pem: str) -> PublicKey:
    if len(csr_pem) > _REQUEST_BYTES:
        raise Refusal(CERTIFICATE_REQUEST_INVALID, why="it is too long")
    if PRIVATE_KEY_MARK in csr_pem:
        raise Refusal(
            CERTIFICATE_REQUEST_INVALID,
            "a private key beside the request",
            why="a private key came with it: never send one, make a new key and a new request",
        )
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode("ascii"))
        if not request.is_signature_valid:
            raise Refusal(CERTIFICATE_REQUEST_INVALID, why="it is not signed by its own key")
        key = request.public_key()
    except (ValueError, TypeError, InvalidSignature) as error:
        raise Refusal(CERTIFICATE_REQUEST_INVALID, repr(error), why="it is malformed") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= 256:
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    raise Refusal(CERTIFICATE_REQUEST_INVALID, why="use EC P-256, Ed25519, or RSA of 2048 bits")


def _profile(
    public_key: PublicKey | ec.EllipticCurvePublicKey,
    subject: x509.Name,
    issuer: x509.Certificate,
    usage: list[x509.ObjectIdentifier],
    now: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + timedelta(days=CLIENT_CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                _as_authority_key(issuer.public_key())
            ),
            critical=False,
        )
    )


def _as_authority_key(key: Any) -> ec.EllipticCurvePublicKey:
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(common: str, organisation: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


async def _load_or_found(unit: UnitOfWork, sealing: Sealing, purpose: str) -> _Issuer:
    """Load the issuer that is kept for a purpose, or found it."""
    found = await unit.connection.execute(select(keys).where(keys.c.purpose == purpose))
    row: Any = found.one_or_none()
    if row is None:
        return await _found(unit, sealing, purpose)
    key = load_der_private_key(sealing.open(row.id, row.sealed_private), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return _Issuer(key, x509.load_pem_x509_certificate(row.public["certificate"].encode()))


async def _found(unit: UnitOfWork, sealing: Sealing, purpose: str) -> _Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    name = unit.mint("key")
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    issuer = _Issuer(key, _self_signed(key, _NAMES[purpose]))
    await unit.connection.execute(
        keys.insert().values(
            id=name,
            purpose=purpose,
            public={"certificate": issuer.pem},
            sealed_private=sealing.seal(name, der),
            created_at=unit.now,
        )
    )
    unit.audit("key.created", name, {"alg": "ES256", "purpose": purpose})
    return issuer


_NAMES: Final = {
    "authority": "weir alliance authority",
    "gateway_authority": "weir alliance gateways",
}


def _self_signed(key: ec.EllipticCurvePrivateKey, common: str) -> x509.Certificate:
    now = datetime.now(UTC)
    name = _name(common, "weir")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + timedelta(days=AUTHORITY_CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, SHA256())
    )
