"""Insurable risks: the four products and the facts each needs."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

import msgspec

from weir_sandbox.amounts import Amount

PRODUCTS: Final = {
    "personal_accident": "个人意外伤害保险",
    "term_life": "定期寿险",
    "motor": "机动车保险",
    "business_property": "企业财产保险",
}

Occupation = Literal[1, 2, 3, 4]
Sex = Literal["female", "male"]
Use = Literal["private", "commercial"]
Limit = Literal["1000000.00", "2000000.00", "3000000.00"]
Construction = Literal["concrete", "steel", "timber"]
Industry = Literal["office", "retail", "catering", "manufacturing", "warehouse"]


class Accident(msgspec.Struct, tag="personal_accident", tag_field="product",
               forbid_unknown_fields=True, frozen=True):  # fmt: skip
    """Accidental death and disability of one person."""

    insured_age: Annotated[int, msgspec.Meta(ge=0, le=75)]
    occupation_class: Occupation
    sum_insured: Amount
    term_months: Annotated[int, msgspec.Meta(ge=1, le=12)]


class Life(msgspec.Struct, tag="term_life", tag_field="product",
           forbid_unknown_fields=True, frozen=True):  # fmt: skip
    """Death of one person within a number of years, at a level premium each year."""

    insured_age: Annotated[int, msgspec.Meta(ge=18, le=60)]
    sex: Sex
    smoker: bool
    sum_insured: Amount
    term_years: Annotated[int, msgspec.Meta(ge=1, le=30)]


class Motor(msgspec.Struct, tag="motor", tag_field="product",
            forbid_unknown_fields=True, frozen=True):  # fmt: skip
    """One vehicle for a year: compulsory liability, damage, third parties, seats."""

    vehicle_value: Amount
    seats: Annotated[int, msgspec.Meta(ge=2, le=9)]
    use: Use
    first_registered_on: date
    claim_free_years: Annotated[int, msgspec.Meta(ge=0, le=10)]
    third_party_limit: Limit


class Property(msgspec.Struct, tag="business_property", tag_field="product",
               forbid_unknown_fields=True, frozen=True):  # fmt: skip
    """A business's premises and stock for a year, against fire, water and storm."""

    industry: Industry
    construction: Construction
    sprinklers: bool
    sum_insured: Amount
    deductible: Amount


Risk = Accident | Life | Motor | Property

SUM_INSURED_MINOR: Final = {
    # by product: least and most fen; the sum of a motor policy is the vehicle's value
    "personal_accident": (1_000_000, 500_000_000),
    "term_life": (10_000_000, 1_000_000_000),
    "motor": (1_000_000, 500_000_000),
    "business_property": (5_000_000, 100_000_000_000),
}


def product_of(risk: Risk) -> str:
    """Return the product's code."""
    return str(risk.__struct_config__.tag)


def sum_insured_minor(risk: Risk) -> int:
    """Return the most the policy pays for its main cover, in fen."""
    amount = risk.vehicle_value if isinstance(risk, Motor) else risk.sum_insured
    return amount.minor()


def term_months(risk: Risk) -> int:
    """Return the policy's term in months."""
    if isinstance(risk, Accident):
        return risk.term_months
    return risk.term_years * 12 if isinstance(risk, Life) else 12
