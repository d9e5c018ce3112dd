"""Signature bases by RFC 9421's own examples, and a grammar that takes nothing else."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel import message_signatures
from weir.kernel.message_signatures import SignatureError, SignatureInput, component
from weir.keys import private_keys

# Appendix B.1.3 and B.1.4, public parts.
P256 = {
    "kty": "EC",
    "crv": "P-256",
    "x": "qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA",
    "y": "Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0",
}
ED25519 = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
}
DIGEST = (
    "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWd"
    "XymyU0rjJuahq4l5aGgfLQ==:"
)


def test_the_examples_response_by_ecdsa_p256_verifies() -> None:
    """Appendix B.2.4."""
    field = (
        'sig-b24=("@status" "content-type" "content-digest" "content-length")'
        ';created=1618884473;keyid="test-key-ecc-p256"'
    )
    signature = (
        "sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32"
        "oiasw==:"
    )
    values = {
        component("@status"): "200",
        component("content-type"): "application/json",
        component("content-digest"): DIGEST,
        component("content-length"): "23",
    }
    _verify(field, signature, values, private_keys.public_key(P256, "ES256"))


def test_the_examples_request_by_ed25519_verifies() -> None:
    """Appendix B.2.6."""
    field = (
        'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    signature = (
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPp"
        "BKRCw==:"
    )
    values = {
        component("date"): "Tue, 20 Apr 2021 02:07:55 GMT",
        component("@method"): "POST",
        component("@path"): "/foo",
        component("@authority"): "example.com",
        component("content-type"): "application/json",
        component("content-length"): "18",
    }
    _verify(field, signature, values, private_keys.public_key(ED25519, "EdDSA"))


def _verify(
    field: str, signature_field: str, values: dict[str, str], key: private_keys.PublicKey
) -> None:
    said = message_signatures.read_input(field)
    assert said.field == field
    signature = message_signatures.read_signature(signature_field, said.label)
    assert message_signatures.written_signature(said.label, signature) == signature_field
    private_keys.verify(key, message_signatures.signature_base(said, values), signature)


def test_the_examples_digests_are_the_bodies() -> None:
    """Appendix B.2: the bodies of the test request and the test response."""
    message_signatures.require_digest(DIGEST, b'{"message": "good dog"}')
    digest = message_signatures.content_digest(b'{"hello": "world"}')
    assert digest == "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"  # RFC 9530 appendix D
    message_signatures.require_digest(digest, b'{"hello": "world"}')


def test_a_base_is_written_line_by_line() -> None:
    """Section 2.5, with a component of the related request (section 2.4)."""
    components = (component("@status"), component("@method", of_request=True))
    said = SignatureInput("sig", components, {"created": 1, "tag": "x y"})
    base = message_signatures.signature_base(
        said, dict(zip(components, ("200", "GET"), strict=True))
    )
    assert base == (
        b'"@status": 200\n"@method";req: GET\n'
        b'"@signature-params": ("@status" "@method";req);created=1;tag="x y"'
    )


def test_a_value_cannot_smuggle_a_line() -> None:
    said = SignatureInput("sig", (component("date"),), {})
    for value in ('x\n"@method": GET', "é"):
        with pytest.raises(SignatureError):
            message_signatures.signature_base(said, {component("date"): value})


@pytest.mark.parametrize(
    "field",
    [
        "",
        "sig",
        'sig=("@method")' + " " * 2_100,
        'sig=("@method"), sig2=("@method")',
        'sig=("@method" "@method")',
        'sig=("@METHOD")',
        'Sig=("@method")',
        'sig=("@method";sf)',
        'sig=("@method";bs)',
        'sig=("@query-param";name="x")',
        'sig=("@method");created=1;created=1',
        'sig=("@method");created="1"',
        'sig=("@method");keyid=1',
        'sig=("@method");unknown=1',
        'sig=("@method");nonce="a\\"b"',
        'sig=("@method");created=1.5',
        'sig=("@method");created',
        'sig="@method"',
    ],
)
def test_what_is_not_of_the_profile_is_refused(field: str) -> None:
    with pytest.raises(SignatureError):
        message_signatures.read_input(field)


def test_spaces_are_read_and_written_anew() -> None:
    said = message_signatures.read_input('s=(  "@method"   "date" );  created=1')
    assert said.canonical == '("@method" "date");created=1'


@pytest.mark.parametrize(
    "field",
    [
        "",
        "sha-256=",
        "sha-256=:AAAA:",
        "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:",
        "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:, md5=:1B2M2Y8AsgTpgAmY7PhCfg==:",
        "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:, sha-512=:AAAA:",
        "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:,"
        "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
    ],
)
def test_a_digest_that_is_wrong_doubled_or_unknown_is_refused(field: str) -> None:
    """The empty body's; so that only the form is at fault."""
    with pytest.raises(SignatureError):
        message_signatures.require_digest(field, b"")


NAMES = st.from_regex(r"@?[a-z0-9-]{1,20}", fullmatch=True)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'))


@given(
    st.lists(NAMES, max_size=6, unique=True),
    st.fixed_dictionaries(
        {}, optional={"created": st.integers(0, 10**12 - 1), "nonce": TEXTS, "keyid": TEXTS}
    ),
)
def test_what_is_written_is_read_back(names: list[str], parameters: dict[str, Any]) -> None:
    said = SignatureInput("sig", tuple(component(name) for name in names), parameters)
    if len(said.field) < 2_000 and all(len(str(each)) <= 256 for each in parameters.values()):
        assert message_signatures.read_input(said.field) == said


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(SignatureError):
        message_signatures.read_input("sig=" + text)
    with suppress(SignatureError):
        message_signatures.read_signature(text, "sig")
    with suppress(SignatureError):
        message_signatures.require_digest(text, b"")
