"""What balancers say: PROXY headers, version 2, and the field Client-Cert (RFC 9440)."""

from __future__ import annotations

import base64
import socket
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.declares import SETTING_INVALID
from weir.kernel.outcomes import Refusal
from weir.wire.balancers import Balancers, read_proxy_header
from weir.wire.declares import MALFORMED_HTTP, PROXY_HEADER_BYTES
from weir.wire.networks import networks

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
FOUR = socket.inet_aton("203.0.113.9") + socket.inet_aton("10.0.0.1") + b"\x10\x92\x20\xfb"
SIX = socket.inet_pton(socket.AF_INET6, "2001:db8::9") + bytes(16) + b"\x10\x92\x20\xfb"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def header(command: int, family: int, told: bytes, length: int | None = None) -> bytes:
    said = len(told) if length is None else length
    return SIGNATURE + bytes([command, family]) + said.to_bytes(2, "big") + told


@pytest.mark.parametrize(
    ("raw", "source"),
    [
        (header(0x21, 0x11, FOUR), ("203.0.113.9", 4242)),
        (header(0x21, 0x21, SIX), ("2001:db8::9", 4242)),
        (header(0x21, 0x11, FOUR + b"\x20\x00\x05\x01\x00\x00\x00\x00"), ("203.0.113.9", 4242)),
        (header(0x20, 0x11, FOUR), None),
        (header(0x20, 0x00, b""), None),
        (header(0x21, 0x00, b"whatever"), None),
    ],
    ids=["IPv4", "IPv6", "with TLVs", "LOCAL", "LOCAL without addresses", "UNSPEC"],
)
def test_a_header_is_read_to_its_end_and_no_further(
    raw: bytes, source: tuple[str, int] | None
) -> None:
    found = read_proxy_header(raw + b"\x16\x03\x01")
    assert found is not None
    assert (found.source, found.length) == (source, len(raw))
    for end in range(len(raw)):
        assert read_proxy_header(raw[:end]) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01",
        b"PROXY TCP4 203.0.113.9 10.0.0.1 4242 8443\r\n",
        header(0x11, 0x11, FOUR),
        header(0x22, 0x11, FOUR),
        header(0x21, 0x12, FOUR),
        header(0x21, 0x31, bytes(216)),
        header(0x21, 0x11, FOUR[:-1]),
        header(0x21, 0x21, SIX[:-1]),
        header(0x21, 0x11, FOUR, PROXY_HEADER_BYTES),
    ],
    ids=[
        "TLS at once",
        "version 1",
        "another version",
        "unknown command",
        "UDP",
        "a Unix socket",
        "too short for IPv4",
        "too short for IPv6",
        "too long",
    ],
)
def test_what_is_no_such_header_is_none(raw: bytes) -> None:
    with pytest.raises(ValueError, match="PROXY"):
        read_proxy_header(raw)


@given(st.binary(max_size=80), st.booleans())
def test_no_bytes_are_read_as_more_than_they_are(tail: bytes, signed: bool) -> None:
    raw = SIGNATURE + tail if signed else tail
    try:
        found = read_proxy_header(raw)
    except ValueError:
        return
    assert found is None or found.length <= min(len(raw), PROXY_HEADER_BYTES)


# --- Client-Cert --------------------------------------------------------------------------------


def issued(
    name: str, issuer: x509.Certificate | None = None, by: ec.EllipticCurvePrivateKey | None = None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(BEGAN)
        .not_valid_after(BEGAN + timedelta(days=1))
        .sign(by or key, SHA256())
    )
    return made, key


def value(certificate: x509.Certificate) -> bytes:
    return b":" + base64.b64encode(certificate.public_bytes(Encoding.DER)) + b":"


def test_a_certificate_of_the_alliance_is_believed_while_it_is_in_time() -> None:
    root, key = issued("alliance")
    callers, _ = issued("app_shop", root, key)
    told = Balancers(authority=root).certificate(value(callers))
    assert told is not None
    assert told.der == callers.public_bytes(Encoding.DER)
    began_s = BEGAN.timestamp()
    assert [told.in_time(began_s + each) for each in (-1, 0, 86_399, 86_400)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_a_certificate_that_somebody_else_issued_is_nobodys() -> None:
    root, _ = issued("alliance")
    impostor, key = issued("alliance")
    callers, _ = issued("app_shop", impostor, key)
    itself, _ = issued("app_shop")
    balancers = Balancers(authority=root)
    assert balancers.certificate(value(callers)) is None
    assert balancers.certificate(value(itself)) is None
    assert Balancers().certificate(value(callers)) is None


@pytest.mark.parametrize(
    "said",
    [b"", b":", b"::", b":bm90IGE=:", b"bm90IGE=", b':"x":', b":" + b"A" * 9_000 + b":", b":A:"],
)
def test_what_holds_no_certificate_is_malformed(said: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        Balancers().certificate(said)
    assert refused.value.outcome is MALFORMED_HTTP


# --- whose word counts --------------------------------------------------------------------------


def test_only_listed_addresses_are_balancers() -> None:
    listed = networks("10.2.0.0/16,2001:db8::/32", "WEIR_PROXY_NETWORKS")
    proxying = Balancers(proxying=listed)
    assert [
        proxying.proxies(each)
        for each in ("10.2.3.4", "::ffff:10.2.3.4", "2001:db8::1", "10.3.0.1", "::1", "", "name")
    ] == [True, True, True, False, False, False, False]
    assert not proxying.certifies("10.2.3.4")
    assert Balancers(certifying=listed).certifies("10.2.3.4")
    assert not Balancers().proxies("10.2.3.4")


def test_a_setting_that_lists_no_networks_is_refused_by_its_name() -> None:
    with pytest.raises(Refusal) as refused:
        networks("10.2.0.0/16, balancer.example", "WEIR_PROXY_NETWORKS")
    assert refused.value.outcome is SETTING_INVALID
    assert refused.value.public["setting"] == "WEIR_PROXY_NETWORKS"
