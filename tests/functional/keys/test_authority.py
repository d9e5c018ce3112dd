"""Two issuers: of the parties' certificates and of the gateways', neither good for the other."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from weir.app.core import TlsFiles
from weir.app.preparation import renew_certificates
from weir.app.settings import Settings
from weir.keys.authority import GATEWAY_URI, Authority, KeyAndCertificate
from weir.keys.master_key import SealingKey
from weir.store.database import Database

KINDS = ("gateway", "application", "server")


@dataclass
class Held:
    """Key and certificate files of one party."""

    certificate: Path
    key: Path

    @property
    def loaded(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate.read_bytes())


def write(folder: Path, name: str, pem: str, key: str) -> Held:
    held = Held(folder / f"{name}.pem", folder / f"{name}.key")
    held.certificate.write_text(pem)
    held.key.write_text(key)
    return held


def own(folder: Path, name: str, issued: KeyAndCertificate) -> Held:
    return write(folder, name, issued.certificate.pem, issued.key_pem)


def application(authority: Authority, folder: Path) -> Held:
    """An application's certificate, whose request asks for all that a gateway's says."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [(NameOID.ORGANIZATION_NAME, "weir"), (NameOID.COMMON_NAME, "gateway")]
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(*each) for each in names]))
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(GATEWAY_URI)]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    csr = request.public_bytes(Encoding.PEM).decode()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return write(folder, "app", authority.issue_client(csr, "app_1", "org_1").pem, pem)


@pytest.fixture
def held(authority: Authority, folder: Path) -> dict[str, Held]:
    return {
        "gateway": own(folder, "gateway", authority.issue_gateway()),
        "server": own(folder, "server", authority.issue_own("gateway", ["127.0.0.1"])),
        "application": application(authority, folder),
    }


def is_let_in(server: Held, trusted: str, client: Held, root: str) -> bool:
    """Whether a TLS server that requires a certificate by `trusted` takes this client's."""
    accepting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=trusted)
    accepting.load_cert_chain(server.certificate, server.key)
    accepting.verify_mode = ssl.CERT_REQUIRED
    calling = ssl.create_default_context(cadata=root)
    calling.load_cert_chain(client.certificate, client.key)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        calling.wrap_bio(down, up, server_hostname="127.0.0.1"),
        accepting.wrap_bio(up, down, server_side=True),
    ]
    for _ in range(4):
        for each in ends:
            try:
                each.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return bool(ends[1].getpeercert())


@pytest.mark.parametrize("kind", KINDS)
def test_the_issuer_of_gateways_lets_in_gateways_and_the_root_lets_in_all_but_them(
    authority: Authority, held: dict[str, Held], kind: str
) -> None:
    root, gateways = authority.root_pem, authority.gateways_pem
    assert is_let_in(held["server"], gateways, held[kind], root) == (kind == "gateway")
    assert is_let_in(held["server"], root, held[kind], root) == (kind != "gateway")


def chains(authority_pem: str, client: Held, *between: Held) -> bool:
    """Whether a second implementation of path validation (RFC 5280) finds a way to the root."""
    store = verification.Store([x509.load_pem_x509_certificate(authority_pem.encode())])
    verifier = verification.PolicyBuilder().store(store).build_client_verifier()
    try:
        verifier.verify(client.loaded, [each.loaded for each in between])
    except verification.VerificationError:
        return False
    return True


def test_no_partys_certificate_chains_to_the_issuer_of_gateways(
    authority: Authority, held: dict[str, Held], folder: Path
) -> None:
    gateways = authority.gateways_pem
    root = write(folder, "root", authority.root_pem, "")
    assert chains(gateways, held["gateway"])
    for kind in ("application", "server"):
        assert not chains(gateways, held[kind], root, held["gateway"])
    assert not chains(authority.root_pem, held["gateway"], write(folder, "gws", gateways, ""))


def test_a_gateways_certificate_says_that_it_is_one_and_serves_as_nothing_else(
    held: dict[str, Held],
) -> None:
    for kind, usages in (
        ("gateway", [ExtendedKeyUsageOID.CLIENT_AUTH]),
        ("application", [ExtendedKeyUsageOID.CLIENT_AUTH]),
        ("server", [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
    ):
        extensions = held[kind].loaded.extensions
        assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == usages
        assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = held["gateway"].loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [each.value for each in names.value] == [GATEWAY_URI]
    with pytest.raises(x509.ExtensionNotFound):
        held["application"].loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName)


async def test_both_issuers_are_the_same_at_the_next_start(
    authority: Authority, database: Database, sealing: SealingKey
) -> None:
    again = await Authority.open(database, sealing)
    assert (again.root_pem, again.gateways_pem) == (authority.root_pem, authority.gateways_pem)
    assert again.root_pem != again.gateways_pem


@dataclass
class Installed:
    """The part of an installation that its own certificates are renewed in."""

    tls: TlsFiles
    settings: Settings


def test_a_certificate_by_the_old_issuer_is_renewed_at_the_next_start_and_then_stays(
    authority: Authority, folder: Path
) -> None:
    files = TlsFiles(*(folder / name for name in ("r", "g", "s.pem", "s.key", "c.pem", "c.key")))
    before = authority.issue_own("gateway", [])  # as it was issued once
    files.client_certificate.write_text(before.certificate.pem)
    files.client_key.write_text(before.key_pem)
    installed = Installed(files, Settings())
    renew_certificates(authority, installed)  # type: ignore[arg-type]
    after = files.client_certificate.read_text()
    issuer = x509.load_pem_x509_certificate(files.gateways.read_bytes())
    x509.load_pem_x509_certificate(after.encode()).verify_directly_issued_by(issuer)
    assert issuer.not_valid_after_utc.year >= datetime.now(UTC).year + 9
    shown = [file.read_bytes() for file in (files.server_certificate, files.client_certificate)]
    renew_certificates(authority, installed)  # type: ignore[arg-type]
    kept = [file.read_bytes() for file in (files.server_certificate, files.client_certificate)]
    assert kept == shown
    files.client_key.unlink()
    renew_certificates(authority, installed)  # type: ignore[arg-type]
    assert files.client_certificate.read_text() != after
