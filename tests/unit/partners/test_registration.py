"""What organisations and applications must be; each fault is named by its pointer."""

from __future__ import annotations

from typing import Any

import pytest

from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Refusal
from weir.partners import classes, registration_rules

MEMBER: dict[str, Any] = {
    "slug": "river-bank",
    "name_en": "River Bank",
    "name_zh": "河流银行",
    "licence_kind": "bank",
    "institution_code": None,
    "directory_url": "https://127.0.0.1:9101",
}
APPLICATION: dict[str, Any] = {
    "name": "App",
    "token_endpoint_auth_method": "tls_client_auth",
    "jwks": {"keys": []},
    "redirect_uris": ["https://shop.example/back?x=1"],
    "roles": ["payments", "data"],
}


def pointer_of(read: Any, facts: dict[str, Any]) -> str:
    with pytest.raises(Refusal) as refused:
        read(**facts)
    assert refused.value.outcome is INVALID_INPUT
    return str(refused.value.public["pointer"])


def test_a_member_is_licensed_and_may_have_a_directory() -> None:
    facts = registration_rules.member_facts(**MEMBER)
    assert (facts.kind, facts.licence_kind, facts.partner_class) == ("member", "bank", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slug", "River"),
        ("slug", ""),
        ("name_en", " x"),
        ("name_zh", "a\u202eb"),
        ("licence_kind", "fund"),
        ("institution_code", "abc123"),
        ("institution_code", "AB"),
        ("directory_url", "http://127.0.0.1:9101"),
        ("directory_url", "https://user@bank.example"),
        ("directory_url", "https://bank.example/"),
        ("directory_url", "https://bank.example?x"),
    ],
)
def test_a_members_fault_is_named(name: str, value: str) -> None:
    assert pointer_of(registration_rules.member_facts, MEMBER | {name: value}) == f"/{name}"


@pytest.mark.parametrize("partner_class", classes.PARTNER_CLASSES)
def test_each_of_the_five_classes_is_taken(partner_class: str) -> None:
    facts = registration_rules.partner_facts(
        slug="shop", name_en="Shop", name_zh="店", partner_class=partner_class
    )
    assert facts.partner_class == partner_class
    assert len(classes.PARTNER_CLASSES) == 5


def test_a_sixth_class_is_refused() -> None:
    facts = {"slug": "s", "name_en": "S", "name_zh": "店", "partner_class": "charity"}
    assert pointer_of(registration_rules.partner_facts, facts) == "/partner_class"


def test_an_applications_roles_are_sorted_and_its_addresses_kept_as_written() -> None:
    facts = registration_rules.application_facts(**APPLICATION)
    assert facts.roles == ["data", "payments"]
    assert facts.redirect_uris == APPLICATION["redirect_uris"]


@pytest.mark.parametrize(
    "uri",
    [
        "http://shop.example/back",
        "http://localhost/back",
        "https://shop.example/back#part",
        "https://shop.example/*",
        "https://user@shop.example/back",
        "https://shop.example\\@evil.example/",
        "https://shop.example/a/../b",
        "https://SHOP.example/",
        "https://shop.example:/",
        "https://shop.example:99999/",
        "https:///back",
        "shop.example/back",
        "javascript:alert(1)",
        "custom.scheme:/back",
        "https://shop.example/\n",
        "https://shop.example/付款",
        "",
    ],
)
def test_a_redirect_uri_that_could_lead_astray_is_refused(uri: str) -> None:
    facts = APPLICATION | {"redirect_uris": ["https://shop.example/", uri]}
    assert pointer_of(registration_rules.application_facts, facts) == "/redirect_uris/1"


@pytest.mark.parametrize(
    "uri",
    [
        "https://shop.example",
        "https://shop.example:8443/back",
        "http://127.0.0.1:5000/back",
        "http://[::1]:5000/back",
    ],
)
def test_https_and_native_loopback_are_taken(uri: str) -> None:
    assert registration_rules.redirect_uri(uri, "/0") == uri


def test_private_key_jwt_needs_a_key() -> None:
    facts = APPLICATION | {"token_endpoint_auth_method": "private_key_jwt"}
    assert pointer_of(registration_rules.application_facts, facts) == "/jwks/keys"


def test_who_asks_customers_needs_an_address_and_who_does_not_needs_none() -> None:
    facts = APPLICATION | {"redirect_uris": []}
    assert pointer_of(registration_rules.application_facts, facts) == "/redirect_uris"
    assert registration_rules.application_facts(**facts | {"roles": ["manage"]}).roles == ["manage"]


def test_repeated_or_too_many_addresses_are_refused() -> None:
    twice = ["https://shop.example/"] * 2
    many = [f"https://shop.example/{number}" for number in range(21)]
    for uris in (twice, many):
        facts = APPLICATION | {"redirect_uris": uris}
        assert pointer_of(registration_rules.application_facts, facts) == "/redirect_uris"
