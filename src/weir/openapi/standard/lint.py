"""Lint: hold a document to the standard's closed list of rules and list the findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from weir.openapi.declares import STANDARD_FINDINGS, STANDARD_PLACES
from weir.openapi.grammar import Version
from weir.openapi.standard import (
    errors,
    formats,
    idempotency,
    labels,
    levels,
    names,
    pagination,
    soundness,
    versions,
)
from weir.openapi.standard.breaking_changes import CHANGES
from weir.openapi.standard.document_view import Reading
from weir.openapi.standard.rules import SEVERITIES, Checked, Finding, Rule

GROUPS: Final[dict[str, tuple[Checked, ...]]] = {
    "Naming": names.CHECKS,
    "Versions": versions.CHECKS,
    "Errors": errors.CHECKS,
    "Pagination": pagination.CHECKS,
    "Idempotency": idempotency.CHECKS,
    "Money and time": formats.CHECKS,
    "Labels and grades": labels.CHECKS,
    "Levels and identifiers": levels.CHECKS,
    "The document": soundness.CHECKS,
}
# All rules, also of breaking changes, in the order they are printed.
RULES: Final[dict[str, Rule]] = {rule.id: rule for rule in CHANGES} | {
    rule.id: rule for checks in GROUPS.values() for rule, _ in checks
}


def judge(document: dict[str, Any], version: Version) -> list[Finding]:
    """Return the findings on a validated document, errors first; each place once a rule.

    At most STANDARD_PLACES of one rule, so that no rule crowds out another, and STANDARD_FINDINGS.
    """
    reading = Reading(document, version)
    found: dict[tuple[str, str], Finding] = {}
    for checks in GROUPS.values():
        for rule, check in checks:
            taken = 0
            for pointer, subject in check(reading):
                key = (rule.id, pointer)
                if key in found:
                    continue
                if taken == STANDARD_PLACES or len(found) == STANDARD_FINDINGS:
                    break
                taken += 1
                found[key] = Finding(rule.id, pointer, subject[:200])
    return in_order(found.values())


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings by severity (errors first), then by rule; within a rule they stay in order."""
    place = {rule: number for number, rule in enumerate(RULES)}
    return sorted(
        findings,
        key=lambda each: (SEVERITIES.index(RULES[each.rule].severity), place[each.rule]),
    )


def tally(findings: Iterable[Finding]) -> dict[str, int]:
    """Return the number of findings of each severity."""
    counts = Counter(RULES[each.rule].severity for each in findings)
    return {severity: counts[severity] for severity in SEVERITIES}
