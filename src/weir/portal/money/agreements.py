"""Agreement pages: read one, counter it with other terms, and bring the signature under it.

The organisation signs where its key is, never here: the page gives the exact bytes to sign, and
takes the detached JWS back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from starlette.responses import Response

from weir.agreements.shares import ROLES
from weir.agreements.signatures import check, read
from weir.kernel.declares import SIGNATURE_CHARACTERS
from weir.kernel.inputs import wrong
from weir.kernel.outcomes import Refusal
from weir.portal.desk.desk import Desk
from weir.portal.desk.names import parties_of, products_of
from weir.portal.management import Document, place
from weir.portal.renderer import redirect

_PER_CENT: Final = re.compile(r"\d{1,3}(\.\d{1,2})?")
_MOMENTS: Final = ("proposed_at", "effective_from", "effective_at", "ended_at")


async def show_list(desk: Desk) -> Response:
    """List the organisation's agreements, proposed ones first."""
    found = [_dated(each) for each in await desk.management.all("/v1/agreements")]
    return desk.page(
        "money/agreements.html",
        agreements=sorted(found, key=lambda each: each["status"] != "proposed"),
        products=await products_of(desk, (each["product"] for each in found)),
        parties=await parties_of(desk),
    )


async def show(desk: Desk) -> Response:
    """Show one agreement: its terms in words and as they are signed, which signatures hold, and the
    trial of the past period that the address names.
    """
    agreement = await _agreement(desk)
    desk, trial = await _tried(desk, agreement["id"])
    checked = check(read(agreement), desk.portal.authorization.authority.root_pem.encode())
    own = desk.organisation.id
    simple, further = _parted(agreement["shares"])
    return desk.page(
        "money/agreement.html",
        agreement=_dated(agreement),
        signatures={each["organisation"]: each for each in agreement["signatures"]},
        verified=checked.signed_by,
        mine_is_missing=own in agreement["needed"] and own not in agreement["accepted"],
        simple=simple,
        further=further,
        trial=trial,
        period=desk.request.query_params.get("period") or _this_month(desk),
        products=await products_of(desk, [agreement["product"]]),
        parties=await parties_of(desk),
    )


async def _tried(desk: Desk, agreement: str) -> tuple[Desk, Document | None]:
    """Return the desk and the trial that the address asks for, or None without one.

    A refused trial is the returned desk's refusal, which the page shows.
    """
    period = desk.request.query_params.get("period")
    if period is None or desk.fields:
        return desk, None
    path = f"/v1/agreements/{place(agreement)}/trial"
    try:
        return desk, await desk.management.get(path, period=period.strip())
    except Refusal as refusal:
        if refusal.outcome.status >= 500:
            raise
        return replace(desk, refusal=refusal), None


def _this_month(desk: Desk) -> str:
    return f"{desk.portal.database.clock.now().astimezone(UTC):%Y-%m}"


async def download(desk: Desk) -> Response:
    """Answer with the exact bytes that are signed."""
    agreement = await _agreement(desk)
    disposition = f'attachment; filename="{agreement["id"]}.terms.json"'
    headers = {"content-disposition": disposition}
    return Response(agreement["terms"].encode(), media_type="application/json", headers=headers)


async def act(desk: Desk) -> Response:
    """Accept the agreement by a signature, counter it with other terms, or decline or end it."""
    path = f"/v1/agreements/{place(desk.named('agreement'))}"
    match desk.fields.get("act"):
        case "accept":
            signature = "".join(desk.fields.get("signature", "").split())
            if not signature:
                raise wrong(
                    "/signature", "paste it, or choose its file", "请粘贴签名或选择签名文件"
                )
            if len(signature) > SIGNATURE_CHARACTERS:
                raise wrong("/signature", "is too long to be one", "过长，不是有效签名")
            await desk.management.post(f"{path}/accept", {"signature": signature}, desk.form_key)
        case "counter":
            made = await desk.management.post(f"{path}/counter", _terms(desk.fields), desk.form_key)
            return redirect(f"/desk/agreements/{made['id']}")
        case "end":
            await desk.management.post(f"{path}/end")
    return redirect(desk.request.url.path)


async def show_new(desk: Desk) -> Response:
    """Show the form that proposes a first split of an own product."""
    product = await desk.management.get(f"/v1/products/{place(desk.named('product'))}")
    return desk.page("money/agreement_new.html", product=product, simple={}, further="")


async def propose(desk: Desk) -> Response:
    """Propose the split, and go on to its signature."""
    given = _terms(desk.fields) | {"currency": desk.fields.get("currency", "").strip().upper()}
    path = f"/v1/products/{place(desk.named('product'))}/agreements"
    made = await desk.management.post(path, given, desk.form_key)
    return redirect(f"/desk/agreements/{made['id']}")


def _terms(fields: dict[str, str]) -> Document:
    """Return the terms of a form: per cent for the three roles, further shares as JSON."""
    shares = []
    for role in ROLES:
        typed = fields.get(f"share_{role}", "").strip()
        if not typed:
            continue
        if not _PER_CENT.fullmatch(typed):
            why = "must be per cent with up to two decimals, such as 12.5"
            raise wrong(f"/share_{role}", why, "须为百分比，最多两位小数，如 12.5")
        shares.append({"party": role, "weight": int(Decimal(typed) * 100)})
    return {
        "shares": [*shares, *_further(fields.get("further", ""))],
        "effective_from": _from(fields.get("effective_from", "").strip()),
        "billable": "answered" if fields.get("answered") else "succeeded",
        "rounding": fields.get("rounding", "half_even"),
    }


def _further(text: str) -> list[Any]:
    if not text.strip():
        return []
    try:
        read_terms = json.loads(text)
    except (ValueError, RecursionError):
        read_terms = None
    if not isinstance(read_terms, list):
        raise wrong("/further", "must be a JSON list of terms", "须为条款的 JSON 列表")
    return read_terms


def _from(day: str) -> str:
    """Return midnight in UTC of the day, or now when none is given."""
    if not day:
        return datetime.now(UTC).isoformat(timespec="seconds")
    return f"{day}T00:00:00Z"


def _parted(shares: Sequence[Document]) -> tuple[dict[str, str], str]:
    """Return per cent by role, and the remaining shares as JSON text, as the form shows both."""
    plain = [each for each in shares if each["party"] in ROLES and each.keys() == _PLAIN]
    simple = {each["party"]: f"{Decimal(each['weight']) / 100:f}" for each in plain}
    rest = [each for each in shares if each not in plain]
    return simple, json.dumps(rest, ensure_ascii=False, indent=2) if rest else ""


_PLAIN: Final = {"party": 0, "weight": 0}.keys()


async def _agreement(desk: Desk) -> Document:
    return await desk.management.get(f"/v1/agreements/{place(desk.named('agreement'))}")


def _dated(agreement: Document) -> Document:
    """Replace the agreement's times by datetimes, so that a page can show them in its zone."""
    read_moments = {
        name: datetime.fromisoformat(agreement[name]) if agreement[name] else None
        for name in _MOMENTS
    }
    return agreement | read_moments
