"""Rules for versions: a document's version, and the end of a deprecated operation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from weir.openapi.pointers import extend
from weir.openapi.standard.document_view import Reading
from weir.openapi.standard.rules import Checked, Place, Rule

SUNSET: Final = "x-weir-sunset"
# Semantic Versioning 2.0.0 section 2, with the labels of sections 9 and 10.
_SEMANTIC: Final = re.compile(
    r"v?(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})(?:[-+][0-9A-Za-z.+-]{1,64})?",
    re.ASCII,
)
_IN_PATH: Final = re.compile(r"/v\d+(?:\.\d+)*(?:/.*)?", re.ASCII | re.DOTALL)


def version_of(document: dict[str, Any]) -> tuple[int, int, int] | None:
    """Return the document's version as major, minor, patch; None when it is not semantic."""
    found = _SEMANTIC.fullmatch(document["info"]["version"])
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def version_is_semantic(reading: Reading) -> Iterator[Place]:
    if version_of(reading.document) is None:
        yield "/info/version", reading.document["info"]["version"][:40]


def paths_carry_no_version(reading: Reading) -> Iterator[Place]:
    for path in dict.fromkeys(each.listed.path for each in reading.operations):
        if _IN_PATH.fullmatch(path):
            yield extend("/paths", path), path


def deprecated_operations_name_their_end(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        if each.value.get("deprecated") is True and not _is_day(each.value.get(SUNSET)):
            yield each.pointer, each.operation_id


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False


CHECKS: Final[tuple[Checked, ...]] = (
    (
        Rule(
            "version-semantic",
            "error",
            "info.version has three numbers: major.minor.patch.",
            "info.version 采用“主版本.次版本.修订号”三段数字。",
            "Only the first number may say that something breaks; without it nobody can tell.",
            "不兼容的变更由主版本号体现，否则调用方无从判断。",
            'Write it as text such as "1.0.0".',
            "请写成文本，例如“1.0.0”。",
            "Semantic Versioning 2.0.0 section 2; JR/T 0185-2020 (version control)",
        ),
        version_is_semantic,
    ),
    (
        Rule(
            "version-not-in-path",
            "advice",
            "Paths carry no version.",
            "路径中不含版本号。",
            "The gateway puts the product's version in front of every path already.",
            "网关已在路径前加上产品版本号。",
            "Move it into the address in servers.",
            "请将其移入 servers 的地址中。",
            "weir",
        ),
        paths_carry_no_version,
    ),
    (
        Rule(
            "version-sunset",
            "warning",
            "A deprecated operation names the day of its end.",
            "已弃用的操作注明停用日期。",
            "Partners must be told before a capability is retired.",
            "能力下线前须通知合作方。",
            "Add x-weir-sunset with the last day it is served, such as 2027-06-30.",
            "添加 x-weir-sunset，写明最后可用日期，例如 2027-06-30。",
            "RFC 8594 section 3; JR/T 0185-2020 (notice before change or retirement)",
        ),
        deprecated_operations_name_their_end,
    ),
)
