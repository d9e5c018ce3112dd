"""Chains of faults, in the order that the gateway's pipeline declares.

A chain takes a call that is broken in many ways and mends it from the top: with the first n faults
mended, fault n + 1 is the one that is named. Which fault comes when is read from
`weir.gateway.pipeline.REFUSALS` alone; a chain only says how each is mended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from weir.gateway.declares import (
    ANSWER_TOO_LARGE,
    CONSENT_LIMIT_REACHED,
    CONSENT_USED,
    IDEMPOTENCY_KEY_REQUIRED,
    SIGNATURE_INVALID,
    SIGNATURE_MISSING,
)
from weir.gateway.pipeline import REFUSALS
from weir.kernel.declares import DPOP_PROOF_INVALID, TOKEN_SCHEME_WRONG
from weir.kernel.outcomes import Outcome
from weir.partners.declares import APPLICATION_SUSPENDED, ORGANISATION_SUSPENDED
from weir.store.declares import IDEMPOTENCY_KEY_REUSED

Case = TypeVar("Case")
Row = tuple[str, Outcome]  # the phase, and the refusal it gives
Mends = Mapping[Row, Callable[[Case], object]]

DECLARED: Final[tuple[Row, ...]] = tuple(
    (phase, outcome) for phase, outcomes in REFUSALS.items() for outcome in outcomes
)

# The rows that need engines: tests/functional/gateway/test_gateway_order_of_proofs.py walks them.
OF_PAYMENTS: Final[tuple[Row, ...]] = (
    ("prove", SIGNATURE_MISSING),
    ("prove", SIGNATURE_INVALID),
    ("prove", IDEMPOTENCY_KEY_REQUIRED),
    ("prove", IDEMPOTENCY_KEY_REUSED),
    ("prove", CONSENT_USED),
    ("forward", ANSWER_TOO_LARGE),
)
OF_MANDATES: Final[tuple[Row, ...]] = (
    ("prove", IDEMPOTENCY_KEY_REQUIRED),
    ("prove", IDEMPOTENCY_KEY_REUSED),
    ("prove", CONSENT_LIMIT_REACHED),
)
OF_POSSESSION: Final[tuple[Row, ...]] = (
    ("identify", TOKEN_SCHEME_WRONG),
    ("identify", DPOP_PROOF_INVALID),
    ("identify", APPLICATION_SUSPENDED),
    ("identify", ORGANISATION_SUSPENDED),
)


class Broken:
    """A call and what it meets, broken in every way until it is mended."""

    def set(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)


def in_order(mends: Mends[Case]) -> list[tuple[Row, Callable[[Case], object]]]:
    """The rows of one chain in their declared order. AssertionError for one that is undeclared."""
    undeclared = mends.keys() - set(DECLARED)
    assert not undeclared, f"no phase declares {[(phase, o.code) for phase, o in undeclared]}"
    return [(row, mends[row]) for row in DECLARED if row in mends]
