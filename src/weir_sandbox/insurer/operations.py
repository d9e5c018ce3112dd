"""Harbour Insurance's table of operations."""

from __future__ import annotations

from typing import Final

from weir_sandbox.amounts import CURRENCY
from weir_sandbox.directory import directory, known_customer
from weir_sandbox.insurer import claims, policies, quotations
from weir_sandbox.insurer.risks import PRODUCTS
from weir_sandbox.operations import Answer, Call, Desk, Operation, join


async def customer_policies(call: Call, desk: Desk) -> Answer:
    """Return the policies that a customer can grant here."""
    call.values()
    rows = await desk.database.rows(
        "SELECT policy_id, product, number FROM policies WHERE customer_ref = %s"
        " ORDER BY policy_id",
        (await known_customer(call, desk),),
    )
    accounts = [
        {
            "account_id": policy_id,
            "kind": product,
            "name": PRODUCTS[product],
            "masked_number": policies.masked(number),
            "currency": CURRENCY,
        }
        for policy_id, product, number in rows
    ]
    return Answer({"accounts": accounts})


OPERATIONS: Final = join(
    (
        Operation("POST", "/quotations", quotations.quote),
        Operation("GET", "/quotations/{quotation_id}", quotations.get_quotation),
        Operation("POST", "/policies", policies.buy),
        Operation("GET", "/policies", policies.list_policies),
        Operation("GET", "/policies/{policy_id}", policies.get_policy),
        Operation("POST", "/policies/{policy_id}/claims", claims.report),
        Operation("GET", "/policies/{policy_id}/claims", claims.list_claims),
    ),
    directory(customer_policies),
)
