"""The management API for an application that may act for its organisation, or for a person.

```python
async with Management.open(profile) as management:
    member = await management.organisations.admit_member(slug="river-bank", ...)
    async for product in management.products.list():
        ...
```

What the API answers is returned as it is, as JSON objects; its fields are in the API's own
description under `/v1/openapi.json`. Every write carries an idempotency key, so that one whose
answer was lost is repeated without being done twice. Errors are those of `Session.call`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from weir.client.authorization import AuthorizationServer
from weir.client.exchange import Exchange
from weir.client.management.health import Health
from weir.client.management.keys.algorithms import Algorithms
from weir.client.management.keys.anchors import Anchors
from weir.client.management.keys.signing_keys import SigningKeys
from weir.client.management.money.agreements import Agreements
from weir.client.management.money.closings import Closings
from weir.client.management.money.credits import Credits
from weir.client.management.money.disputes import Disputes
from weir.client.management.money.exchange_rates import ExchangeRates
from weir.client.management.money.payments import Payments
from weir.client.management.money.reopenings import Reopenings
from weir.client.management.money.rounds import Rounds
from weir.client.management.money.settlement_accounts import SettlementAccounts
from weir.client.management.money.statements import Statements
from weir.client.management.parties.applications import Applications
from weir.client.management.parties.certificates import Certificates
from weir.client.management.parties.consents import Consents
from weir.client.management.parties.customers import Customers
from weir.client.management.parties.invitations import Invitations
from weir.client.management.parties.organisations import Organisations
from weir.client.management.parties.people import People
from weir.client.management.parties.test_customers import TestCustomers
from weir.client.management.parties.trials import Trials
from weir.client.management.products.backends import Backends
from weir.client.management.products.capabilities import Capabilities
from weir.client.management.products.documents import Documents
from weir.client.management.products.plans import Plans
from weir.client.management.products.products import Products
from weir.client.management.products.shelf import Shelf
from weir.client.management.products.subscriptions import Subscriptions
from weir.client.management.records.audit import Audit
from weir.client.management.records.expiries import Expiries
from weir.client.management.records.receipts import Receipts
from weir.client.management.records.records import Records
from weir.client.management.records.roots import Roots
from weir.client.management.records.seals import Seals
from weir.client.management.records.segments import Segments
from weir.client.management.records.traffic import Traffic
from weir.client.management.requests import Requests
from weir.client.profile import Profile
from weir.client.session import MANAGE, Session
from weir.client.terminal import TerminalSession


class Management:
    """Operations by the thing they are on: `management.disputes.list()`."""

    def __init__(self, requests: Requests) -> None:
        self.organisations = Organisations(requests)
        self.applications = Applications(requests)
        self.certificates = Certificates(requests)
        self.trials = Trials(requests)
        self.people = People(requests)
        self.invitations = Invitations(requests)
        self.customers = Customers(requests)
        self.test_customers = TestCustomers(requests)
        self.consents = Consents(requests)
        self.documents = Documents(requests)
        self.backends = Backends(requests)
        self.capabilities = Capabilities(requests)
        self.products = Products(requests)
        self.shelf = Shelf(requests)
        self.plans = Plans(requests)
        self.subscriptions = Subscriptions(requests)
        self.agreements = Agreements(requests)
        self.closings = Closings(requests)
        self.reopenings = Reopenings(requests)
        self.statements = Statements(requests)
        self.disputes = Disputes(requests)
        self.credits = Credits(requests)
        self.settlement_accounts = SettlementAccounts(requests)
        self.exchange_rates = ExchangeRates(requests)
        self.rounds = Rounds(requests)
        self.payments = Payments(requests)
        self.records = Records(requests)
        self.traffic = Traffic(requests)
        self.receipts = Receipts(requests)
        self.seals = Seals(requests)
        self.segments = Segments(requests)
        self.expiries = Expiries(requests)
        self.roots = Roots(requests)
        self.audit = Audit(requests)
        self.signing_keys = SigningKeys(requests)
        self.algorithms = Algorithms(requests)
        self.anchors = Anchors(requests)
        self.health = Health(requests)

    @classmethod
    @asynccontextmanager
    async def open(cls, profile: Profile) -> AsyncIterator[Management]:
        """Open the API with connections and a token of its own; both end with the block."""
        async with profile.exchange(connections=4) as exchange:
            server = await AuthorizationServer.discover(
                profile.platform, profile.credentials, exchange
            )
            session = Session.of_application(profile.platform, exchange, server, MANAGE)
            yield cls(Requests(session))

    @classmethod
    @asynccontextmanager
    async def at_terminal(cls, session: TerminalSession) -> AsyncIterator[Management]:
        """Open the API for the person of a terminal's session, with connections of its own."""
        async with Exchange(session.platform.ca_file, connections=4) as exchange:
            yield cls(Requests(session.calls(exchange)))
