"""What a signature under terms says of itself, before anything about it is believed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from weir.kernel.declares import SIGNATURE_CHARACTERS
from weir.kernel.signed_terms import certificate_named, sign


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_whatever_is_brought_names_a_certificate_or_none(brought: str) -> None:
    named = certificate_named(brought)
    assert named is None or isinstance(named, str)


def test_a_signature_names_the_certificate_it_is_by() -> None:
    jws = sign('{"a":1}', ECKey.generate_key("P-256"), "thumbprint")
    assert certificate_named(jws) == "thumbprint"
    assert certificate_named("e30..") is None  # {}
    assert certificate_named("W10..") is None  # []
    assert certificate_named("A" * (SIGNATURE_CHARACTERS + 1)) is None
