"""Rules for errors: they are declared, are problem documents, and tell nothing of the inside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from weir.openapi.standard.document_view import Reading
from weir.openapi.standard.rules import Checked, Place, Rule

_PROBLEM: Final = "application/problem+json"
_INSIDE: Final = re.compile(
    r"(?:stack_?trace|trace_?back|exception|sql(?:_?state|_?query)?|host_?name|server_?name"
    r"|internal_?(?:ip|address|host)|debug(?:_?info)?)",
    re.IGNORECASE,
)


def errors_are_declared(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        if not any(response.is_error for response in each.responses):
            yield f"{each.pointer}/responses", each.operation_id


def errors_are_problems(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        produced = each.value.get("produces", reading.document.get("produces", []))
        for response in each.responses:
            if not response.is_error:
                continue
            types = produced if reading.version == "2.0" else response.value.get("content", {})
            if not any(name.partition(";")[0].strip().lower() == _PROBLEM for name in types):
                yield response.pointer, response.status


def problems_have_their_members(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        for response in each.responses:
            if not response.is_error:
                continue
            for media, schema, pointer in reading.response_schemas(response):
                value, at = reading.resolve(schema, pointer)
                missing = _missing(value)
                if media.startswith(_PROBLEM) and missing:
                    yield at, ", ".join(missing)


def errors_keep_the_inside_inside(reading: Reading) -> Iterator[Place]:
    for field in reading.fields:
        if field.side == "error" and _INSIDE.fullmatch(field.name):
            yield field.pointer, field.name


def _missing(schema: Any) -> list[str]:
    """Return the members that a problem's schema lacks; none for a composed schema."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        composed = isinstance(schema, dict) and any(
            name in schema for name in ("allOf", "anyOf", "oneOf")
        )
        return [] if composed else ["type", "title", "status"]
    return [name for name in ("type", "title", "status") if name not in properties]


CHECKS: Final[tuple[Checked, ...]] = (
    (
        Rule(
            "errors-declared",
            "error",
            "Every operation declares what it answers when it refuses.",
            "每个操作都声明出错时的响应。",
            "A caller that does not know the refusals cannot handle them.",
            "调用方若不知道可能的错误，便无法妥善处理。",
            "Add a default response, or one for each 4xx and 5xx status.",
            "添加 default 响应，或逐一声明 4xx、5xx 响应。",
            "OpenAPI 3.0.3 section 4.7.16",
        ),
        errors_are_declared,
    ),
    (
        Rule(
            "errors-problem",
            "error",
            "Every error is a problem document, application/problem+json.",
            "错误一律使用问题详情格式 application/problem+json。",
            "One shape of error across all members is one piece of code for every partner.",
            "各机构错误格式一致，合作方只需编写一套处理代码。",
            "Give the response the content application/problem+json.",
            "将该响应的内容类型设为 application/problem+json。",
            "RFC 9457 section 3",
        ),
        errors_are_problems,
    ),
    (
        Rule(
            "errors-problem-members",
            "warning",
            "A problem document describes type, title and status.",
            "问题详情应描述 type、title 和 status。",
            "Callers branch on the type and show the title.",
            "调用方按 type 分支处理，并展示 title。",
            "Add the missing members to the schema's properties.",
            "在结构的 properties 中补充缺少的成员。",
            "RFC 9457 section 3.1",
        ),
        problems_have_their_members,
    ),
    (
        Rule(
            "errors-inside",
            "error",
            "An error has no field for servers, databases, queries or stack traces.",
            "错误中不得含有服务器、数据库、查询语句或堆栈信息字段。",
            "What an error tells of the inside helps whoever attacks it.",
            "错误泄露内部细节会为攻击者提供便利。",
            "Remove the field; keep the detail in your own log under a trace identifier.",
            "删除该字段，细节写入自有日志，并以追踪标识关联。",
            "JR/T 0185-2020 (errors); RFC 9457 section 5",
        ),
        errors_keep_the_inside_inside,
    ),
)
