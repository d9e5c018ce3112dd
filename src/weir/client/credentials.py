"""A partner's own key: made here, with only its public half and a certificate request shown.

The private key never leaves its folder; other parties see a request for a certificate (PKCS #10)
and public keys (RFC 7517).
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from joserfc.jwk import ECKey

from weir.client.errors import WeirError

AuthMethod = Literal["tls_client_auth", "private_key_jwt"]
KEY_NAME: Final = "key.pem"
CERTIFICATE_NAME: Final = "certificate.pem"


@dataclass(frozen=True)
class Credentials:
    """An EC P-256 key in a folder of its own, with its certificate and client_id.

    The one key proves the client both ways: in TLS, with its certificate (RFC 8705 section 2.1),
    and in `private_key_jwt` assertions (RFC 7523). `client_id` is empty until the application is
    registered.
    """

    folder: Path
    client_id: str = ""
    auth_method: AuthMethod = "tls_client_auth"

    @property
    def key_file(self) -> Path:
        return self.folder / KEY_NAME

    @property
    def certificate_file(self) -> Path:
        return self.folder / CERTIFICATE_NAME

    @property
    def has_certificate(self) -> bool:
        return self.certificate_file.exists()

    @classmethod
    def generate(cls, folder: Path) -> Credentials:
        """Make a new key in `folder` (mode 0700, made if missing). WeirError if one is there."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            write_private(folder / KEY_NAME, pem, replace_it=False)
        except FileExistsError as error:
            raise WeirError(f"{folder} already holds a key; it is not replaced") from error
        return cls(folder)

    def certificate_request(self, name: str) -> str:
        """Return a signed certificate request in PEM; the authority ignores `name`."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64] or "weir")])
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        return builder.sign(self.private_key, SHA256()).public_bytes(Encoding.PEM).decode("ascii")

    def with_certificate(self, pem: str, client_id: str) -> Credentials:
        """Keep a certificate that was issued for this key. WeirError when it is for another."""
        certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
        if certificate.public_key() != self.private_key.public_key():
            raise WeirError("the certificate is for another key")
        write_private(self.certificate_file, pem.encode("ascii"))
        return replace(self, client_id=client_id)

    def registered_as(self, client_id: str, auth_method: AuthMethod) -> Credentials:
        """Return the same key as the client it was registered for."""
        return replace(self, client_id=client_id, auth_method=auth_method)

    def public_jwks(self) -> dict[str, Any]:
        """Return the public key as a JWK set, to register for `private_key_jwt`."""
        return {"keys": [self.signing_key.as_dict(private=False)]}

    @cached_property
    def signing_key(self) -> ECKey:
        """The key for joserfc; its `kid` is the RFC 7638 thumbprint."""
        pem = self.key_file.read_bytes()
        key = ECKey.import_key(pem, {"use": "sig", "alg": "ES256"})
        key.ensure_kid()
        return key

    def thumbprint(self) -> str:
        """Return the certificate's `x5t#S256` thumbprint (RFC 8705 section 3.1)."""
        certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

    @cached_property
    def private_key(self) -> ec.EllipticCurvePrivateKey:
        """The private key. WeirError when it cannot be read."""
        try:
            key = load_pem_private_key(self.key_file.read_bytes(), None)
        except (OSError, ValueError) as error:
            raise WeirError(f"{self.key_file} is not a readable private key") from error
        return cast(ec.EllipticCurvePrivateKey, key)


def write_private(path: Path, content: bytes, *, replace_it: bool = True) -> None:
    """Write a file only its owner can read, whole or not at all.

    FileExistsError when it is there and must not be replaced.
    """
    if not replace_it:
        _write_new(path, content)
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    _write_new(beside, content)
    beside.replace(path)


def _write_new(path: Path, content: bytes) -> None:
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
