"""Forms, redirect addresses, scopes and PKCE: refusals first."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.app.settings import Settings
from weir.authorization.declares import OAUTH_INVALID_REQUEST, OAUTH_INVALID_SCOPE
from weir.authorization.grammar import forms, pkce, scopes
from weir.authorization.services import Addresses
from weir.authorization.visits import redirects
from weir.kernel.outcomes import Outcome, Refusal

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1)


@given(st.dictionaries(NAMES, NAMES, max_size=10))
def test_what_a_browser_encodes_is_read_as_it_was_meant(fields: dict[str, str]) -> None:
    assert forms.parse(urlencode(fields).encode()) == fields


def outcome_of(raw: bytes) -> dict[str, str] | Outcome:
    try:
        return forms.parse(raw)
    except Refusal as refusal:
        return refusal.outcome


@given(st.binary(max_size=100) | st.text("a%2f=&+", max_size=20).map(str.encode))
def test_any_other_bytes_are_refused_by_name(raw: bytes) -> None:
    outcome = outcome_of(raw)
    if outcome is OAUTH_INVALID_REQUEST:
        return
    pairs = parse_qsl(raw.decode(), strict_parsing=bool(raw))
    assert outcome == {name: value for name, value in pairs if value}


def test_a_parameter_without_a_value_counts_as_omitted_but_not_twice() -> None:
    assert forms.parse(b"a=&b=1") == {"b": "1"}
    with pytest.raises(Refusal):
        forms.parse(b"a=&a=1")


REGISTERED = ["https://shop.example/cb?x=1", "http://127.0.0.1/native", "http://[::1]:80/n"]


@pytest.mark.parametrize(
    "uri",
    [*REGISTERED, "http://127.0.0.1:1/native", "http://127.0.0.1:65535/native", "http://[::1]/n"],
)
def test_registered_addresses_are_known_and_loopback_ports_are_free(uri: str) -> None:
    assert redirects.is_registered(uri, REGISTERED)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://shop.example/cb",
        "https://shop.example/cb?x=1&y=2",
        "https://shop.example:443/cb?x=1",
        "https://SHOP.example/cb?x=1",
        "https://shop.example/cb?x=1#f",
        "https://127.0.0.1/native",
        "http://127.0.0.1:0/native",
        "http://127.0.0.1:65536/native",
        "http://127.0.0.1:080/native",
        "http://127.0.0.1/native/",
        "http://127.0.0.1:80@evil.example/native",
        "http://127.0.0.1.evil.example/native",
        "http://localhost/native",
        "http://[::1]:1/native",
        "http://127.0.0.1:\u0661/native",
    ],
)
def test_nothing_else_is_taken_for_them(uri: str) -> None:
    assert not redirects.is_registered(uri, REGISTERED)


@given(st.dictionaries(NAMES, NAMES, max_size=4))
def test_parameters_reach_the_application_verbatim(parameters: dict[str, str]) -> None:
    location = redirects.with_parameters("https://shop.example/cb?x=1", parameters)
    assert parse_qsl(urlsplit(location).query)[1:] == list(parameters.items())
    assert location.isascii()
    assert redirects.origin(location) == "https://shop.example"


def test_the_example_of_rfc_7636_appendix_b_holds() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert pkce.proves(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    assert not pkce.proves(verifier, "F9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")


@given(st.text(max_size=140))
def test_only_verifiers_of_the_right_form_can_prove(verifier: str) -> None:
    assert not pkce.proves(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")


@pytest.mark.parametrize("raw", [None, "", " ", "a  b", " a", "a ", 'a"b', "a\\b", "中", "a\tb"])
def test_a_scope_is_tokens_with_one_space_between_them(raw: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        scopes.read_scopes(raw)
    assert refused.value.outcome is OAUTH_INVALID_SCOPE


def test_the_order_of_scopes_means_nothing() -> None:
    assert scopes.write_scopes(scopes.read_scopes("b a b")) == "a b"


def test_origins_are_written_in_their_one_usual_form() -> None:
    assert Addresses.of(Settings()).issuer == "https://auth.localhost:8443"
    plain = Addresses.of(Settings(domain="bank.example", public_port=443))
    assert plain.issuer == "https://auth.bank.example"
