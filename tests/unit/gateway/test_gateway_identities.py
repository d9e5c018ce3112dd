"""Signed identities: for a token and member, or for one call, and what is bound by which."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from gateway_support import (
    INTERACTION,
    MESSAGE_KEYS,
    PREFIX,
    House,
    claims,
    consented,
    payment,
    row,
    sign,
)
from http_support import IDENTITY, OK, identity_in, raw

from waits import until
from weir.gateway.declares import IDENTITY_LIFE_S, IDENTITY_USED_S, SIGNED_BODY_BYTES
from weir.gateway.tokens.identities import Identities
from weir.gateway.tokens.known_tokens import RIGHTS_KEPT, KnownToken, TokenRights
from weir.gateway.tokens.verifier import TokenVerifier
from weir.keys import private_keys
from weir.keys.master_key import SealingKey
from weir.keys.message_key import MessageKey, MessageKeys
from weir.shelf.published import BackendDocument, backend_key

ISSUER = "https://auth.localhost"
VERIFIER = TokenVerifier(ISSUER, "https://api.localhost")
SERVICE = "https://member.example:9101"


def known(given: dict[str, Any], house: House) -> KnownToken:
    keys = house.follower.snapshot.signing_keys
    return VERIFIER.verify(sign(given).encode(), keys, float(given["iat"]))


@pytest.fixture
async def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
async def signing(house: House) -> House:
    """A gateway whose member wants an identity for each call."""
    document = BackendDocument(
        member="org_bank", url=SERVICE, endpoints=["member.example:9101"], signs_each_call=True
    )
    house.apply(row("backend", backend_key("org_bank", SERVICE), document))
    return house


def told(house: House) -> dict[str, Any]:
    (value,) = IDENTITY.findall(house.member.written)
    return identity_in(value)


def digest(body: bytes) -> str:
    return urlsafe_b64encode(sha256(body).digest()).rstrip(b"=").decode()


def test_one_identity_serves_a_token_and_member_until_it_is_to_be_renewed(house: House) -> None:
    identities = Identities(ISSUER, MESSAGE_KEYS)
    given = claims()
    rights, now_s = TokenRights(known(given, house)), float(given["iat"])
    first = identities.of_token(rights, "river-bank", now_s)
    assert identities.of_token(rights, "river-bank", now_s + IDENTITY_USED_S - 1) is first
    other = identities.of_token(rights, "harbour-insurance", now_s)
    assert identity_in(other)["aud"] == "harbour-insurance"
    second = identities.of_token(rights, "river-bank", now_s + IDENTITY_USED_S)
    assert identity_in(first)["iat"] + IDENTITY_USED_S == identity_in(second)["iat"]
    assert identity_in(first)["exp"] - identity_in(first)["iat"] == IDENTITY_LIFE_S


def test_a_key_that_no_longer_signs_ends_the_identities_it_signed(house: House) -> None:
    keys = MessageKeys(SealingKey(bytes(32)), MESSAGE_KEYS.current)
    identities = Identities(ISSUER, keys)
    given = claims()
    rights, now_s = TokenRights(known(given, house)), float(given["iat"])
    first = identities.of_token(rights, "river-bank", now_s)
    keys.current = MessageKey("key_n", private_keys.generate("ES256"))
    assert identities.of_token(rights, "river-bank", now_s) != first


def test_identities_of_a_token_are_bounded(house: House) -> None:
    identities = Identities(ISSUER, MESSAGE_KEYS)
    rights = TokenRights(known(claims(), house))
    for number in range(2 * RIGHTS_KEPT):
        identities.of_token(rights, f"member-{number}", 1.0)
    assert len(rights.identities) <= RIGHTS_KEPT


def test_a_member_is_told_of_accounts_at_itself_only(house: House) -> None:
    elsewhere = payment(member="harbour-insurance", debtor_account="hi-7")
    token = known(consented(payment(), elsewhere), house)
    identities = Identities(ISSUER, MESSAGE_KEYS)
    accounts = {
        member: identity_in(identities.of_token(TokenRights(token), member, 1.0))["accounts"]
        for member in ("river-bank", "harbour-insurance", "summit-securities")
    }
    assert accounts == {
        "river-bank": ["acc-1"],
        "harbour-insurance": ["hi-7"],
        "summit-securities": [],
    }


def test_reads_of_a_token_bring_one_identity_that_names_no_call(house: House) -> None:
    token = sign(claims())
    for path in ("/rates", "/rates?page=2"):
        house.call("GET", path, token)
        house.answer(OK)
    one, other = IDENTITY.findall(house.member.written)
    assert one == other
    assert "jti" not in identity_in(one)


def test_where_the_member_asked_for_it_each_call_has_its_own(signing: House) -> None:
    token = sign(claims())
    for _ in range(2):
        signing.call("GET", "/rates?page=%E6%B1%9F&x=1", token)
        signing.answer(OK)
    one, other = (identity_in(each) for each in IDENTITY.findall(signing.member.written))
    assert one.pop("jti") != other.pop("jti")
    assert one == other
    assert one["htm"] == "GET"
    assert one["target_uri"] == f"{SERVICE}/open/rates?page=%E6%B1%9F&x=1"
    assert one["body_sha256"] == digest(b"")
    assert one["interaction_id"] == INTERACTION


async def test_a_body_is_held_until_the_identity_is_signed_over_it(signing: House) -> None:
    body = json.dumps({"pad": "x" * 1_000}).encode()
    start = raw(f"POST {PREFIX}/rates HTTP/1.1", f"Content-Length: {len(body)}")
    signing.ask(start + body[:500])
    await asyncio.sleep(0)
    assert not signing.member.written
    signing.ask(body[500:])
    await until(lambda: signing.member.written)
    assert (told(signing)["htm"], told(signing)["body_sha256"]) == ("POST", digest(body))
    assert signing.member.written.endswith(body)


async def test_a_body_that_is_too_long_to_be_held_is_refused(signing: House) -> None:
    length = f"Content-Length: {SIGNED_BODY_BYTES + 1}"
    signing.ask(raw(f"POST {PREFIX}/rates HTTP/1.1", length))
    await until(lambda: signing.caller.written)
    assert signing.code == "body_too_large"


async def test_without_it_a_body_is_streamed_and_bound_by_nothing(house: House) -> None:
    house.ask(raw(f"POST {PREFIX}/rates HTTP/1.1", "Content-Length: 5") + b"he")
    assert house.member.written.endswith(b"he")
    assert "body_sha256" not in told(house)
