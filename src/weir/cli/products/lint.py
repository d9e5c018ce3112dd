"""`weir lint`: check an OpenAPI document against the standard, without a platform."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from weir.cli.failures import CommandError
from weir.cli.output import AsJson, show_json

if TYPE_CHECKING:
    from weir.openapi.standard.rules import Finding

_SHOWN: Final = 5  # places of one rule, unless all are asked for
_WORDS: Final = {
    "en": ("error", "warning", "advice", "why", "mend", "and {} more; --all shows them"),
    "zh": ("错误", "警告", "建议", "原因", "修改", "另有 {} 处，可用 --all 查看"),
}


def lint(
    file: Annotated[Path, typer.Argument(help="An OpenAPI 2.0, 3.0 or 3.1 document.")],
    against: Annotated[
        Path | None, typer.Option(help="The version before it, to find breaking changes.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show all places, not only the first few.")
    ] = False,
    language: Annotated[str, typer.Option(help="Language of the findings: en or zh.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Check a document against the standard, offline. Exits with 1 if there are errors."""
    from weir.openapi.standard.comparison import announces, compare
    from weir.openapi.standard.lint import in_order, judge, tally

    if language not in _WORDS:
        raise CommandError("--language is en or zh.")
    document = _read(file)
    findings = judge(*document)
    failed = tally(findings)["error"] > 0
    announced = False
    if against is not None:
        before = _read(against)
        changes = compare(before, document)
        announced = announces(before[0], document[0])
        failed = failed or (bool(changes) and not announced)
        findings = in_order(changes + findings)
    if as_json:
        show_json({"findings": [to_json(each) for each in findings], "announced": announced})
    else:
        _show(findings, language, every, str(file), announced)
    raise typer.Exit(1 if failed else 0)


def to_json(finding: Finding) -> dict[str, Any]:
    """Return a finding with its rule's words, as plain JSON values.

    Keys: `rule`, `severity`, `pointer`, `in_older`, `subject`, `what`, `reason`, `mend` (each of
    the three in `en` and `zh`) and `source`.
    """
    from weir.openapi.standard.lint import RULES

    rule = RULES[finding.rule]
    return {
        "rule": rule.id,
        "severity": rule.severity,
        "pointer": finding.pointer,
        "in_older": finding.in_older,
        "subject": finding.subject,
        "what": {"en": rule.what, "zh": rule.what_zh},
        "reason": {"en": rule.reason, "zh": rule.reason_zh},
        "mend": {"en": rule.mend, "zh": rule.mend_zh},
        "source": rule.source,
    }


def _read(file: Path) -> tuple[dict[str, Any], Any]:
    """Return a document as regenerated, and its OpenAPI version. CommandError."""
    from weir.kernel.outcomes import Refusal
    from weir.openapi.operations import import_document
    from weir.openapi.regeneration import regenerate

    try:
        parsed = import_document(file.read_bytes())
    except OSError as error:
        raise CommandError(f"The file {file} cannot be read.") from error
    except Refusal as refusal:
        where, why = (str(refusal.public.get(name, "")) for name in ("pointer", "why"))
        raise CommandError(f"{file} at {where or 'its root'}: {why}") from refusal
    return regenerate(parsed), parsed.version


def _show(findings: list[Finding], language: str, every: bool, name: str, announced: bool) -> None:
    from weir.openapi.standard.lint import tally

    words = _WORDS[language]
    for rule, group in groupby(findings, lambda each: each.rule):
        _show_rule(rule, list(group), language, every)
    counts = tally(findings)
    if not findings:
        print(f"{name}: nothing to mend." if language == "en" else f"{name}：无需修改。")
        return
    listed = ", ".join(
        f"{counts[severity]} {words[number]}{'s' if _many(severity, counts, language) else ''}"
        for number, severity in enumerate(("error", "warning", "advice"))
    )
    print(f"{name}: {listed}")
    if announced and any(each.rule.startswith("breaking-") for each in findings):
        print(
            "The major version was raised: what breaks is announced, and fails nothing."
            if language == "en"
            else "主版本号已提升：不兼容变更已声明，不视为失败。"
        )


def _many(severity: str, counts: dict[str, int], language: str) -> bool:
    return language == "en" and severity != "advice" and counts[severity] != 1


def _show_rule(name: str, found: list[Finding], language: str, every: bool) -> None:
    from weir.openapi.standard.lint import RULES
    from weir.openapi.standard.rules import SEVERITIES

    rule, words = RULES[name], _WORDS[language]
    english = language == "en"
    print(f"{words[SEVERITIES.index(rule.severity)]} {rule.id} ({len(found)})")
    print(f"  {rule.what if english else rule.what_zh}")
    print(f"  {words[3]}: {rule.reason if english else rule.reason_zh} [{rule.source}]")
    print(f"  {words[4]}: {rule.mend if english else rule.mend_zh}")
    for each in found if every else found[:_SHOWN]:
        where = f"{each.pointer or '/'}{' (older document)' if each.in_older else ''}"
        print(f"    {where}  {each.subject}")
    if not every and len(found) > _SHOWN:
        print(f"    {words[5].format(len(found) - _SHOWN)}")
    print()
