"""Asking a test customer from the page of an operation: whose key counts for what."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import msgspec
import pytest
from consent_world import ASSERTION_TYPE, Browser, World, consent_form, forms_of
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import insert, select, update
from staff_world import Colleague, join

from weir.access import consent_types
from weir.audit.tables import audit_entries
from weir.authorization.exchange import PushedRequest
from weir.authorization.front.endpoints import Asgi
from weir.authorization.visits import interactions
from weir.identity import test_customers
from weir.identity.customers import Customer
from weir.identity.declares import TEST_CUSTOMERS
from weir.identity.tables import customers
from weir.kernel.outcomes import Refusal
from weir.keys.vault import b64url
from weir.partners import applications
from weir.shelf.tables import products
from weir.store.unit import Actor

BACK = "https://portal.localhost:8443/try/back"
REFERENCE = "RB-000017"


@dataclass
class Page:
    """The page of an operation in a developer's browser: its key, and what its script sends."""

    world: World
    person: Colleague
    product: str
    form_token: str
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    client: dict[str, Any] = field(default_factory=dict)
    nonce: str | None = None

    async def post(self, path: str, **given: Any) -> Any:
        told = {"form_token": self.form_token, "product": self.product, **given}
        origin = {"origin": "https://portal.localhost"}
        return await self.person.browser.http.post(path, json=told, headers=origin)

    async def let_in(self, **changed: Any) -> Any:
        jwk = {name: self.key.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")}
        asked = {"application": self.world.client.id, "jwk": jwk} | changed
        answer = await self.post("/try/keys", **asked)
        if answer.status_code == 200:
            self.client = answer.json()
        return answer

    async def take(self, reference: str = REFERENCE) -> Any:
        asked = {"application": self.world.client.id, "customer_ref": reference}
        return await self.post("/try/customers", **asked)

    def proof(self, endpoint: str, key: ECKey | None = None) -> str:
        key = key or self.key
        public = {name: key.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")}
        claims = {"htm": "POST", "htu": f"{self.world.issuer}/{endpoint}", "nonce": self.nonce}
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": public}
        return jwt.encode(header, {k: v for k, v in _now(claims).items() if v}, key)

    def request(self, verifier: str, **changed: Any) -> str:
        details = {
            "type": consent_types.ACCOUNT_ACCESS, "member": "river-bank", "purpose": "Try it",
            "permissions": ["ReadAccounts"],
            "expires_at": (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds"),
        } | changed.pop("details", {})  # fmt: skip
        claims = {
            "iss": self.client["client_id"], "client_id": self.client["client_id"],
            "aud": self.world.issuer, "nbf": int(datetime.now(UTC).timestamp()),
            "exp": int(datetime.now(UTC).timestamp()) + 60, "response_type": "code",
            "redirect_uri": BACK, "scope": "river-bank.accounts", "state": "s",
            "code_challenge": b64url(sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256", "authorization_details": [details],
        } | changed  # fmt: skip
        return jwt.encode({"alg": "ES256", "kid": self.client["kid"]}, claims, self.key)

    async def ask(
        self, endpoint: str, proven_by: ECKey | None = None, **form: str
    ) -> tuple[int, dict[str, Any]]:
        """The authorization server's answer, once it has given its nonce."""
        for _ in range(2):
            claims = {
                "iss": self.client["client_id"], "sub": self.client["client_id"],
                "aud": self.world.issuer, "exp": int(datetime.now(UTC).timestamp()) + 60,
            }  # fmt: skip
            header = {"alg": "ES256", "kid": self.client["kid"]}
            sent = form | {
                "client_id": self.client["client_id"],
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": jwt.encode(header, _now(claims), self.key),
            }
            headers = self.world.headers(None) | {
                "content-type": "application/x-www-form-urlencoded",
                "dpop": self.proof(endpoint, proven_by),
            }
            answer = await self.world.auth.post(
                f"/{endpoint}", content=urlencode(sent), headers=headers
            )
            self.nonce = answer.headers.get("dpop-nonce", self.nonce)
            if answer.json().get("error") != "use_dpop_nonce":
                break
        return answer.status_code, answer.json()


def _now(claims: dict[str, Any]) -> dict[str, Any]:
    at_s = int(datetime.now(UTC).timestamp())
    return claims | {"iat": at_s, "jti": secrets.token_urlsafe(16)}


@pytest.fixture
async def page(world: World, portal_app: Any) -> Any:
    world.directory.customers[REFERENCE] = [_account("A-17")]
    async with world.services.database.unit(Actor(world.bank.id, "setup")) as unit:
        await unit.connection.execute(update(products).values(sandbox=True))
        await test_customers.offer(unit, world.bank.id, REFERENCE, "Model Lin")
        listed = (await unit.connection.execute(select(products.c.id))).scalar_one()
    person = await join(world, portal_app, world.shop.id, "partner", "developer")
    shown = (await person.get("/shelf/river-bank/accounts/list")).text
    token = shown.split('data-form-token="')[1].split('"')[0]
    yield Page(world, person, listed, token)
    await person.browser.close()


async def enter(browser: Browser, form: httpx.Response, taken: dict[str, Any]) -> httpx.Response:
    """Sign in as the test customer."""
    entered = {"name": taken["sign_in_name"], "passphrase": taken["passphrase"]}
    place = next(i for i, each in enumerate(forms_of(form)) if each.action == "/sign-in")
    return await browser.send(form, place, **entered)


def _account(identifier: str) -> dict[str, Any]:
    return {
        "account_id": identifier, "kind": "current", "name": "Everyday account",
        "masked_number": "6222 **** 0001", "currency": "CNY",
    }  # fmt: skip


async def test_a_test_customer_agrees_and_the_page_has_a_token_of_the_customers_consent(
    page: Page, auth_app: Asgi
) -> None:
    assert (await page.let_in()).json()["redirect_uri"] == BACK
    signed_in = (await page.take()).json()
    assert signed_in["name"] == "Model Lin"
    verifier = secrets.token_urlsafe(32)
    status, pushed = await page.ask("par", request=page.request(verifier))
    assert status == 201, pushed
    browser = Browser(auth_app, "https://auth.localhost")
    asked = {"client_id": page.client["client_id"], "request_uri": pushed["request_uri"]}
    begun = await browser.open(f"/authorize?{urlencode(asked)}")
    question = await browser.open((await enter(browser, begun, signed_in)).headers["location"])
    place = consent_form(question)
    back = (await browser.send(question, place, ("answer", "yes"), account0="A-17")).headers[
        "location"
    ]
    await browser.close()
    assert back.startswith(BACK)
    told = {name: value for name, (value,) in parse_qs(urlsplit(back).query).items()}
    code = {
        "grant_type": "authorization_code", "code": told["code"], "redirect_uri": BACK,
        "code_verifier": verifier,
    }  # fmt: skip
    status, refused = await page.ask("token", proven_by=ECKey.generate_key("P-256"), **code)
    assert (status, refused["error"]) == (400, "invalid_dpop_proof")
    status, token = await page.ask("token", **code)
    assert status == 200, token
    assert token["token_type"] == "DPoP"
    assert token["authorization_details"][0]["accounts"] == ["A-17"]
    async with page.world.services.database.connect() as connection:
        named = await connection.execute(select(audit_entries.c.event))
        events = set(named.scalars())
        rows = (await connection.execute(select(audit_entries))).all()
    assert {"application.trial_key_registered", "test_customer.taken"} <= events
    assert signed_in["passphrase"] not in str(rows)


async def test_the_key_asks_for_this_product_at_this_address_of_this_institution_alone(
    page: Page,
) -> None:
    await page.world.publish_product("cards")
    await page.let_in()
    lake = {"member": page.world.other_bank.slug}
    refused = {
        "another address": (page.request("v" * 43, redirect_uri="https://shop.example/callback"),
                            "invalid_request"),
        "another product": (page.request("v" * 43, scope="river-bank.cards"), "invalid_scope"),
        "another institution": (page.request("v" * 43, details=lake),
                                "invalid_authorization_details"),
    }  # fmt: skip
    for what, (request, error) in refused.items():
        status, answer = await page.ask("par", request=request)
        assert (status, answer["error"]) == (400, error), (what, answer)
    other = ECKey.generate_key("P-256")
    status, answer = await page.ask("par", proven_by=other, request=page.request("v" * 43))
    assert (status, answer["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("grant", ["client_credentials", "refresh_token"])
async def test_the_key_proves_the_application_for_nothing_else(page: Page, grant: str) -> None:
    await page.let_in()
    sent = {"grant_type": grant, "refresh_token": "rft_" + "x" * 43, "scope": "river-bank.accounts"}
    status, answer = await page.ask("token", **sent)
    assert (status, answer["error"]) == (401, "invalid_client")


async def test_a_key_that_was_revoked_or_is_too_old_counts_no_more(page: Page) -> None:
    await page.let_in()
    request = page.request("v" * 43)
    async with page.world.services.database.unit(Actor(page.world.shop.id, "setup")) as unit:
        thumbprint = page.client["kid"].removeprefix("trial.")
        await applications.revoke_key(unit, page.world.client.id, thumbprint)
    status, answer = await page.ask("par", request=request)
    assert (status, answer["error"]) == (401, "invalid_client")
    assert (await page.let_in()).json()["code"] == "invalid_input"


async def test_nobody_lets_a_key_in_for_what_is_not_to_be_tried(page: Page) -> None:
    jwk = page.key.as_dict(private=True)
    refused = {
        "another's application": ({"application": page.world.other_client.id}, "not_found"),
        "another product": ({"product": "prd_" + "0" * 26}, "not_found"),
        "a private key": ({"jwk": {"kty": jwk["kty"], "crv": jwk["crv"], "d": jwk["d"],
                                   "x": jwk["x"], "y": jwk["y"]}}, "invalid_input"),
        "no key": ({"jwk": {}}, "invalid_input"),
    }  # fmt: skip
    for what, (changed, code) in refused.items():
        answer = await page.let_in(**changed)
        assert answer.json()["code"] == code, what
    assert (await page.take("RB-000018")).json()["code"] == "not_found"
    async with page.world.services.database.unit(Actor(page.world.bank.id, "setup")) as unit:
        await unit.connection.execute(update(products).values(sandbox=False))
    assert (await page.let_in()).json()["code"] == "forbidden"
    assert (await page.take()).json()["code"] == "forbidden"


async def test_each_organisation_has_its_own_customer_and_each_taking_a_new_passphrase(
    page: Page, portal_app: Any
) -> None:
    first, again = (await page.take()).json(), (await page.take()).json()
    assert first["sign_in_name"] == again["sign_in_name"]
    assert first["passphrase"] != again["passphrase"]
    stall = page.world.other_client
    theirs = await join(
        page.world, portal_app, stall.application.organisation, "partner", "developer"
    )
    shown = (await theirs.get("/shelf/river-bank/accounts/list")).text
    token = shown.split('data-form-token="')[1].split('"')[0]
    answer = await theirs.browser.http.post(
        "/try/customers",
        json={"form_token": token, "product": page.product, "application": stall.id,
              "customer_ref": REFERENCE},
        headers={"origin": "https://portal.localhost"},
    )  # fmt: skip
    await theirs.browser.close()
    assert answer.json()["sign_in_name"] != first["sign_in_name"]
    async with page.world.services.database.connect() as connection:
        found = await connection.execute(
            select(customers.c.tried_by).where(customers.c.customer_ref == REFERENCE)
        )
        tried_by = set(found.scalars())
    assert tried_by == {page.world.shop.id, stall.application.organisation}


async def test_who_is_offered_no_more_lets_nobody_in(page: Page, auth_app: Asgi) -> None:
    taken = (await page.take()).json()
    async with page.world.services.database.unit(Actor(page.world.bank.id, "setup")) as unit:
        await test_customers.end(unit, page.world.bank.id, REFERENCE)
    assert (await page.take()).json()["code"] == "not_found"
    browser = Browser(auth_app, "https://auth.localhost")
    for passphrase in (taken["passphrase"], "a passphrase nobody has", ""):
        tried = taken | {"passphrase": passphrase}
        answer = await enter(browser, await browser.open("/sign-in"), tried)
        assert answer.status_code >= 400
    await browser.close()


async def test_a_person_is_enrolled_or_offered_and_never_both(page: Page) -> None:
    with pytest.raises(Refusal, match="conflict"):
        await page.world.enrol(REFERENCE, "A-17")
    await page.world.enrol("RB-000019", "A-19")
    async with page.world.services.database.unit(Actor(page.world.bank.id, "setup")) as unit:
        with pytest.raises(Refusal, match="conflict"):
            await test_customers.offer(unit, page.world.bank.id, "RB-000019", "Model Lin")


async def test_only_a_test_customer_of_the_same_organisation_may_answer_a_trial(
    page: Page,
) -> None:
    shop, other = page.world.shop.id, page.world.other_client.application.organisation
    pushed = PushedRequest(
        client=page.world.client.id, organisation=shop, consent="cns", redirect_uri=BACK,
        state=None, code_challenge="", scope="", ask=None, member=page.world.bank.id,  # type: ignore[arg-type]
        certificate=None, trial=True,
    )  # fmt: skip
    plain = msgspec.structs.replace(pushed, trial=False)
    real = Customer("cus", page.world.bank.id, "RB-000019", "Lin", "per", None)
    ours, theirs = replace(real, tried_by=shop), replace(real, tried_by=other)
    answers = {
        (name, each.trial): interactions.may_answer(who, each)
        for name, who in (("real", real), ("ours", ours), ("theirs", theirs))
        for each in (pushed, plain)
    }
    assert {asked for asked, may in answers.items() if may} == {
        ("real", False), ("ours", True), ("ours", False),
    }  # fmt: skip


async def test_a_trial_changes_no_grant_of_the_application(page: Page) -> None:
    await page.let_in()
    changing = {"grant_management_action": "merge", "grant_id": "gnt_" + "0" * 26}
    status, answer = await page.ask("par", request=page.request("v" * 43, **changing))
    assert (status, answer["error"]) == (400, "invalid_grant_id")


@pytest.mark.parametrize("kid", ["key-1", None])
async def test_the_portal_carries_nothing_but_what_a_trials_key_has_proven(
    page: Page, kid: str | None
) -> None:
    header = {"alg": "ES256"} | ({"kid": kid} if kid else {})
    assertion = jwt.encode(header, _now({"sub": page.world.client.id}), page.key)
    form = urlencode({"grant_type": "client_credentials", "client_assertion": assertion})
    asked = {"endpoint": "token", "form": form, "proof": page.proof("token")}
    headers = {"origin": "https://portal.localhost"}
    told = {"form_token": page.form_token, **asked}
    answer = await page.person.browser.http.post("/try/server", json=told, headers=headers)
    assert answer.json()["code"] == "forbidden"


async def test_a_product_that_is_real_in_another_version_is_not_tried(page: Page) -> None:
    async with page.world.services.database.unit(Actor(page.world.bank.id, "setup")) as unit:
        (row,) = (await unit.connection.execute(select(products))).all()
        real = dict(row._mapping) | {"id": unit.mint("prd"), "version": 2, "sandbox": False}
        await unit.connection.execute(insert(products).values(**real))
    assert (await page.let_in()).json()["code"] == "forbidden"


async def test_an_institution_offers_so_many_and_no_more(page: Page) -> None:
    async with page.world.services.database.unit(Actor(page.world.bank.id, "setup")) as unit:
        for number in range(TEST_CUSTOMERS - 1):
            await test_customers.offer(unit, page.world.bank.id, f"M-{number}", "Model")
        with pytest.raises(Refusal, match="limit_reached: TEST_CUSTOMERS"):
            await test_customers.offer(unit, page.world.bank.id, "M-20", "Model")
