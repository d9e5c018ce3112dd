"""Rules for pagination: a list that may grow is read page by page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from weir.openapi.bodies import is_json
from weir.openapi.standard.document_view import Operation, Reading
from weir.openapi.standard.rules import Checked, Place, Rule

_PAGE: Final = re.compile(
    r"(?:page|page_?(?:no|num|number|token|size)|cursor|after(?:_?id)?|offset|limit|per_?page|size"
    r"|starting_?after|continuation_?token)",
    re.IGNORECASE,
)
_SIZE: Final = re.compile(r"limit|size|page_?size|per_?page", re.IGNORECASE)
_CURSOR: Final = re.compile(r"cursor|page_?token|continuation_?token", re.IGNORECASE)
_NEXT: Final = re.compile(r"next.*|.*cursor|links?|.*continuation.*", re.IGNORECASE)


def lists_are_paged(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        if each.method != "get" or _parameters(each, _PAGE):
            continue
        for schema, pointer in _answers(reading, each):
            open_ended = _open_list(reading, schema, pointer)
            if open_ended:
                yield open_ended, each.operation_id


def cursors_have_a_next(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        if not _parameters(each, _CURSOR):
            continue
        names = [field.name for field in reading.fields_of(each) if field.side == "response"]
        if names and not any(_NEXT.fullmatch(name) for name in names):
            yield each.pointer, each.operation_id


def sizes_have_a_most(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        for pointer, schema in _parameters(each, _SIZE):
            value, _ = reading.resolve(schema, pointer)
            if isinstance(value, dict) and not {"maximum", "exclusiveMaximum", "enum"} & set(value):
                yield pointer, each.operation_id


def _parameters(operation: Operation, pattern: re.Pattern[str]) -> list[tuple[str, Any]]:
    return [
        (each.pointer, each.schema)
        for each in operation.parameters
        if each.place == "query" and pattern.fullmatch(each.name.split("[")[-1].rstrip("]"))
    ]


def _answers(reading: Reading, operation: Operation) -> Iterator[tuple[Any, str]]:
    for response in operation.responses:
        if response.is_success:
            for media, schema, pointer in reading.response_schemas(response):
                if is_json(media):
                    yield reading.resolve(schema, pointer)


def _open_list(reading: Reading, schema: Any, pointer: str) -> str:
    """Return the pointer of an answer's list without a bound, '' without such a list.

    An object answers a list when that is the only array in it.
    """
    if not isinstance(schema, dict):
        return ""
    if schema.get("type") == "array":
        return "" if "maxItems" in schema else pointer
    properties = schema.get("properties")
    found = []
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        value, at = reading.resolve(inner, f"{pointer}/properties/{name}")
        if isinstance(value, dict) and value.get("type") == "array":
            found.append("" if "maxItems" in value else at)
    return found[0] if len(found) == 1 else ""


CHECKS: Final[tuple[Checked, ...]] = (
    (
        Rule(
            "paging-list",
            "warning",
            "A list is paged, or says how long it can become.",
            "列表应分页，或声明最大长度。",
            "A list that grows without bound outgrows every time limit one day.",
            "列表若无限增长，终将超时。",
            "Take limit and cursor and answer next_cursor, or give the array maxItems.",
            "增加 limit、cursor 参数并返回 next_cursor，或为数组设置 maxItems。",
            "weir",
        ),
        lists_are_paged,
    ),
    (
        Rule(
            "paging-next",
            "warning",
            "An operation that takes a cursor answers the next one.",
            "接受游标的操作须返回下一游标。",
            "Without it a caller cannot know where the next page begins, or that there is none.",
            "否则调用方无法得知下一页的起点，也不知道是否已到末页。",
            "Answer next_cursor, null on the last page.",
            "返回 next_cursor，末页为 null。",
            "weir",
        ),
        cursors_have_a_next,
    ),
    (
        Rule(
            "paging-most",
            "warning",
            "The size of a page has a maximum.",
            "每页条数须有上限。",
            "One call could ask for everything.",
            "否则一次调用即可索取全部数据。",
            "Give the parameter a maximum, such as 500.",
            "为该参数设置 maximum，例如 500。",
            "JR/T 0185-2020 (flow control)",
        ),
        sizes_have_a_most,
    ),
)
