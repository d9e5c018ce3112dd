"""What is in force when: the version of a plan, and the agreement of a product. Pure.

A slice of a period (`weir.settlement.rating.usage.Slice`) is so short that neither changes within
it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from weir.kernel.clock import read_moment
from weir.settlement.documents import AgreementInput, Inputs, PlanInput
from weir.settlement.rating.usage import Plans, Priced, Slice
from weir.shelf.pricing import Fixed, Package, Pricing


def plans_of(inputs: Inputs) -> Plans:
    """The plans of a statement's inputs, as counting wants them."""
    return priced(inputs.plans)


def priced(plans: Iterable[PlanInput]) -> Plans:
    """Plans as counting wants them."""
    return {each.plan: Priced(each.currency, each.pricing, _changes(each)) for each in plans}


def _changes(plan: PlanInput) -> tuple[tuple[datetime, Pricing], ...]:
    return tuple((read_moment(each.effective_from), each.pricing) for each in plan.changes)


def version_at(plan: PlanInput, part: Slice) -> int:
    """Which version of a plan is in force in a slice."""
    begun = [
        each.version for each in plan.changes if read_moment(each.effective_from) <= part.since
    ]
    return begun[-1] if begun else 1


def pricing_of(plan: PlanInput, version: int) -> Pricing:
    """A version of a plan's pricing. KeyError when there is none."""
    return {1: plan.pricing, **{each.version: each.pricing for each in plan.changes}}[version]


def is_monthly(plan: PlanInput) -> bool:
    """Whether something is charged under the plan even when nobody calls."""
    pricings = [plan.pricing, *(each.pricing for each in plan.changes)]
    return any(map(has_monthly, pricings))


def has_monthly(pricing: Pricing) -> bool:
    """Whether a version of a plan charges something by the month."""
    return pricing.find(Fixed) is not None or pricing.find(Package) is not None


def agreement_at(agreements: Iterable[AgreementInput], product: str, part: Slice) -> str:
    """The name of the newest agreement that covers the slice; empty when none does."""
    covering = [
        (each.version, each.agreement)
        for each in agreements
        if each.product == product
        and read_moment(each.effective_at) <= part.since
        and (each.ended_at is None or part.until <= read_moment(each.ended_at))
    ]
    return max(covering)[1] if covering else ""
