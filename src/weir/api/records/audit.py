"""The audit trail: its entries, and the verification of its chains and of consents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Query
from pydantic import AwareDatetime

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Name, Page, Shown
from weir.audit import trail
from weir.consent import integrity
from weir.kernel import inputs
from weir.kernel.declares import PAGE_ROWS
from weir.partners import organisations

router = new_router("audit")


_PLACE: Final = re.compile(r"([0-9T:.+Z-]{20,40})~([a-z0-9_]{1,40})~([0-9]{1,15})", re.ASCII)
_Moment = Annotated[AwareDatetime | None, Query()]


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """Filters of the search; a filter that is left out matches every entry."""

    organisation: Name | None = None
    event: Annotated[str | None, Query(max_length=64)] = None
    touching: Annotated[
        str | None, Query(max_length=64, description="Identifier of the subject or the actor.")
    ] = None
    since: _Moment = None
    until: _Moment = None


class ChainFinding(Shown):
    """A place where an organisation's audit chain does not hold."""

    organisation: str
    number: int
    why: str


class RowFinding(Shown):
    """A consent that differs from what the platform last wrote."""

    consent: str
    why: str


class AuditReport(Shown):
    """The findings of a verification; `intact` when there are none."""

    intact: bool
    chains: list[ChainFinding]
    consents: list[RowFinding]


@router.get(
    "/audit/verification",
    operation_id="verify_audit",
    summary="Check all audit chains, and all consents against them",
)
async def verify_audit(services: ServicesDep) -> AuditReport:
    async with services.database.connect() as connection:
        chains = await services.journal.verify(connection)
        rows = await integrity.check_rows(connection)
    return AuditReport(
        intact=not chains and not rows,
        chains=[ChainFinding.model_validate(each) for each in chains],
        consents=[RowFinding.model_validate(each) for each in rows],
    )


class EntryView(Shown):
    """One entry of the audit trail. `actor` is a person, an application or a process."""

    organisation: str
    number: int
    at: datetime
    actor_organisation: str
    actor: str
    event: str
    subject: str
    detail: dict[str, Any]


@router.get(
    "/audit/entries",
    operation_id="search_audit_trail",
    summary="Search the audit trail by organisation, event, subject and time, newest first",
)
async def search_audit_trail(
    caller: CallerDep,
    services: ServicesDep,
    wanted: Annotated[AuditFilters, Depends()],
    after: Annotated[
        str | None, Query(max_length=120, description="`next` of the page before.")
    ] = None,
) -> Page[EntryView]:
    async with services.database.connect() as connection:
        own = None if caller.kind in caller.rule.every else caller.organisation.id
        if wanted.organisation is not None:
            own = (await organisations.get(connection, wanted.organisation)).id
            caller.reach(own)
        search = trail.Search(own, wanted.event, wanted.touching, wanted.since, wanted.until)
        found = await trail.search(connection, search, _place(after))
    items = [EntryView.model_validate(each) for each in found]
    return Page(items=items, next=_next(items))


def _next(items: list[EntryView]) -> str | None:
    if len(items) < PAGE_ROWS:
        return None
    last = items[-1]
    return f"{last.at.isoformat()}~{last.organisation}~{last.number}"


def _place(after: str | None) -> tuple[datetime, str, int] | None:
    """Parse `next` of the page before: the time, organisation and number of its last entry.

    None for the first page. INVALID_INPUT for another text.
    """
    if after is None:
        return None
    found = _PLACE.fullmatch(after)
    try:
        at = datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        at = None
    if found is None or at is None or at.tzinfo is None:
        raise inputs.wrong("query:after", "must be `next` of a page", "须为上一页的 next 值")
    return at, found[2], int(found[3])
