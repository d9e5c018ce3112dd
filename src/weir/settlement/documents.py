"""The statement as a document: what it says, what it was made from, and its digest.

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
    """One party's part of a line. `named` is an organisation the agreement names itself, and `tax`
    is what the seller passes on to its tax authority. `fixed` and `minimum` are owed by the month.
    """

    party: str
    role: Role
    amount_minor: int


class Charge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one component of the plan's pricing charges on a line, `step` being its tier or band.

    `quantity` (calls, or months) and `amount` (major units) are exact: decimal, or `n/d` where a
    decimal would not end. `price` is of one of the quantity, None where it is charged by value.
    """

    component: int
    kind: str
    step: int
    quantity: str
    price: str | None
    amount: str


class Rewarded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often a rewarding term is fulfilled on a line: `term` is its place in the agreement."""

    term: int
    count: int


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The calls of one partner to one product under one version of a plan, one member and one
    agreement.

    `agreement` null means that none was in force: the whole gross is the member's. `gross_minor` is
    without `tax_minor`; the shares sum to both together. In a supplement all counts and amounts are
    what is added to the closings before it, so amounts may be negative; `charges` and `rewarded`
    are the whole's. `rewarded` is left out where nothing is, and `plan_version` where it is 1.

    What one party of an agreement owes others by the month is a line without a plan: `partner` is
    the one who pays, and `component` of a charge is the term's place in the agreement.
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
    """What one party is owed over all lines."""

    party: str
    amount_minor: int


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Consecutive segments of one stream. `sha256` is the last one's, which chains all of them."""

    stream: str
    first_segment: int
    last_segment: int
    previous_sha256: str
    sha256: str


class Records(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The records a statement was made of.

    `records` counts those of the period; `digest` is SHA-256 over the canonical JSON of `segments`.
    `rewarded` are all runs of the period there are, over which rewards were counted, those of
    earlier closings too; it is left out where no agreement rewards anything.
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
    """A plan as it was priced. `owner` is the product's.

    `pricing` is its first version; `changes`, left out where there are none, are the later ones.
    """

    plan: str
    product: str
    owner: str
    currency: str
    pricing: Pricing
    changes: list[PlanChange] = []


class SubscriptionInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a subscription stood, for plans with a monthly price."""

    subscription: str
    product: str
    plan: str
    partner: str
    since: str
    until: str | None


class AgreementInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agreement as it was applied: from `effective_at` up to and without `ended_at`.

    `billable` says whether calls that the member declined (4xx) are paid for, `rounding` how a line
    becomes whole minor units. `owner` is the product's.
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
    """What one major unit of `base` was worth in `quote`, by whom, when it was closed."""

    id: str
    base: str
    quote: str
    rate: str
    source: str
    observed_at: str


class Inputs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that a statement depends on besides the records.

    `earlier` are the lines of the closings this one supplements. `rates`, left out where there are
    none, are the newest of the statement's currency when it was closed; no figure depends on them.
    """

    operator: str
    plans: list[PlanInput]
    subscriptions: list[SubscriptionInput]
    agreements: list[AgreementInput]
    earlier: list[Line]
    rates: list[RateInput] = []


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one party owes and is owed for a period.

    `version` is left out in the first; a period that was re-opened and closed again has the next.

    `owes_minor` is the gross and tax of its own calls, `is_owed_minor` the sum of its shares, and
    `balance_minor` what is left for it: positive is paid to it, negative it pays.
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
    """The statement as plain JSON values."""
    document: dict[str, Any] = msgspec.to_builtins(statement)
    return document


def from_document(document: Any) -> Statement:
    """Read a statement strictly. ValueError when it is not one."""
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
    """Read a statement's file. ValueError when it is not one, or larger than one may be."""
    return from_document(strict_json.loads(raw, STATEMENT_BYTES))


def to_json(statement: Statement) -> str:
    """The document's text, as it is stored."""
    return msgspec.json.encode(statement).decode()


def sealed(statement: Statement) -> Statement:
    """The statement with its digest."""
    return msgspec.structs.replace(statement, sha256=digest_of(to_document(statement)))


def digest_of(document: dict[str, Any]) -> str:
    """The digest a statement's document should carry."""
    return digest({name: value for name, value in document.items() if name != "sha256"})


def digest(value: Any) -> str:
    """SHA-256 over canonical JSON, in hexadecimal."""
    return sha256(_CANONICAL.encode(value)).hexdigest()


# The very bytes of `weir.kernel.strict_json.canonical`, sooner for documents of megabytes.
_CANONICAL: Final = msgspec.json.Encoder(order="sorted")


def runs_digest(runs: list[Run]) -> str:
    """The digest over a statement's runs of segments."""
    return digest(msgspec.to_builtins(runs))
