"""Signatures under the terms of an agreement, which can be checked later without the platform.

A party signs the canonical JSON of the terms with the key of its client certificate, which the
alliance's authority issued in the organisation's name. The signature is a JWS with a detached
payload (RFC 7515 appendix F): the terms are kept once, and every party's signature beside them.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from weir.kernel import strict_json
from weir.kernel.declares import SIGNATURE_CHARACTERS

TYPE: Final = "weir-terms+jws"

_Key = ECKey | OKPKey | RSAKey


class TermsSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One party's signature. `certificate` is PEM, `jws` is `header..signature`."""

    organisation: str
    application: str
    certificate: str
    jws: str


class SignedTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terms of an agreement as the canonical JSON text that was signed, and its signatures."""

    terms: str
    signatures: list[TermsSignature]


def sign(terms: str, key: ECKey, thumbprint: str) -> str:
    """Return the detached JWS (ES256) of an EC P-256 key over the terms.

    `thumbprint` is the `x5t#S256` of the key's certificate.
    """
    header = {"alg": "ES256", "typ": TYPE, "x5t#S256": thumbprint}
    whole = jws.serialize_compact(header, terms.encode(), key, algorithms=["ES256"])
    detached: str = jws.detach_content(whole)
    return detached


def signature_fault(terms: str, signature: TermsSignature) -> str | None:
    """Return the reason that this is no signature of the organisation under the terms, or None.

    The issuer of the certificate is checked by `issuer_fault`.
    """
    try:
        certificate = x509.load_pem_x509_certificate(signature.certificate.encode())
        found = _key_of(certificate)
    except ValueError:
        return "its certificate cannot be read"
    if found is None:
        return "its certificate's key is not one that signs"
    key, algorithm = found
    if len(signature.jws) > SIGNATURE_CHARACTERS:
        return "its signature is too long"
    try:
        read = jws.deserialize_compact(
            signature.jws, key, algorithms=[algorithm], payload=terms.encode()
        )
    except (JoseError, ValueError, KeyError, TypeError):
        return "its signature is not that of its certificate's key under these terms"
    wanted = {"alg": algorithm, "typ": TYPE, "x5t#S256": _thumbprint(certificate)}
    if dict(read.headers()) != wanted:
        return "its header is not that of a signature under terms"
    return _subject_fault(certificate, signature)


def certificate_named(jws_text: str) -> str | None:
    """Return the `x5t#S256` in the header of an unverified signature, or None without one."""
    encoded = jws_text[:SIGNATURE_CHARACTERS].partition(".")[0]
    try:
        header = strict_json.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except ValueError:
        return None
    named = header.get("x5t#S256") if isinstance(header, dict) else None
    return named if isinstance(named, str) else None


def issuer_fault(signature: TermsSignature, authority_pem: bytes) -> str | None:
    """Return the reason to doubt that the alliance's authority issued the certificate, or None.

    Whether the certificate has expired or was revoked since does not matter: the platform checked
    that it was valid when the signature was given.
    """
    try:
        authority = x509.load_pem_x509_certificate(authority_pem)
        certificate = x509.load_pem_x509_certificate(signature.certificate.encode())
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return "its certificate was not issued by the alliance's authority"
    return None


def _key_of(certificate: x509.Certificate) -> tuple[_Key, str] | None:
    public: Any = certificate.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        return ECKey.import_key(pem), "ES256"
    if isinstance(public, ed25519.Ed25519PublicKey):
        return OKPKey.import_key(pem), "Ed25519"
    if isinstance(public, rsa.RSAPublicKey):
        return RSAKey.import_key(pem), "PS256"
    return None


def _thumbprint(certificate: x509.Certificate) -> str:
    """The `x5t#S256` of a certificate (RFC 8705 section 3.1)."""
    digest = sha256(certificate.public_bytes(Encoding.DER)).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _subject_fault(certificate: x509.Certificate, signature: TermsSignature) -> str | None:
    """The reason that the certificate's subject is not the signer's (application CN, party O)."""
    subject = certificate.subject
    names = {
        oid: [each.value for each in subject.get_attributes_for_oid(oid)]
        for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    }
    application, organisation = names.values()
    if application != [signature.application] or organisation != [signature.organisation]:
        return "its certificate is in another name"
    return None
