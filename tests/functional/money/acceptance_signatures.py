"""Parties' keys and certificates for the money tests, as the alliance's authority issues them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey

from weir.kernel.signed_terms import sign

SUBJECT = "usr_of_the_test"


@dataclass(frozen=True)
class Hand:
    """A key with its certificate in PEM."""

    key: ec.EllipticCurvePrivateKey
    certificate: str

    def sign(self, terms: str) -> str:
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        der = x509.load_pem_x509_certificate(self.certificate.encode()).public_bytes(Encoding.DER)
        digest = base64.urlsafe_b64encode(sha256(der).digest()).rstrip(b"=").decode()
        return sign(terms, ECKey.import_key(pem), digest)


@cache
def authority(name: str) -> Hand:
    """An authority, and the certificate it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Hand(key, _certificate(key, "authority", name, None))


@cache
def hand_of(organisation: str, issuer: str = "alliance") -> Hand:
    """An organisation's hand."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Hand(key, _certificate(key, SUBJECT, organisation, authority(issuer)))


def _certificate(
    key: ec.EllipticCurvePrivateKey, common: str, organisation: str, issuer: Hand | None
) -> str:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )
    by = x509.load_pem_x509_certificate(issuer.certificate.encode()).subject if issuer else name
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
    )
    signed = built.sign(issuer.key if issuer else key, SHA256())
    return signed.public_bytes(Encoding.PEM).decode()
