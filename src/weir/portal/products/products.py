"""An organisation's own products: draft one from a document, add plans, publish, retire."""

from __future__ import annotations

from starlette.responses import Response

from weir.kernel.inputs import digits, wrong
from weir.portal.desk.desk import Desk
from weir.portal.management import Document, place
from weir.portal.renderer import redirect
from weir.shelf.scenes import SCENES

_CHOSEN = "capability."
_SAID = ("description", "description_zh", "suits_en", "suits_zh")


async def show_list(desk: Desk) -> Response:
    """List every version, drafts too."""
    return desk.page("products/products.html", products=await desk.management.all("/v1/products"))


async def show_new(desk: Desk) -> Response:
    """Show the form of a new product, with the operations of the chosen document."""
    documents = await desk.management.all("/v1/documents")
    wanted = desk.request.query_params.get("document") or desk.fields.get("document")
    document = next((each for each in documents if each["id"] == wanted), None)
    capabilities: list[Document] = []
    if document is not None:
        capabilities = await desk.management.all(
            f"/v1/documents/{place(document['id'])}/capabilities"
        )
    return desk.page(
        "products/product_new.html",
        documents=documents,
        document=document,
        capabilities=capabilities,
        SCENES=SCENES,
    )


async def draft(desk: Desk) -> Response:
    """Draft the product, and go on to its plans. INVALID_INPUT when no operation is chosen."""
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
    made = await desk.management.post("/v1/products", given, desk.form_key)
    return redirect(f"/desk/products/{made['id']}")


async def show(desk: Desk) -> Response:
    """Show one version: its capabilities, its breaking changes, plans and agreements."""
    path = f"/v1/products/{place(desk.named('product'))}"
    product = await desk.management.get(path)
    return desk.page(
        "products/product_own.html",
        product=product,
        capabilities=[
            await desk.management.get(f"/v1/capabilities/{place(each)}")
            for each in product["capabilities"]
        ],
        changes=await desk.management.get(f"{path}/changes"),
        plans=(await desk.management.get(f"{path}/plans"))["items"],
        agreements=(await desk.management.get(f"{path}/agreements"))["items"],
    )


async def act(desk: Desk) -> Response:
    """Publish or retire the version, add a plan or withdraw one."""
    own = f"/desk/products/{desk.named('product')}"
    path = f"/v1/products/{place(desk.named('product'))}"
    match desk.fields.get("act"):
        case "publish":
            await desk.management.post(f"{path}/publish", key=desk.form_key)
        case "retire":
            await desk.management.post(f"{path}/retire")
        case "plan":
            await desk.management.post(f"{path}/plans", _plan(desk.fields), desk.form_key)
        case "withdraw-plan":
            plan = place(desk.fields.get("plan", ""))
            await desk.management.post(f"/v1/plans/{plan}/withdraw")
    return redirect(own)


def _plan(fields: dict[str, str]) -> Document:
    """Return a plan with one price for each call; the API and command line take other pricings."""
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
    """Return a whole number; an empty text means unlimited. Other texts are left to the API to
    refuse.
    """
    number = digits(text)
    return text.strip() or "unlimited" if number is None else number
