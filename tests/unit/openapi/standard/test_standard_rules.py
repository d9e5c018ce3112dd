"""Each rule finds what it is for, and nothing in a document that keeps them all."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from weir.openapi.operations import import_document
from weir.openapi.regeneration import regenerate
from weir.openapi.standard.lint import GROUPS, RULES, judge, tally

ROOT = Path(__file__).parents[4]
SANDBOX = sorted((ROOT / "src" / "weir_sandbox" / "documents").glob("*.*"))
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PROBLEM = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("type", "title", "status")},
}


def good() -> dict[str, Any]:
    """A document that keeps every rule."""
    marks = {"x-weir-label": "C2", "x-weir-grade": 3}
    order = {
        "type": "object",
        **marks,
        "properties": {
            "amount": {"type": "string", "pattern": "^[0-9]+[.][0-9]{2}$"},
            "decided_at": {"type": "string", "format": "date-time"},
            "due_date": {"type": "string", "format": "date"},
        },
    }
    problem = {"description": "No.", "content": {"application/problem+json": {"schema": PROBLEM}}}
    key = {"name": "Idempotency-Key", "in": "header", "required": True, **marks}
    post = {
        "operationId": "pay",
        "summary": "Pay",
        "x-summary-zh": "支付",
        "x-weir-level": "A2",
        "x-weir-api-id": "OP000001A202000100000001",
        "security": [{"key": []}],
        "parameters": [{**key, "schema": {"type": "string"}}],
        "requestBody": {"content": {"application/json": {"schema": order}}},
        "responses": {"200": {"description": "Done."}, "default": problem},
    }
    cursor, limit = (
        {"name": name, "in": "query", "x-weir-label": "none", "x-weir-grade": 1, "schema": schema}
        for name, schema in (
            ("cursor", {"type": "string"}),
            ("limit", {"type": "integer", "maximum": 9}),
        )
    )
    listed = {
        "type": "object",
        **marks,
        "properties": {
            "payments": {"type": "array", "items": order},
            "next_cursor": {"type": "string"},
        },
    }
    get = {
        **{name: post[name] for name in ("x-summary-zh", "summary", "x-weir-level", "security")},
        "operationId": "list",
        "x-weir-api-id": "OP000001A202000100000002",
        "parameters": [cursor, limit],
        "responses": {
            "200": {"description": "A page.", "content": {"application/json": {"schema": listed}}},
            "default": problem,
        },
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1.0.0"},
        "paths": {"/payments": {"post": post, "get": get}},
        "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "k"}}},
    }


PAY = ("paths", "/payments", "post")
LIST = ("paths", "/payments", "get")
ORDER = (*PAY, "requestBody", "content", "application/json", "schema")
FIELDS = (*ORDER, "properties")
ERROR = (*PAY, "responses", "default", "content")
GONE = object()
C3 = {"type": "string", "x-weir-label": "C3", "x-weir-grade": 4}
# What to change in the good document so that exactly one place breaks the rule.
BREAKS: list[tuple[str, tuple[Any, ...], Any]] = [
    ("naming-operation-id", (*PAY, "operationId"), GONE),
    ("naming-operation-id-plain", (*PAY, "operationId"), "pay it!"),
    ("naming-path", ("paths", "/Payments"), {"get": good()["paths"]["/payments"]["get"]}),
    ("naming-fields", (*FIELDS, "payeeName"), {"type": "string"}),
    ("naming-summary", (*PAY, "summary"), ""),
    ("naming-summary-zh", (*PAY, "x-summary-zh"), "Pay"),
    ("version-semantic", ("info", "version"), "2024"),
    ("version-not-in-path", ("paths", "/v1/p"), {"get": good()["paths"]["/payments"]["get"]}),
    ("version-sunset", (*PAY, "deprecated"), True),
    ("errors-declared", (*PAY, "responses"), {"200": {"description": "Done."}}),
    ("errors-problem", ERROR, {"application/json": {"schema": PROBLEM}}),
    ("errors-problem-members", (*ERROR, "application/problem+json", "schema"), {"type": "object"}),
    (
        "errors-inside",
        (*ERROR, "application/problem+json", "schema", "properties", "stackTrace"),
        {"type": "string"},
    ),
    ("paging-list", (*LIST, "parameters"), []),
    (
        "paging-next",
        (
            *(*LIST, "responses", "200", "content", "application/json", "schema"),
            *("properties", "next_cursor"),
        ),
        GONE,
    ),
    ("paging-most", (*LIST, "parameters", 1, "schema", "maximum"), GONE),
    ("idempotency-key", (*PAY, "parameters"), []),
    ("idempotency-required", (*PAY, "parameters", 0, "required"), False),
    (
        "idempotency-body",
        (*LIST, "requestBody"),
        {"content": {"application/json": {"schema": {"type": "object"}}}},
    ),
    ("money-exact", (*FIELDS, "amount", "type"), "number"),
    ("money-pattern", (*FIELDS, "amount", "pattern"), GONE),
    ("time-moment", (*FIELDS, "decided_at", "type"), "integer"),
    ("time-day", (*FIELDS, "due_date", "format"), GONE),
    ("label-missing", (*ORDER, "x-weir-label"), GONE),
    ("grade-missing", (*ORDER, "x-weir-grade"), GONE),
    ("label-known", (*ORDER, "x-weir-label"), "C4"),
    ("grade-known", (*ORDER, "x-weir-grade"), True),
    ("grade-fits-label", (*ORDER, "x-weir-grade"), 2),
    (
        "label-c3-answered",
        (
            *(*LIST, "responses", "200", "content", "application/json", "schema"),
            *("properties", "seed"),
        ),
        C3,
    ),
    ("label-c3-address", (*LIST, "parameters", 0, "schema"), C3),
    ("label-c2-query", (*LIST, "parameters", 0, "x-weir-label"), "C2"),
    ("label-secret", (*FIELDS, "password"), {"type": "string"}),
    ("level-known", (*PAY, "x-weir-level"), "B1"),
    ("level-a1-public", (*PAY, "x-weir-level"), "A1"),
    ("level-a2-guarded", (*PAY, "security"), []),
    ("api-id-missing", (*PAY, "x-weir-api-id"), GONE),
    ("api-id-form", (*PAY, "x-weir-api-id"), "OP000001A20200010000000"),
    ("api-id-level", (*PAY, "x-weir-api-id"), "OP000001A102000100000001"),
    ("api-id-distinct", (*PAY, "x-weir-api-id"), "OP000001A202000100000002"),
    ("api-id-service", (*PAY, "x-weir-api-id"), "OP000001A299000100000001"),
]


def changed(place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(good())
    holder: Any = document
    for step in place[:-1]:
        holder = holder[step]
    if value is GONE:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return document


def test_a_document_that_keeps_the_standard_has_no_findings() -> None:
    assert judge(good(), "3.0") == []


@pytest.mark.parametrize(("rule", "place", "value"), BREAKS, ids=[each[0] for each in BREAKS])
def test_a_rule_finds_what_breaks_it(rule: str, place: tuple[Any, ...], value: Any) -> None:
    assert rule in {each.rule for each in judge(changed(place, value), "3.0")}


def test_every_rule_is_tried() -> None:
    rules = {rule.id for checks in GROUPS.values() for rule, _ in checks}
    assert rules - {each[0] for each in BREAKS} == {"document-tangled"}


def test_a_tangled_document_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.openapi.standard.fields.STANDARD_STEPS", 3)
    assert "document-tangled" in {each.rule for each in judge(good(), "3.0")}


@pytest.mark.parametrize("path", SANDBOX, ids=lambda path: path.name)
def test_the_sandboxs_own_documents_have_no_errors(path: Path) -> None:
    parsed = import_document(path.read_bytes())
    assert tally(judge(regenerate(parsed), parsed.version))["error"] == 0


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_has_its_words_in_both_languages_and_in_the_docs(rule: Any) -> None:
    for english in (rule.what, rule.reason, rule.mend):
        assert english.endswith(".")
        assert not CHINESE.search(english)
    for chinese in (rule.what_zh, rule.reason_zh, rule.mend_zh):
        assert CHINESE.search(chinese)
        assert chinese.endswith("。")
    assert rule.source
    assert f"`{rule.id}`" in (ROOT / "docs" / "standard.md").read_text()
