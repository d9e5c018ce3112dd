"""Names, passphrases, form tokens: the grammars before anything is stored."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from weir.identity.customers import customer_reference
from weir.identity.passphrases import Passphrases, check_form
from weir.identity.people import sign_in_name
from weir.identity.secrets import is_secret, new_secret
from weir.identity.sessions import form_token, is_form_token
from weir.identity.turns import Asker
from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Refusal

ASKER = Asker("203.0.113.0/24")


def test_a_sign_in_name_has_one_stored_form() -> None:
    assert sign_in_name("  Li.Hua@shop ") == "li.hua@shop"


@pytest.mark.parametrize(
    "name", ["", "ab", "a" * 65, "li hua", "李华明", "-ab", "ab-", "l\u0456hua"]
)
def test_other_sign_in_names_are_refused(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        sign_in_name(name)
    assert refused.value.outcome is INVALID_INPUT
    assert refused.value.public["pointer"] == "/name"


@pytest.mark.parametrize("reference", ["", ".", "..", "a/b", "a b", "客户", "a" * 65, "a?b", "a\n"])
def test_a_customer_reference_cannot_change_the_address_it_stands_in(reference: str) -> None:
    with pytest.raises(Refusal):
        customer_reference(reference)


@pytest.mark.parametrize(
    "passphrase", ["eleven char", "a" * 257, "aaaaaaaaaaaaaaa", "Long-Name-Here"]
)
def test_a_weak_passphrase_is_refused_without_being_repeated(passphrase: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_form(passphrase, "long-name-here")
    assert passphrase not in str(refused.value.public)


async def test_a_passphrase_typed_on_another_keyboard_is_the_same() -> None:
    passphrases = Passphrases(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    stored = await passphrases.hash("caf\u00e9 by the river", ASKER)
    assert await passphrases.matches(stored, "cafe\u0301 by the river", ASKER)
    assert not await passphrases.matches(stored, "cafe by the river", ASKER)
    assert not await passphrases.matches(None, "a passphrase nobody has", ASKER)


def test_a_form_token_is_for_one_browser_one_session_and_one_form() -> None:
    visit, other = new_secret(), new_secret()
    token = form_token(visit, "session", "withdraw:cns_1")
    assert is_form_token(token, visit, "session", "withdraw:cns_1")
    assert not is_form_token(token, other, "session", "withdraw:cns_1")
    assert not is_form_token(token, visit, None, "withdraw:cns_1")
    assert not is_form_token(token, visit, "session", "withdraw:cns_2")
    assert not is_form_token(token, None, "session", "withdraw:cns_1")


@given(st.text(max_size=80))
def test_no_text_breaks_the_check_of_a_form_token(token: str) -> None:
    assert not is_form_token(token, new_secret(), None, "sign-in")


@given(st.text(max_size=60))
def test_only_43_characters_of_base64url_are_a_secret(text: str) -> None:
    assert is_secret(text) == (len(text) == 43 and set(text) <= _BASE64URL)


_BASE64URL = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
