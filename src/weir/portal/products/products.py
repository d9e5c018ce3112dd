"""Products of one's own: drafting one from a document's operations, its plans, the shelf."""

from __future__ import annotations

from starlette.responses import Response

from weir.kernel.inputs import digits, wrong
from weir.portal.desk.desk import Desk
from weir.portal.management import Document, place
from weir.portal.renderer import go
from weir.shelf.scenes import SCENES

_CHOSEN = "capability."
_SAID = ("description", "description_zh", "suits_en", "suits_zh")


async def show_list(desk: Desk) -> Response:
    """Every version, drafts too."""
    return desk.page("products/products.html", products=await desk.asking.all("/v1/products"))


async def show_new(desk: Desk) -> Response:
    """Which operations of which document, and how the product is called."""
    documents = await desk.asking.all("/v1/documents")
    wanted = desk.request.query_params.get("document") or desk.fields.get("document")
    document = next((each for each in documents if each["id"] == wanted), None)
    capabilities: list[Document] = []
    if document is not None:
        capabilities = await desk.asking.all(f"/v1/documents/{place(document['id'])}/capabilities")
    return desk.page(
        "products/product_new.html",
        documents=documents,
        document=document,
        capabilities=capabilities,
        SCENES=SCENES,
    )


async def draft(desk: Desk) -> Response:
    """Draft it, and go on to its plans."""
    fields = desk.fields
    chosen = [name.removeprefix(_CHOSEN) for name in fields if name.startswith(_CHOSEN)]
    if not chosen:
        raise wrong("/capability", "choose at least one operation", "请至少选择一个操作")
    given: Document = {
        "slug": fields.get("slug", "").strip(),
        "direction": "go-out" if desk.organisation.kind == "member" else "bring-in",
        "title_en": fields.get("title_en", "").strip(),
        "title_zh": fields.get("title_zh", "").strip(),
        **{name: fields.get(name, "").strip() for name in _SAID},
        "scenes": [name for name in SCENES if fields.get(f"scene.{name}")],
        "sandbox": bool(fields.get("sandbox")),
        "capabilities": chosen,
    }
    made = await desk.asking.post("/v1/products", given, desk.form_key)
    return go(f"/desk/products/{made['id']}")


async def show(desk: Desk) -> Response:
    """One version: what it holds, what it breaks, its plans, and its agreements."""
    path = f"/v1/products/{place(desk.named('product'))}"
    product = await desk.asking.get(path)
    return desk.page(
        "products/product_own.html",
        product=product,
        capabilities=[
            await desk.asking.get(f"/v1/capabilities/{place(each)}")
            for each in product["capabilities"]
        ],
        changes=await desk.asking.get(f"{path}/changes"),
        plans=(await desk.asking.get(f"{path}/plans"))["items"],
        agreements=(await desk.asking.get(f"{path}/agreements"))["items"],
    )


async def act(desk: Desk) -> Response:
    """What the page's buttons do."""
    own = f"/desk/products/{desk.named('product')}"
    path = f"/v1/products/{place(desk.named('product'))}"
    match desk.fields.get("act"):
        case "publish":
            await desk.asking.post(f"{path}/publish", key=desk.form_key)
        case "retire":
            await desk.asking.post(f"{path}/retire")
        case "plan":
            await desk.asking.post(f"{path}/plans", _plan(desk.fields), desk.form_key)
        case "withdraw-plan":
            plan = place(desk.fields.get("plan", ""))
            await desk.asking.post(f"/v1/plans/{plan}/withdraw")
    return go(own)


def _plan(fields: dict[str, str]) -> Document:
    """A plan with one price a call; other pricings are for the API and the command line."""
    period = fields.get("quota_period") or None
    price = fields.get("price", "").strip()
    free: list[Document] = []
    components = free if price in ("", "0") else [{"kind": "per_call", "price": price}]
    return {
        "name": fields.get("plan_name", "").strip(),
        "currency": fields.get("currency", "").strip().upper(),
        "pricing": {"components": components},
        "rate_per_s": _limit(fields.get("rate_per_s", "")),
        "quota": _limit(fields.get("quota", "")),
        "quota_period": period,
        "auto_approve": bool(fields.get("auto_approve")),
    }


def _limit(text: str) -> int | str:
    """A whole number, or unlimited when nothing was written."""
    number = digits(text)
    return text.strip() or "unlimited" if number is None else number
