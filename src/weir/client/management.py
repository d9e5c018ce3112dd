"""The management API for one application that may act for its organisation.

```python
async with Management.open(profile) as management:
    member = await management.parties.admit_member(slug="river-bank", ...)
    async for product in management.shelf.products():
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
from weir.client.management_books import Books
from weir.client.management_customers import People
from weir.client.management_keys import Keys
from weir.client.management_parties import Parties
from weir.client.management_people import Team
from weir.client.management_records import Records
from weir.client.management_requests import Asker
from weir.client.management_settling import Settling
from weir.client.management_shelf import Shelf
from weir.client.profile import Profile
from weir.client.session import MANAGE, Session


class Management:
    """Groups of operations: parties, shelf, customers, team, books, settlement, keys, records."""

    def __init__(self, asker: Asker) -> None:
        self.parties = Parties(asker)
        self.shelf = Shelf(asker)
        self.people = People(asker)
        self.team = Team(asker)
        self.books = Books(asker)
        self.keys = Keys(asker)
        self.settling = Settling(asker)
        self.records = Records(asker)

    @classmethod
    @asynccontextmanager
    async def open(cls, profile: Profile) -> AsyncIterator[Management]:
        """With connections and a token of its own; both end with the block."""
        async with profile.exchange(connections=4) as exchange:
            server = await AuthorizationServer.discover(
                profile.platform, profile.credentials, exchange
            )
            session = Session.of_application(profile.platform, exchange, server, MANAGE)
            yield cls(Asker(session))
