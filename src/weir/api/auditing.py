"""The audit chain: whether anybody altered what it holds, or a consent behind its back."""

from __future__ import annotations

from weir.api.guarding import Using, new_router
from weir.api.models import Shown
from weir.consent import auditing

router = new_router("audit")


class ChainFinding(Shown):
    """A place where an organisation's chain does not hold."""

    organisation: str
    number: int
    why: str


class RowFinding(Shown):
    """A consent that is not as the platform last wrote it."""

    consent: str
    why: str


class AuditReport(Shown):
    """What a verification found; `intact` when nothing."""

    intact: bool
    chains: list[ChainFinding]
    consents: list[RowFinding]


@router.get(
    "/audit/verification",
    operation_id="verify_audit",
    summary="Check every audit chain and every consent against it",
)
async def verify_audit(services: Using) -> AuditReport:
    async with services.database.connect() as connection:
        chains = await services.journal.verify(connection)
        rows = await auditing.check_rows(connection)
    return AuditReport(
        intact=not chains and not rows,
        chains=[ChainFinding.model_validate(each) for each in chains],
        consents=[RowFinding.model_validate(each) for each in rows],
    )
