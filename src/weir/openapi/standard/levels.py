"""Rules for levels and identifiers of operations: A1 or A2, and the U_API_ID.

Aligned with public summaries of JR/T 0185-2020.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from weir.openapi.standard.document_view import Operation, Reading
from weir.openapi.standard.rules import Checked, Place, Rule

LEVEL: Final = "x-weir-level"
API_ID: Final = "x-weir-api-id"
MUTUAL_TLS: Final = "x-weir-mutual-tls"
LEVELS: Final = ("A1", "A2")
# 24 bytes: "OP", institution code (6), level (2), service class (6), and 8 of the owner's own.
_API_ID: Final = re.compile(
    r"OP(?P<institution>[0-9A-Z]{6})(?P<level>A[12])(?P<service>[0-9]{6})(?P<own>[0-9A-Za-z]{8})",
    re.ASCII,
)
_SERVICES: Final = {"01": "account", "02": "payment", "03": "investment"}


def operations_have_a_level(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        if each.value.get(LEVEL) not in LEVELS:
            yield each.pointer, _shown(each.value.get(LEVEL), each.operation_id)


def public_operations_tell_of_nobody(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        if each.value.get(LEVEL) != "A1":
            continue
        personal = next(
            (field for field in reading.fields_of(each) if field.label in ("C2", "C3")), None
        )
        if personal is not None:
            yield f"{each.pointer}/{LEVEL}", f"{each.operation_id}: {personal.name}"


def private_operations_are_guarded(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        security = each.value.get("security", reading.document.get("security", []))
        guarded = security and {} not in security
        # OpenAPI 3.0 has no word for mutual TLS; 3.1 has the scheme mutualTLS.
        guarded = guarded or each.value.get(MUTUAL_TLS) is True
        if each.value.get(LEVEL) == "A2" and not guarded:
            yield each.pointer, each.operation_id


def operations_have_an_identifier(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        if API_ID not in each.value:
            yield each.pointer, each.operation_id


def identifiers_are_well_formed(reading: Reading) -> Iterator[Place]:
    for each, written in _identified(reading):
        if read_api_id(written) is None:
            yield f"{each.pointer}/{API_ID}", _shown(written, each.operation_id)


def identifiers_name_the_level(reading: Reading) -> Iterator[Place]:
    for each, written in _identified(reading):
        found = read_api_id(written)
        level = each.value.get(LEVEL)
        if found and level in LEVELS and found["level"] != level:
            yield f"{each.pointer}/{API_ID}", f"{found['level']} ≠ {level}"


def identifiers_are_distinct(reading: Reading) -> Iterator[Place]:
    first: dict[str, str] = {}
    for each, written in _identified(reading):
        if isinstance(written, str) and first.setdefault(written, each.pointer) != each.pointer:
            yield f"{each.pointer}/{API_ID}", written[:40]


def identifiers_name_a_service(reading: Reading) -> Iterator[Place]:
    for each, written in _identified(reading):
        found = read_api_id(written)
        if found and found["service"][:2] not in _SERVICES:
            yield f"{each.pointer}/{API_ID}", found["service"]


def read_api_id(written: Any) -> dict[str, str] | None:
    """Return the parts of a U_API_ID: institution, level, service, own; None if it is none."""
    found = _API_ID.fullmatch(written) if isinstance(written, str) else None
    return None if found is None else found.groupdict()


def _identified(reading: Reading) -> Iterator[tuple[Operation, Any]]:
    for each in reading.operations:
        if API_ID in each.value:
            yield each, each.value[API_ID]


def _shown(written: Any, operation_id: str) -> str:
    return operation_id if written is None else f"{operation_id}: {str(written)[:40]}"


CHECKS: Final[tuple[Checked, ...]] = (
    (
        Rule(
            "level-known",
            "error",
            "Every operation has a level, A1 or A2.",
            "每个操作都有安全级别 A1 或 A2。",
            "The level decides how it may be integrated and how it is protected.",
            "级别决定接入方式和防护要求。",
            "Add x-weir-level: A2 for moving money and reading accounts, A1 for public products.",
            "添加 x-weir-level：资金交易与账户查询为 A2，公开产品信息为 A1。",
            "JR/T 0185-2020 (levels of APIs)",
        ),
        operations_have_a_level,
    ),
    (
        Rule(
            "level-a1-public",
            "error",
            "An operation of level A1 has no field labelled C2 or C3.",
            "A1 级操作不得含有 C2 或 C3 字段。",
            "A1 is for read-only product information; what tells of a customer is A2.",
            "A1 仅用于只读的产品信息，涉及客户的信息属于 A2。",
            "Write x-weir-level: A2, or take the field out.",
            "改为 x-weir-level: A2，或移除该字段。",
            "JR/T 0185-2020 (levels of APIs)",
        ),
        public_operations_tell_of_nobody,
    ),
    (
        Rule(
            "level-a2-guarded",
            "error",
            "An operation of level A2 requires authentication.",
            "A2 级操作须要求身份验证。",
            "A direct A2 API needs high-strength protection.",
            "直接接入的 A2 接口须采取高强度防护。",
            "Give it a security requirement that is not empty; before OpenAPI 3.1, say mutual TLS"
            " by x-weir-mutual-tls: true.",
            "为其设置非空的 security；OpenAPI 3.1 之前的文档"
            "可用 x-weir-mutual-tls: true 声明双向 TLS。",
            "JR/T 0185-2020 (direct A2 APIs)",
        ),
        private_operations_are_guarded,
    ),
    (
        Rule(
            "api-id-missing",
            "error",
            "Every operation has a U_API_ID.",
            "每个操作都有 U_API_ID。",
            "It names the interface in logs, reports and inquiries, whoever serves it.",
            "在日志、报送和查询中，以此唯一标识接口。",
            "Add x-weir-api-id, such as OP000001A201000100000001.",
            "添加 x-weir-api-id，例如 OP000001A201000100000001。",
            "JR/T 0185-2020 (U_API_ID)",
        ),
        operations_have_an_identifier,
    ),
    (
        Rule(
            "api-id-form",
            "error",
            "A U_API_ID is 24 ASCII bytes: OP, institution code (6), level (2), service class (6)"
            " and 8 letters or digits of your own.",
            "U_API_ID 为 24 个 ASCII 字节：OP、机构代码（6）、级别（2）、服务类别（6）"
            "及 8 位自定义字母或数字。",
            "Other systems read its parts by their places.",
            "其他系统按位置解析各组成部分。",
            "Correct it; institution code in digits or capitals, service class in digits.",
            "请更正：机构代码为数字或大写字母，服务类别为数字。",
            "JR/T 0185-2020 (U_API_ID)",
        ),
        identifiers_are_well_formed,
    ),
    (
        Rule(
            "api-id-level",
            "error",
            "A U_API_ID names the level of its operation.",
            "U_API_ID 中的级别与操作的级别一致。",
            "Whoever reads only the identifier would protect it wrongly.",
            "仅凭标识判断时会采取错误的防护措施。",
            "Correct bytes 9 and 10 of the identifier, or x-weir-level.",
            "更正标识的第 9、10 字节，或更正 x-weir-level。",
            "JR/T 0185-2020 (U_API_ID)",
        ),
        identifiers_name_the_level,
    ),
    (
        Rule(
            "api-id-distinct",
            "error",
            "No two operations have the same U_API_ID.",
            "不同操作的 U_API_ID 不得重复。",
            "An identifier that names two things names neither.",
            "一个标识对应两个接口，便失去标识作用。",
            "Change the last 8 bytes of one of them.",
            "修改其中一个标识的末 8 字节。",
            "JR/T 0185-2020 (U_API_ID)",
        ),
        identifiers_are_distinct,
    ),
    (
        Rule(
            "api-id-service",
            "advice",
            "The service class begins with 01 account, 02 payment or 03 investment.",
            "服务类别以 01（账户）、02（支付）或 03（投资）开头。",
            "These are the classes the public summaries name; others are your own.",
            "公开资料仅列出上述类别，其他类别属自行约定。",
            "Use one of the three where it fits.",
            "如适用，请使用三者之一。",
            "JR/T 0185-2020 (U_API_ID, service class)",
        ),
        identifiers_name_a_service,
    ),
)
