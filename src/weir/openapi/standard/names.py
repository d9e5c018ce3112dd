"""Rules for names of operations, paths and fields, and for summaries in both languages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from weir.openapi.path_templates import parameter_names
from weir.openapi.pointers import extend
from weir.openapi.standard.document_view import Reading
from weir.openapi.standard.rules import Checked, Place, Rule

_OPERATION_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)*")
_SEGMENT: Final = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
_CHINESE: Final = re.compile(r"[\u3400-\u9fff]")
_STYLES: Final = (
    ("snake_case", re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")),
    ("camelCase", re.compile(r"[a-z][a-z0-9]*(?:[A-Z][A-Za-z0-9]*)+")),
    ("PascalCase", re.compile(r"[A-Z][A-Za-z0-9]*")),
)


def operation_ids_are_given(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        if "operationId" not in each.value:
            yield each.pointer, f"{each.method.upper()} {each.listed.path}"


def operation_ids_are_plain(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        if "operationId" in each.value and not _OPERATION_ID.fullmatch(each.operation_id):
            yield f"{each.pointer}/operationId", each.operation_id


def paths_are_lower_case(reading: Reading) -> Iterator[Place]:
    for path in dict.fromkeys(each.listed.path for each in reading.operations):
        plain = re.sub(r"\{[^}]*\}", "", path) if parameter_names(path) else path
        segments = [each for each in plain.split("/") if each]
        if not all(_SEGMENT.fullmatch(each.strip("-.")) for each in segments if each.strip("-.")):
            yield extend("/paths", path), path


def fields_are_called_alike(reading: Reading) -> Iterator[Place]:
    """Yield fields that are not in the style of most fields.

    A single lower-case word is of every style.
    """
    styled = [
        (field, style)
        for field in reading.fields
        if field.side in ("request", "response")
        for style in [_style(field.name)]
        if style
    ]
    counts = Counter(style for _, style in styled)
    usual = counts.most_common(1)[0][0] if counts else ""
    for field, style in styled:
        if style != usual:
            yield field.pointer, f"{field.name} ({style} ≠ {usual})"


def summaries_are_given(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        if not str(each.value.get("summary", "")).strip():
            yield each.pointer, each.operation_id


def summaries_are_in_chinese(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        texts = (each.value.get("x-summary-zh", ""), each.value.get("summary", ""))
        if not any(_CHINESE.search(str(text)) for text in texts):
            yield each.pointer, each.operation_id


def _style(name: str) -> str:
    return next((style for style, pattern in _STYLES if pattern.fullmatch(name)), "")


CHECKS: Final[tuple[Checked, ...]] = (
    (
        Rule(
            "naming-operation-id",
            "error",
            "Every operation has an operationId.",
            "每个操作都有 operationId。",
            "It is the capability's name: declarations are carried from version to version by it.",
            "operationId 即能力的名称，升级版本时依此沿用声明。",
            "Give the operation an operationId and keep it in later versions.",
            "为该操作填写 operationId，并在后续版本中保持不变。",
            "OpenAPI 3.0.3 section 4.7.10",
        ),
        operation_ids_are_given,
    ),
    (
        Rule(
            "naming-operation-id-plain",
            "warning",
            "An operationId is made of letters and digits, joined by - or _.",
            "operationId 由字母和数字组成，可用 - 或 _ 连接。",
            "Tools make the names of functions of it.",
            "各类工具会用它生成函数名。",
            "Rename it, for example to listAccounts.",
            "请改名，例如 listAccounts。",
            "OpenAPI 3.0.3 section 4.7.10",
        ),
        operation_ids_are_plain,
    ),
    (
        Rule(
            "naming-path",
            "warning",
            "The words of a path are lower-case and joined by hyphens.",
            "路径中的单词一律小写，以连字符连接。",
            "Paths are case-sensitive; one way of writing them is one thing less to get wrong.",
            "路径区分大小写，统一写法可减少出错。",
            "Write /account-access-consents, not /AccountAccessConsents.",
            "请写作 /account-access-consents，而非 /AccountAccessConsents。",
            "RFC 3986 section 6.2.2.1",
        ),
        paths_are_lower_case,
    ),
    (
        Rule(
            "naming-fields",
            "warning",
            "All fields of a document are written in one style.",
            "同一文档中的字段采用同一种命名风格。",
            "A reader who has to look up how each name is written makes mistakes.",
            "风格不一时，调用方需逐个核对字段写法，容易出错。",
            "Rename the field in the style of the others, in the next major version.",
            "在下一个主版本中按其他字段的风格改名。",
            "weir",
        ),
        fields_are_called_alike,
    ),
    (
        Rule(
            "naming-summary",
            "warning",
            "Every operation has a summary.",
            "每个操作都有摘要（summary）。",
            "It is the line people read on the shelf.",
            "货架上首先看到的就是这一行。",
            "Say in a few words what the operation does.",
            "用几个词说明该操作的用途。",
            "OpenAPI 3.0.3 section 4.7.10",
        ),
        summaries_are_given,
    ),
    (
        Rule(
            "naming-summary-zh",
            "warning",
            "Every operation has a summary in Chinese.",
            "每个操作都有中文摘要。",
            "The shelf is searched and read in both languages.",
            "货架支持中英文检索和阅读。",
            "Add x-summary-zh beside summary.",
            "在 summary 旁添加 x-summary-zh。",
            "weir",
        ),
        summaries_are_in_chinese,
    ),
)
