"""Witnesses: parties that sign a root they have seen, so that it cannot be replaced unnoticed.

A witness signs the root's statement (see `weir.kernel.seals`) with the key of its own client
certificate, which the alliance's authority issued.
"""

from __future__ import annotations

from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from weir.kernel.seals import Root, from_b64url

_HALF_BYTES: Final = 32


class Witness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One party's signature under a root. `certificate` is PEM.

    `signature` is base64url: for a P-256 key ES256 (r and s, 32 bytes each, RFC 7518 section 3.4),
    for an Ed25519 key a signature of RFC 8032.
    """

    organisation: str
    application: str
    certificate: str
    signature: str


class WitnessedRoot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A root with its witnesses."""

    root: Root
    witnesses: list[Witness] = []


def witness_fault(root: Root, witness: Witness) -> str | None:
    """Return the reason that the witness's signature does not hold, or None when it holds.

    The issuer of the certificate is not checked here; that needs the alliance's authority.
    """
    try:
        public = x509.load_pem_x509_certificate(witness.certificate.encode()).public_key()
        signature = from_b64url(witness.signature)
    except ValueError:
        return "its certificate or its signature cannot be read"
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, root.statement())
        elif isinstance(public, ec.EllipticCurvePublicKey) and len(signature) == 2 * _HALF_BYTES:
            r, s = signature[:_HALF_BYTES], signature[_HALF_BYTES:]
            der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
            public.verify(der, root.statement(), ec.ECDSA(SHA256()))
        else:
            return "its key is not one that signs roots: P-256 or Ed25519"
    except InvalidSignature:
        return "its signature is not that of its certificate's key"
    return None
