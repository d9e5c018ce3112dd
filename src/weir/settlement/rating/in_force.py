"""Version of a plan, and agreement of a product, in force in a slice of a period. Pure.

Neither changes within a slice (`weir.settlement.rating.usage.Slice`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from weir.kernel.clock import read_moment
from weir.settlement.documents import AgreementInput, Inputs, PlanInput
from weir.settlement.rating.usage import Plans, Priced, Slice
from weir.shelf.pricing import Fixed, Package, Pricing


def plans_of(inputs: Inputs) -> Plans:
    """Return the plans of a statement's inputs by identifier, as counting needs them."""
    return priced(inputs.plans)


def priced(plans: Iterable[PlanInput]) -> Plans:
    """Return plans by identifier, as counting needs them."""
    return {each.plan: Priced(each.currency, each.pricing, _changes(each)) for each in plans}


def _changes(plan: PlanInput) -> tuple[tuple[datetime, Pricing], ...]:
    return tuple((read_moment(each.effective_from), each.pricing) for each in plan.changes)


def version_at(plan: PlanInput, part: Slice) -> int:
    """Return the version of a plan that is in force in a slice."""
    begun = [
        each.version for each in plan.changes if read_moment(each.effective_from) <= part.since
    ]
    return begun[-1] if begun else 1


def pricing_of(plan: PlanInput, version: int) -> Pricing:
    """Return a version of a plan's pricing. KeyError when there is no such version."""
    return {1: plan.pricing, **{each.version: each.pricing for each in plan.changes}}[version]


def is_monthly(plan: PlanInput) -> bool:
    """Whether any version of a plan charges something by the month."""
    pricings = [plan.pricing, *(each.pricing for each in plan.changes)]
    return any(map(has_monthly, pricings))


def has_monthly(pricing: Pricing) -> bool:
    """Whether a version of a plan charges something by the month, with or without calls."""
    return pricing.find(Fixed) is not None or pricing.find(Package) is not None


def agreement_at(agreements: Iterable[AgreementInput], product: str, part: Slice) -> str:
    """Return the identifier of the newest agreement that covers the slice; '' when none does."""
    covering = [
        (each.version, each.agreement)
        for each in agreements
        if each.product == product
        and read_moment(each.effective_at) <= part.since
        and (each.ended_at is None or part.until <= read_moment(each.ended_at))
    ]
    return max(covering)[1] if covering else ""
