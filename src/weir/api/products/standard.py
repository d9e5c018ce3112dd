"""Findings against the standard: of an imported document, and of a product's breaking changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import Query

from weir.api.guard import CallerDep, ServicesDep, new_router
from weir.api.models import Name, Page, Shown
from weir.api.products.products import get_visible
from weir.kernel.declares import PAGE_ROWS
from weir.openapi.declares import STANDARD_FINDINGS
from weir.openapi.standard.lint import RULES
from weir.openapi.standard.rules import Finding
from weir.shelf import documents, standard_findings

router = new_router("standard")


class FindingView(Shown):
    """One place that breaks a rule. `pointer` leads into the document, or with `in_older` into the
    document of the version before; `subject` names what is there.
    """

    rule: str
    severity: Literal["error", "warning", "advice"]
    pointer: str
    in_older: bool
    subject: str
    what: str
    what_zh: str
    reason: str
    reason_zh: str
    mend: str
    mend_zh: str
    source: str


class ChangesView(Shown):
    """The changes that break callers of the version before, `against`; null when there was none.
    `changes` has at most one page of them; `total` counts all.
    """

    against: str | None
    total: int
    changes: list[FindingView]


@router.get(
    "/documents/{document}/findings",
    operation_id="list_findings",
    summary="List what in a document breaks the standard, errors first",
)
async def list_findings(
    document: Name,
    caller: CallerDep,
    services: ServicesDep,
    after: Annotated[int, Query(ge=0, le=STANDARD_FINDINGS)] = 0,
) -> Page[FindingView]:
    async with services.database.connect() as connection:
        caller.reach((await documents.get(connection, document)).owner)
        parsed = await documents.parsed_of(connection, document)
    found = await standard_findings.findings_in(parsed)
    end = after + PAGE_ROWS
    following = str(end) if end < len(found) else None
    return Page(items=_views(found[after:end]), next=following)


@router.get(
    "/products/{product}/changes",
    operation_id="list_breaking_changes",
    summary="List what in a product version breaks callers of the version before it",
)
async def list_breaking_changes(
    product: Name, caller: CallerDep, services: ServicesDep
) -> ChangesView:
    async with services.database.connect() as connection:
        found = await get_visible(connection, caller, product)
        against, changes = await standard_findings.breaking_changes(connection, found)
    shown = _views(changes[:PAGE_ROWS])
    return ChangesView(against=against, total=len(changes), changes=shown)


def _views(found: Sequence[Finding]) -> list[FindingView]:
    return [_view(each) for each in found]


def _view(finding: Finding) -> FindingView:
    rule = RULES[finding.rule]
    return FindingView(
        rule=rule.id,
        severity=rule.severity,  # type: ignore[arg-type] # one of the closed list SEVERITIES
        pointer=finding.pointer,
        in_older=finding.in_older,
        subject=finding.subject,
        what=rule.what,
        what_zh=rule.what_zh,
        reason=rule.reason,
        reason_zh=rule.reason_zh,
        mend=rule.mend,
        mend_zh=rule.mend_zh,
        source=rule.source,
    )
