"""The table of chapters, a row each, from the founding to the audit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from weir_demo import calls, consents, netting, parties, payments, readback, shelf, withdrawals
from weir_demo.stage import Stage

Chapter = Callable[[Stage], Awaitable[None]]

CHAPTERS: Final[tuple[tuple[str, Chapter], ...]] = (
    ("The operator founds the alliance", parties.found),
    ("Three institutions and five partners are admitted, each with its own key", parties.admit),
    (
        "Institutions put their capabilities on the shelf, a partner brings its own in",
        shelf.fill_shelf,
    ),
    ("Prices and splits are agreed, partners subscribe", shelf.agree),
    ("Customers set up a sign-in", consents.enrol),
    ("Institutions offer test customers", consents.offer_test_customers),
    ("Customers say yes on the consent page", consents.consent),
    ("Calls flow, some of them wrong on purpose", calls.call),
    ("A payment moves money, once", payments.pay),
    ("A customer withdraws while calls are in flight", withdrawals.withdraw),
    ("Every call is looked for in the records and in the institutions' logs", readback.count),
    ("The period closes and the statement is recomputed offline", readback.close),
    ("A dispute, a refund, and everybody's debts netted into few payments", netting.net),
    ("The audit chains are walked", readback.audit),
)
