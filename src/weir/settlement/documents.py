"""Statements as documents: their structs, strict reading, and the digest.

Money is in whole minor units, prices are decimal strings in major units, times are RFC 3339 in UTC.
The digest is SHA-256 over the canonical JSON (sorted names, no spaces, UTF-8) of everything but
itself.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final, Literal

import msgspec

from weir.agreements.shares import Billable, Rounding, Share, read_shares
from weir.kernel import strict_json
from weir.kernel.outcomes import Refusal
from weir.settlement.declares import STATEMENT_BYTES
from weir.shelf import pricing
from weir.shelf.pricing import Pricing

Role = Literal["member", "operator", "partner", "named", "tax", "fixed", "minimum"]


class LineShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One party's part of a line.

    Role `named` is an organisation that the agreement names itself; `tax` is passed on by the
    seller to its tax authority; `fixed` and `minimum` are owed by the month.
    """

    party: str
    role: Role
    amount_minor: int


class Charge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The charge of one component of the plan's pricing on a line; `step` is its tier or band.

    `quantity` (calls, or months) and `amount` (major units) are exact: decimal, or `n/d` where a
    decimal would not end. `price` is for one of the quantity, None where the charge is by value.
    """

    component: int
    kind: str
    step: int
    quantity: str
    price: str | None
    amount: str


class Rewarded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of times a rewarding term is fulfilled; `term` is its index in the agreement."""

    term: int
    count: int


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The calls of one partner to one product under one version of a plan, one member and one
    agreement.

    `agreement` null means that none was in force: the whole gross is the member's. `gross_minor` is
    without `tax_minor`; the shares sum to both together. In a supplement, counts and amounts are
    additions to the closings before it, so amounts may be negative; `charges` and `rewarded` are of
    the whole period. `rewarded` is left out where it is empty, and `plan_version` where it is 1.

    `plan` null marks the monthly dues of one party of an agreement: `partner` is the payer, and
    `component` of a charge is the term's index in the agreement.
    """

    product: str
    plan: str | None
    partner: str
    member: str | None
    agreement: str | None
    calls: int
    billable_calls: int
    value_calls: int
    value_units: str
    by_utc_hour: list[int]
    charges: list[Charge]
    gross_minor: int
    tax_minor: int
    shares: list[LineShare]
    rewarded: list[Rewarded] = []
    plan_version: int = 1


class PartyShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sum of one party's shares over all lines."""

    party: str
    amount_minor: int


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Consecutive segments of one stream. `sha256` is the last segment's, which chains them all."""

    stream: str
    first_segment: int
    last_segment: int
    previous_sha256: str
    sha256: str


class Records(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The records a statement was made of.

    `records` counts the records of the period; `digest` is SHA-256 over the canonical JSON of
    `segments`. `rewarded` are all runs of the period, earlier closings included, over which rewards
    were counted; it is left out where no agreement rewards anything.
    """

    segments: list[Run]
    records: int
    digest: str
    rewarded: list[Run] = []


class PlanChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A later version of a plan's pricing, for calls from `effective_from` on."""

    version: int
    effective_from: str
    pricing: Pricing


class PlanInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A plan with its pricing. `owner` is the product's owner.

    `pricing` is its first version; `changes`, left out where there are none, are the later
    versions.
    """

    plan: str
    product: str
    owner: str
    currency: str
    pricing: Pricing
    changes: list[PlanChange] = []


class SubscriptionInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The time a subscription to a plan with a monthly price was active; `until` null: still is."""

    subscription: str
    product: str
    plan: str
    partner: str
    since: str
    until: str | None


class AgreementInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agreement as it was applied: from `effective_at` up to and without `ended_at`.

    `billable` says whether calls that the member declined (4xx) are paid for, `rounding` how a line
    becomes whole minor units. `owner` is the product's owner.
    """

    agreement: str
    product: str
    version: int
    effective_at: str
    ended_at: str | None
    billable: Billable
    rounding: Rounding
    shares: list[Share]
    owner: str


class RateInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One major unit of `base` was worth `rate` units of `quote`, as `source` observed it."""

    id: str
    base: str
    quote: str
    rate: str
    source: str
    observed_at: str


class Inputs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All values that a statement depends on besides the records.

    `earlier` are the lines of the closings that this one supplements. `rates`, left out where there
    are none, are the newest rates of the statement's currency at its closing; no figure depends on
    them.
    """

    operator: str
    plans: list[PlanInput]
    subscriptions: list[SubscriptionInput]
    agreements: list[AgreementInput]
    earlier: list[Line]
    rates: list[RateInput] = []


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A party's statement for a period: its lines, and what it owes and is owed.

    `version` is left out when it is 1; a period that was re-opened and closed again has the next.
    `owes_minor` is the gross and tax of the party's own calls, `is_owed_minor` the sum of its
    shares, and `balance_minor` the second less the first: positive is paid to the party, negative
    by it.
    """

    statement: str
    form: Literal[1]
    party: str
    period: str
    since: str
    until: str
    currency: str
    supplement: int
    closed_at: str
    lines: list[Line]
    gross_minor: int
    tax_minor: int
    shares: list[PartyShare]
    sum_of_shares_minor: int
    owes_minor: int
    is_owed_minor: int
    balance_minor: int
    records: Records
    inputs: Inputs
    sha256: str
    version: int = 1


def to_document(statement: Statement) -> dict[str, Any]:
    """Return the statement as plain JSON values."""
    document: dict[str, Any] = msgspec.to_builtins(statement)
    return document


def from_document(document: Any) -> Statement:
    """Read a statement strictly. ValueError when the document is not a statement."""
    try:
        statement = msgspec.convert(document, Statement)
        for plan in statement.inputs.plans:
            pricing.check(plan.pricing)
            for change in plan.changes:
                pricing.check(change.pricing)
        for agreement in statement.inputs.agreements:
            terms = [share.document() for share in agreement.shares]
            read_shares(terms, statement.currency)
    except (msgspec.ValidationError, Refusal) as error:
        raise ValueError(f"not a statement: {error}") from error
    return statement


def parse(raw: bytes) -> Statement:
    """Read a statement's file. ValueError when it is no statement or over STATEMENT_BYTES."""
    return from_document(strict_json.loads(raw, STATEMENT_BYTES))


def to_json(statement: Statement) -> str:
    """Return the document's text, as it is stored."""
    return msgspec.json.encode(statement).decode()


def sealed(statement: Statement) -> Statement:
    """Return the statement with its digest set."""
    return msgspec.structs.replace(statement, sha256=digest_of(to_document(statement)))


def digest_of(document: dict[str, Any]) -> str:
    """Return the digest that a statement's document should carry."""
    return digest({name: value for name, value in document.items() if name != "sha256"})


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON, in hexadecimal."""
    return sha256(_CANONICAL.encode(value)).hexdigest()


# The same bytes as `weir.kernel.strict_json.canonical`, but faster for documents of megabytes.
_CANONICAL: Final = msgspec.json.Encoder(order="sorted")


def runs_digest(runs: list[Run]) -> str:
    """Return the digest of a statement's runs of segments."""
    return digest(msgspec.to_builtins(runs))
