"""The story in one table: a chapter a row, from the founding to the audit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from weir.cli.demo import (
    calling,
    consenting,
    netting,
    parties,
    paying,
    settling,
    shelving,
    withdrawing,
)
from weir.cli.demo.stage import Stage

Chapter = Callable[[Stage], Awaitable[None]]

CHAPTERS: Final[tuple[tuple[str, Chapter], ...]] = (
    ("The operator founds the alliance", parties.found),
    ("Three institutions and five partners are admitted, each with its own key", parties.admit),
    (
        "Institutions put their capabilities on the shelf, a partner brings its own in",
        shelving.fill_shelf,
    ),
    ("Prices and splits are agreed, partners subscribe", shelving.agree),
    ("Customers set up a sign-in", consenting.enrol),
    ("Institutions offer test customers", consenting.offer_test_customers),
    ("Customers say yes on the consent page", consenting.consent),
    ("Calls flow, some of them wrong on purpose", calling.call),
    ("A payment moves money, once", paying.pay),
    ("A customer withdraws while calls are in flight", withdrawing.withdraw),
    ("Every call is looked for in the records and in the institutions' logs", settling.count),
    ("The period closes and the statement is recomputed offline", settling.close),
    ("A dispute, a refund, and everybody's debts netted into few payments", netting.net),
    ("The audit chains are walked", settling.audit),
)
