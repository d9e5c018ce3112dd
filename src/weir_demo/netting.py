"""Netting after the closing: a dispute, a refund, and one round over everybody's debts."""

from __future__ import annotations

from typing import Any

from weir.client.management.management import Management
from weir.client.management.requests import collect
from weir_demo import staff
from weir_demo.cast import CURRENCY, PARTNERS
from weir_demo.stage import Stage

_REFUND_MINOR = 100
_UPHELD_MINOR = 50


async def net(stage: Stage) -> None:
    """Net all debts into few payments, each received, until the books are empty."""
    bookkeeper = await staff.hired(stage, stage.first_links["operator"], "bookkeeper")
    await _name_accounts(stage, bookkeeper)
    refunded = await _refund(stage)
    upheld = await _dispute(stage, bookkeeper)
    settled = await stage.operating.rounds.settle(CURRENCY)
    messages = await _pay(stage, settled)
    stage.figures.netting = {
        "refund_minor": refunded,
        "dispute_minor": upheld,
        "parties": len(settled["positions"]),
        "debts": settled["without_payments"],
        "debts_minor": settled["without_minor"],
        "payments": [
            {name: each[name] for name in ("debtor", "creditor", "amount_minor")}
            for each in settled["payments"]
        ],
        "moved_minor": settled["moved_minor"],
        "messages": messages,
        "left_over_minor": sum(settled["positions"].values()),
    }


async def _name_accounts(stage: Stage, bookkeeper: Management) -> None:
    """Set every party's settlement account in person, by an account number and a CNAPS code.

    The first owner of an institution and of a partner invites one more, who is to look around.
    """
    await _name_account(bookkeeper, "operator", 0)
    shown = {each.slug: each.name_en for each in (stage.institutions[0].institution, PARTNERS[0])}
    for number, slug in enumerate((*stage.members, *stage.callers), start=1):
        owner = await staff.hired(stage, stage.first_links[slug], f"owner.{slug}")
        await _name_account(owner, slug, number)
        if slug in shown:
            made = await owner.invitations.invite("Owner", "owner")
            stage.invitations.append((shown[slug], made["link"]))


async def _name_account(management: Management, holder: str, number: int) -> None:
    await management.settlement_accounts.set(
        scheme="cnaps",
        holder=holder,
        account=f"62220202{number:08}",
        bank=f"{102_100_099_996 + number}",
    )


async def _refund(stage: Stage) -> int:
    """Have an institution give back part of its first line; return the minor units."""
    member = next(iter(stage.members.values()))
    statement, line, gross_minor = await _first_line(member.management, 2 * _REFUND_MINOR)
    amount_minor = max(1, gross_minor // 2)  # of its own share, which is more than half
    granted = await member.management.credits.grant(
        statement, line, amount_minor, "Answers were slow on the first morning."
    )
    return int(granted["amount_minor"])


async def _dispute(stage: Stage, bookkeeper: Management) -> int:
    """Have a partner dispute a line and the operator uphold part; return the minor units."""
    caller = next(reversed(stage.callers.values()))
    async with Management.open(caller.profile) as management:
        statement, line, amount_minor = await _first_line(management, _UPHELD_MINOR)
        opened = await management.disputes.open(
            statement, line, "Some of these calls were our load test.", "our own log of the day"
        )
    decided = await bookkeeper.disputes.resolve(
        opened["id"], "Half of the test is on us.", amount_minor
    )
    return amount_minor if decided["status"] == "upheld" else 0


async def _first_line(management: Management, at_most_minor: int) -> tuple[str, int, int]:
    """Return (statement, line number from 1, minor units to take) of the newest statement.

    The line is the first that costs something, and the amount at most its gross.
    """
    newest = (await collect(management.statements.list()))[0]
    statement: dict[str, Any] = await management.statements.get(newest["id"])
    paid = ((n, line) for n, line in enumerate(statement["lines"], 1) if line["gross_minor"] > 0)
    number, line = next(paid)
    return newest["id"], number, min(at_most_minor, line["gross_minor"])


async def _pay(stage: Stage, settled: dict[str, Any]) -> int:
    """Fetch each payer's message for its bank and receive every payment.

    Returns the number of messages.
    """
    payers = {each["debtor"] for each in settled["payments"]}
    taken = 0
    for caller in stage.callers.values():
        if caller.organisation in payers:
            async with Management.open(caller.profile) as management:
                message = (await management.rounds.instructions(settled["id"]))["message"]
                taken += "pain.001.001.09" in message
    for member in stage.members.values():
        if member.organisation in payers:
            message = (await member.management.rounds.instructions(settled["id"]))["message"]
            taken += "pain.001.001.09" in message
    for payment in settled["payments"]:
        await stage.operating.payments.receive(payment["id"])
    return taken
