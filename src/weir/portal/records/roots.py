"""One signed root over all seals: verified when it is shown, downloaded to verify elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from starlette.responses import Response

from weir.kernel.merkle import verify_consistency
from weir.kernel.seals import PublicKey, Root, signature_fault
from weir.kernel.witnesses import WitnessedRoot, witness_fault
from weir.portal.desk.desk import Desk
from weir.portal.desk.names import parties_of
from weir.portal.management import place

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def show(desk: Desk) -> Response:
    """Show the root, whether its signature and its witnesses' hold, and whether it extends the root
    before it, so that no record under that one was rewritten.
    """
    size = place(desk.named("size"))
    held = msgspec.convert(await desk.management.get(f"/v1/records/roots/{size}"), WitnessedRoot)
    listed = (await desk.management.get("/v1/records/keys"))["items"]
    keys = {each["kid"]: msgspec.convert(each, PublicKey) for each in listed}
    earlier = (await desk.management.get("/v1/records/roots", after=size))["items"]
    # One over no seals begins every other, and is no address.
    roots = (msgspec.convert(each["root"], Root) for each in earlier)
    before = next((each for each in roots if each.size), None)
    return desk.page(
        "records/root.html",
        root=held.root,
        signed_at=_EPOCH + timedelta(microseconds=held.root.at_us),
        fault=signature_fault(held.root, keys),
        witnesses=[(each, witness_fault(held.root, each)) for each in held.witnesses],
        before=before,
        follows=before is not None and await _follows(desk, before, held.root),
        statement=held.root.statement().decode(),
        parties=await parties_of(desk),
    )


async def download(desk: Desk) -> Response:
    """Download the root and its witnesses as they can be checked offline."""
    size = place(desk.named("size"))
    found = await desk.management.fetch(f"/v1/records/roots/{size}")
    headers = {"content-disposition": f'attachment; filename="root-{size}.json"'}
    return Response(found, media_type="application/json", headers=headers)


async def _follows(desk: Desk, before: Root, root: Root) -> bool:
    """Whether the root's tree begins with the tree of the root before it (RFC 9162)."""
    path = f"/v1/records/roots/{root.size}/consistency"
    proof = (await desk.management.get(path, since=str(before.size)))["path"]
    return verify_consistency(
        before.size,
        bytes.fromhex(before.root),
        root.size,
        bytes.fromhex(root.root),
        [bytes.fromhex(each) for each in proof],
    )
