"""Settlement: the organisation's account, its netting rounds and their payments."""

from __future__ import annotations

from datetime import datetime

from starlette.responses import Response

from weir.kernel.declares import NOT_FOUND
from weir.kernel.outcomes import Refusal
from weir.portal.desk.desk import Desk
from weir.portal.desk.names import parties_of
from weir.portal.management import Document, place
from weir.portal.renderer import redirect
from weir.settlement.payment.pain001 import SCHEMES

_ACCOUNT = ("scheme", "holder", "account", "bank")


async def show(desk: Desk) -> Response:
    """Show the account, and the newest rounds with the organisation's own position in each."""
    rounds = (await desk.management.get("/v1/netting-rounds"))["items"]
    for each in rounds:
        each["settled_at"] = datetime.fromisoformat(each["settled_at"])
        each["position"] = each["positions"].get(desk.organisation.id, 0)
        each["received"] = sum(paid["status"] == "received" for paid in each["payments"])
    return desk.page(
        "money/settlement.html", account=await _account(desk), rounds=rounds, SCHEMES=SCHEMES
    )


async def act(desk: Desk) -> Response:
    """Set the account that the organisation pays from and is paid to."""
    given: Document = {name: desk.fields.get(name, "").strip() for name in _ACCOUNT}
    for name in ("account", "bank"):  # both are written in groups, to be read
        given[name] = "".join(given[name].split()).upper()
    await desk.management.put("/v1/settlement-account", given)
    return redirect("/desk/settlement")


async def show_round(desk: Desk) -> Response:
    """Show one round: the organisation's payments in it, and what netting saved."""
    found = await desk.management.get(f"/v1/netting-rounds/{place(desk.named('round'))}")
    found["settled_at"] = datetime.fromisoformat(found["settled_at"])
    for each in found["payments"]:
        received = each["received_at"]
        each["received_at"] = datetime.fromisoformat(received) if received else None
    own = desk.organisation.id
    return desk.page(
        "money/settlement_round.html",
        round=found,
        position=found["positions"].get(own),
        to_pay=[each for each in found["payments"] if each["debtor"] == own],
        parties=await parties_of(desk),
    )


async def act_on_round(desk: Desk) -> Response:
    """Confirm that a payment has come, or download the message for the organisation's bank."""
    name = desk.named("round")
    if desk.fields.get("act") == "instructions":
        issued = await desk.management.post(f"/v1/netting-rounds/{place(name)}/instructions")
        headers = {"content-disposition": f'attachment; filename="{place(name)}.xml"'}
        return Response(issued["message"], media_type="application/xml", headers=headers)
    payment = place(desk.fields.get("payment", ""))
    await desk.management.post(f"/v1/payments/{payment}/receive")
    return redirect(f"/desk/settlement/{place(name)}")


async def show_rates(desk: Desk) -> Response:
    """Show exchange rates, the newest recorded first."""
    rates = (await desk.management.get("/v1/exchange-rates"))["items"]
    for each in rates:
        each["observed_at"] = datetime.fromisoformat(each["observed_at"])
    return desk.page("money/rates.html", rates=rates)


async def record_rate(desk: Desk) -> Response:
    """Record an exchange rate, which never changes. Without a time it was observed now."""
    fields = {name: value.strip() for name, value in desk.fields.items()}
    now = desk.portal.database.clock.now().isoformat(timespec="seconds")
    given = {
        "base": fields.get("base", "").upper(),
        "quote": fields.get("quote", "").upper(),
        "rate": fields.get("rate", ""),
        "source": fields.get("source", ""),
        "observed_at": fields.get("observed_at") or now,
    }
    await desk.management.post("/v1/exchange-rates", given, desk.form_key)
    return redirect("/desk/settlement/rates")


async def _account(desk: Desk) -> Document | None:
    """Return the organisation's settlement account, or None while it has none."""
    try:
        return await desk.management.get("/v1/settlement-account")
    except Refusal as refusal:
        if refusal.outcome is NOT_FOUND:
            return None
        raise
