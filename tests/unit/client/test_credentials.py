import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from weir.client.credentials import Credentials
from weir.client.errors import WeirError


def certificate_for(public_key: object) -> str:
    signer = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public_key)  # type: ignore[arg-type]
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(signer, SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()


def test_the_key_lies_in_a_folder_only_its_owner_can_read(tmp_path: Path) -> None:
    made = Credentials.generate(tmp_path / "mall")
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(made.key_file.stat().st_mode) == 0o600


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    key = Credentials.generate(tmp_path / "mall").key_file.read_bytes()
    with pytest.raises(WeirError, match="already holds a key"):
        Credentials.generate(tmp_path / "mall")
    assert (tmp_path / "mall" / "key.pem").read_bytes() == key


def test_a_certificate_request_proves_possession_of_the_key(tmp_path: Path) -> None:
    made = Credentials.generate(tmp_path / "mall")
    request = x509.load_pem_x509_csr(made.certificate_request("mall").encode())
    assert request.is_signature_valid
    public = made.public_jwks()["keys"][0]
    numbers = request.public_key().public_numbers()  # type: ignore[union-attr]
    assert isinstance(numbers, ec.EllipticCurvePublicNumbers)
    assert made.signing_key.public_key.public_numbers() == numbers
    assert public["kid"] == made.signing_key.thumbprint()


def test_only_public_members_are_registered(tmp_path: Path) -> None:
    public = Credentials.generate(tmp_path / "mall").public_jwks()["keys"][0]
    assert set(public) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_a_certificate_for_another_key_is_refused(tmp_path: Path) -> None:
    mine = Credentials.generate(tmp_path / "mine")
    stranger = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(WeirError, match="another key"):
        mine.with_certificate(certificate_for(stranger), "app_x")
    assert not mine.has_certificate
    kept = mine.with_certificate(certificate_for(mine.signing_key.public_key), "app_x")
    assert kept.has_certificate
    assert kept.client_id == "app_x"
    assert len(kept.thumbprint()) == 43
