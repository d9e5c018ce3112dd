"""Agreements at the portal: read, answered, and accepted by a signature that was made elsewhere."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import httpx
from consent_world import World
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc.jwk import ECKey
from staff_world import Colleague, join

from weir.kernel.signed_terms import sign
from weir.keys.vault import PLATFORM
from weir.partners import certificates
from weir.partners.organisations import Organisation
from weir.shelf import products


class Hand:
    """A key of an application, with the certificate that the alliance issued for it."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: str) -> None:
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.key = ECKey.import_key(pem)
        der = x509.load_pem_x509_certificate(certificate.encode()).public_bytes(Encoding.DER)
        self.thumbprint = urlsafe_b64encode(sha256(der).digest()).rstrip(b"=").decode()

    @classmethod
    async def of(cls, world: World, organisation: Organisation, *roles: str) -> Hand:
        application = (await world.register(organisation, "tls_client_auth", roles=roles)).id
        key = ec.generate_private_key(ec.SECP256R1())
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        csr = request.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
        async with world.services.database.unit(PLATFORM) as unit:
            issued = await certificates.issue(unit, world.authority, application, csr)
        return cls(key, issued.pem)

    def sign(self, terms: str) -> str:
        return sign(terms, self.key, self.thumbprint)


async def proposed(world: World, person: Colleague) -> str:
    """The page of a split of the bank's product that somebody proposed there."""
    async with world.services.database.connect() as connection:
        (product,) = await products.ids_of(connection, world.bank.id)
    shares = {"share_member": "70", "share_operator": "30", "effective_from": "2030-01-01"}
    wrong = await person.do(f"/desk/products/{product}/agreement", None, **shares, further="{")
    assert wrong.status_code == 422
    assert 'value="70"' in wrong.text
    made = await person.do(f"/desk/products/{product}/agreement", None, **shares)
    assert made.status_code == 303, made.text
    return made.headers["location"]


async def brought(person: Colleague, page: str, jws: str) -> httpx.Response:
    return await person.do(page, "accept", signature=jws)


async def test_a_signature_made_elsewhere_is_brought_and_checked(
    world: World, portal_app: Any
) -> None:
    await world.organisation_of("operator")
    finance = await join(world, portal_app, world.bank.id, "member", "finance")
    own = await proposed(world, finance)
    downloaded = await finance.get(f"{own}/terms")
    assert "attachment" in downloaded.headers["content-disposition"]
    terms = downloaded.text
    hand = await Hand.of(world, world.bank, "manage")
    for other, signed in (
        (await Hand.of(world, world.bank, "data"), terms),  # may not act for the bank
        (await Hand.of(world, world.other_bank, "manage"), terms),
        (hand, terms.replace("7000", "8000")),
    ):
        jws = other.sign(signed)
        refused = await brought(finance, own, jws)
        assert refused.status_code == 422
        assert jws in refused.text
    assert (await brought(finance, own, "")).status_code == 422
    shown = await finance.get(own)
    assert "not signed yet" in shown.text
    jws = hand.sign(terms)
    wrapped = f"{jws[:60]}\r\n{jws[60:]}\r\n"  # as it comes out of a mail
    assert (await brought(finance, own, wrapped)).status_code == 303
    page = await finance.get(own)
    assert page.text.count("signed and verified") == 1
    assert "Accept with this signature" not in page.text
    assert "签名有效" in (await finance.get(own, "zh-Hans")).text
    await finance.browser.close()


async def test_a_proposal_is_answered_and_nobody_else_sees_it(
    world: World, portal_app: Any
) -> None:
    operator = await world.organisation_of("operator")
    finance = await join(world, portal_app, world.bank.id, "member", "finance")
    first = await proposed(world, finance)
    answering = await join(world, portal_app, operator, "operator", "owner")
    listed = await answering.get("/desk/agreements")
    assert first in listed.text
    assert "waits for your signature" in listed.text
    answer = {"share_member": "65.5", "share_operator": "34.5"}
    countered = await answering.do(first, "counter", **answer)
    second = countered.headers["location"]
    page = await answering.get(second)
    assert re.search(r"65\.50 %", page.text)
    assert f'href="{first}"' in page.text
    http = answering.browser.http
    wrong = await http.get(f"{second}?period=last+year")
    assert (wrong.status_code, 'value="last year"' in wrong.text) == (422, True)
    tried = await http.get(f"{second}?period=2026-10")
    assert "Nobody would have had anything" in tried.text
    assert "declined" in (await finance.get(first)).text
    assert (await finance.do(second, "end")).status_code == 303
    assert "declined" in (await answering.get(second)).text
    stranger = await join(world, portal_app, world.shop.id, "partner", "owner")
    for address in (first, f"{first}/terms"):
        assert (await stranger.get(address)).status_code == 404
    assert first not in (await stranger.get("/desk/agreements")).text
    for person in (finance, answering, stranger):
        await person.browser.close()
