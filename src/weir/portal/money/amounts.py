"""Amounts and statement lines that people type into the desk's forms."""

from __future__ import annotations

from dataclasses import dataclass

from weir.kernel.declares import NOT_FOUND
from weir.kernel.inputs import digits, wrong
from weir.kernel.money import parse_amount
from weir.kernel.outcomes import Refusal
from weir.portal.desk.desk import Desk
from weir.portal.management import Document, place


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A line of a statement that a form names; `number` counts from 1."""

    statement: Document
    number: int

    @property
    def path(self) -> str:
        """Path of the statement in the management API."""
        return f"/v1/statements/{place(self.statement['statement'])}"

    @property
    def currency(self) -> str:
        return str(self.statement["currency"])


async def named_line(desk: Desk) -> NamedLine:
    """Return the line named by the fields `statement` and `line`.

    INVALID_INPUT says which of the two is wrong, so that the form stays with what was typed.
    """
    number = digits(desk.fields.get("line", "").strip())
    if number is None:
        raise wrong("/line", "must be a whole number", "须为整数")
    named = desk.fields.get("statement", "").strip()
    try:
        return NamedLine(await desk.management.get(f"/v1/statements/{place(named)}"), number)
    except Refusal as refusal:
        if refusal.outcome is not NOT_FOUND:
            raise
        raise wrong("/statement", "is no statement of yours", "没有这份对账单") from refusal


def parse_minor(text: str, currency: str, pointer: str = "/amount_minor") -> int:
    """Parse a typed amount of money into whole minor units. INVALID_INPUT at `pointer`."""
    try:
        return parse_amount(text.strip(), currency).amount_minor
    except ValueError as error:
        why = "must be an amount such as 12.50"
        raise wrong(pointer, why, "须为金额，如 12.50") from error
