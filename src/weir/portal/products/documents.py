"""OpenAPI documents: import one by the browser, and see its findings against the standard."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from weir.kernel.inputs import wrong
from weir.portal.desk.desk import Desk
from weir.portal.management import place
from weir.portal.products.excerpts import Source
from weir.portal.renderer import redirect


async def show_list(desk: Desk) -> Response:
    """List the organisation's documents."""
    return desk.page(
        "products/documents.html", documents=await desk.management.all("/v1/documents")
    )


async def show_new(desk: Desk) -> Response:
    """Show the form: a file, or the text itself."""
    return desk.page("products/document_new.html")


async def import_document(desk: Desk) -> Response:
    """Import the document, and go on to its findings. INVALID_INPUT when it is empty."""
    source = desk.fields.get("source", "")
    if not source.strip():
        raise wrong("/source", "choose a file or paste the document", "请选择文件或粘贴文档内容")
    made = await desk.management.upload(
        "/v1/documents",
        source.encode(),
        slug=desk.fields.get("slug", "").strip(),
        backend_url=desk.fields.get("backend_url", "").strip(),
    )
    return redirect(f"/desk/documents/{made['document']['id']}")


async def show(desk: Desk) -> Response:
    """Show the findings beside the lines they are about, then the operations."""
    path = f"/v1/documents/{place(desk.named('document'))}"
    document = await desk.management.get(path)
    findings = await desk.management.get(f"{path}/findings")
    raw = await desk.management.fetch(f"{path}/source")
    source = await asyncio.to_thread(Source, raw.decode(errors="replace"))
    return desk.page(
        "products/document.html",
        document=document,
        findings=[
            (each, None if each["in_older"] else source.around(each["pointer"]))
            for each in findings["items"]
        ],
        more=findings["next"] is not None,
        capabilities=await desk.management.all(f"{path}/capabilities"),
    )
