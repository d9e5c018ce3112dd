"""Customers of the demo: enrolled, signed in, and asked for consent on the real pages."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from weir.client.errors import ProtocolError
from weir.client.exchange import Exchange
from weir_demo.browser import Browser, Page
from weir_demo.cast import ACCOUNT_ACCESS, PAYMENT
from weir_demo.stage import Caller, Consented, Customer, Member, Stage

_WORDS = ("river", "stone", "willow", "lantern", "harbour", "cloud", "orchard", "bridge", "amber")

# Name on the stage, institution, kind of customer.
_PEOPLE = (
    ("shopper", "river-bank", "individual"),
    ("saver", "river-bank", "individual"),
    ("shop", "river-bank", "business"),
    ("payer", "river-bank", "individual"),
    ("holder", "harbour-insurance", "individual"),
    ("investor", "summit-securities", "individual"),
)

# Institution, kind of the test customer that it offers.
_TRIED = (
    ("river-bank", "individual"),
    ("river-bank", "business"),
    ("harbour-insurance", "individual"),
    ("summit-securities", "individual"),
)

# Name on the stage, partner, customer, product, permissions, purpose, how long.
_CONSENTS = (
    # Granted for seconds only, since its token is used after its end, near the end of the demo. A
    # slow machine must get from the request to the token in this time.
    ("glance", "lantern-life", "shopper", "river-bank.accounts",
     ("ReadAccounts",), "Look once", timedelta(seconds=15)),
    ("shopping", "lantern-life", "shopper", "river-bank.accounts",
     ("ReadAccounts", "ReadBalances", "ReadTransactions", "ConfirmFunds"),
     "Show your accounts beside your orders", timedelta(days=90)),
    ("saving", "lantern-life", "saver", "river-bank.accounts",
     ("ReadAccounts", "ReadBalances", "ReadTransactions"),
     "Suggest how to save more", timedelta(days=90)),
    ("bookkeeping", "abacus-software", "shop", "river-bank.accounts",
     ("ReadAccounts", "ReadBalances", "ReadTransactions"),
     "Keep your shop's books up to date", timedelta(days=365)),
    ("credit", "eastgate-textiles", "shop", "river-bank.accounts",
     ("ReadAccounts", "ReadBalances"), "Set your trade credit", timedelta(days=30)),
    ("cover", "lantern-life", "holder", "harbour-insurance.policies",
     ("ReadPolicies", "ReadClaims"), "Remind you before your cover ends", timedelta(days=180)),
    ("wealth", "tall-pine-capital", "investor", "summit-securities.portfolios",
     ("ReadPortfolios", "ReadHoldings", "ReadOrders"), "Report on your holdings",
     timedelta(days=90)),
)  # fmt: skip


async def enrol(stage: Stage) -> None:
    """Enrol customers at their institutions; each makes a sign-in by the one-time link."""
    taken: set[str] = set()
    for name, slug, kind in _PEOPLE:
        member = stage.members[slug]
        reference, person = await pick(member, kind, taken)
        enrolled = await member.management.customers.enrol(reference, person)
        stage.customers[name] = await welcome(stage, slug, reference, person, enrolled["link"])


async def offer_test_customers(stage: Stage) -> None:
    """Offer test customers: people of the model world without another part in the story."""
    taken = {each.reference for each in stage.customers.values()}
    for slug, kind in _TRIED:
        member = stage.members[slug]
        reference, person = await pick(member, kind, taken)
        await member.management.test_customers.offer(reference, person)


async def consent(stage: Stage) -> None:
    """Have the customers grant the consents that partners ask for."""
    for name, partner, person, product, permissions, purpose, lasting in _CONSENTS:
        details = access(product.split(".")[0], permissions, purpose, lasting)
        stage.consents[name] = await ask(
            stage.callers[partner], stage.customers[person], product, details
        )


def access(
    member: str, permissions: tuple[str, ...], purpose: str, lasting: timedelta
) -> dict[str, Any]:
    """Return the entry of `authorization_details` that asks for data (RFC 9396)."""
    return {
        "type": ACCOUNT_ACCESS,
        "member": member,
        "permissions": list(permissions),
        "purpose": purpose,
        "expires_at": (datetime.now(UTC) + lasting).isoformat(timespec="seconds"),
    }


def payment(member: str, amount: str, currency: str, account: str, name: str) -> dict[str, Any]:
    """Return the entry of `authorization_details` that asks for one payment (RFC 9396)."""
    return {
        "type": PAYMENT,
        "member": member,
        "amount": {"amount": amount, "currency": currency},
        "payee": {"account": account, "name": name},
        "purpose": "Pay for order 20261",
        "reference": "Order 20261",
    }


async def ask(caller: Caller, customer: Customer, scope: str, details: dict[str, Any]) -> Consented:
    """Get a consent: PAR, the customer's sign-in and grant on the real pages, code for token.

    ProtocolError when the pages do not lead back to the partner.
    """
    pushed = await caller.server.push_authorization_request(
        scope=scope,
        redirect_uri=caller.partner.redirect_uri,
        authorization_details=[details],
    )
    page = await customer.browser.open(pushed.authorization_url)
    page = await _signed_in(page, customer)
    form = page.form_with("answer")
    name, value = form.choices[0]  # the customer chooses the first account
    page = await customer.browser.send(page, form, {name: value}, ("answer", "yes"))
    if page.left is None:
        raise ProtocolError(f"the consent page led nowhere: {page.status} {page.text[:200]}")
    token = await caller.server.exchange_code(pushed, page.left)
    return Consented(caller, customer, token)


async def _signed_in(page: Page, customer: Customer) -> Page:
    """Return the page after the sign-in, if it is the sign-in page; else the page itself."""
    if not any("passphrase" in form.fields for form in page.forms):
        return page
    filled = {"name": customer.sign_in_name, "passphrase": customer.passphrase}
    return await customer.browser.send(page, page.form_with("passphrase"), filled)


async def pick(member: Member, kind: str, taken: set[str]) -> tuple[str, str]:
    """Return (reference, name) of an untaken customer of this kind who holds something there.

    ProtocolError when the institution has none.
    """
    url = f"{member.running.url}/directory/customers"
    answer = await member.staff.send("GET", url, params={"kind": kind, "limit": "50"})
    for each in answer.object()["customers"]:
        reference = each["customer_ref"]
        held = await member.staff.send("GET", f"{url}/{reference}/accounts")
        if reference not in taken and held.object()["accounts"]:
            taken.add(reference)
            return reference, each["name"]
    raise ProtocolError(f"{member.running.institution.slug} has no {kind} customer")


def passphrase() -> str:
    """Make a passphrase of four words and a number."""
    return " ".join(secrets.choice(_WORDS) for _ in range(4)) + f" {secrets.randbelow(900) + 100}"


async def welcome(stage: Stage, slug: str, reference: str, person: str, link: str) -> Customer:
    """Open the one-time link and set up a sign-in."""
    origins = (stage.platform.portal_origin, stage.platform.issuer)
    exchange = await stage.resources.enter_async_context(
        Exchange(stage.platform.ca_file, connections=4)
    )
    browser = Browser(exchange, origins)
    words = passphrase()
    customer = Customer(slug, reference, person, reference.lower(), words, browser)
    page = await browser.open(link)
    filled = {"name": customer.sign_in_name, "passphrase": words, "display_name": person}
    page = await browser.send(page, page.form_with("passphrase"), filled)
    if page.status != 200:
        raise ProtocolError(f"the welcome page answered {page.status}: {page.text[:200]}")
    return customer
