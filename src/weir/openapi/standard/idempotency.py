"""Rules for idempotency: a write that is sent again after a lost answer happens once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from weir.openapi.standard.document_view import Operation, Parameter, Reading
from weir.openapi.standard.rules import Checked, Place, Rule

# Declares that repeating a write without a key moves, orders and owes nothing more.
REPEATABLE: Final = "x-weir-repeatable"
_KEY: Final = re.compile(r"(?:x-)?idempotency-key", re.IGNORECASE)
_WRITES: Final = ("post", "patch")  # PUT and DELETE are idempotent: RFC 9110 section 9.2.2


def writes_take_a_key(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        repeatable = each.value.get(REPEATABLE) is True
        if each.method in _WRITES and not _key(each) and not repeatable:
            yield each.pointer, each.operation_id


def keys_are_required(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        key = _key(each)
        if key and key.value.get("required") is not True:
            yield key.pointer, each.operation_id


def reads_have_no_body(reading: Reading) -> Iterator[Place]:
    for each in reading.operations:
        body = next(iter(reading.request_schemas(each)), None)
        if each.method in ("get", "head", "delete") and body is not None:
            yield each.pointer, f"{each.method.upper()} {each.operation_id}"


def _key(operation: Operation) -> Parameter | None:
    return next(
        (
            each
            for each in operation.parameters
            if each.place == "header" and _KEY.fullmatch(each.name)
        ),
        None,
    )


CHECKS: Final[tuple[Checked, ...]] = (
    (
        Rule(
            "idempotency-key",
            "error",
            "A POST or PATCH takes an idempotency key, or says that a repeat does no harm.",
            "POST 或 PATCH 操作须接受幂等键，或声明重复调用无害。",
            "After a lost answer a caller must be able to ask again without doing it twice.",
            "响应丢失后，调用方须能重新发起而不致重复执行。",
            "Take the header Idempotency-Key; or add x-weir-repeatable: true when a repeat moves,"
            " orders and owes nothing more.",
            "接受请求头 Idempotency-Key；如重复调用不会再次动账、下单或产生债务，"
            "可添加 x-weir-repeatable: true。",
            "draft-ietf-httpapi-idempotency-key-header section 2",
        ),
        writes_take_a_key,
    ),
    (
        Rule(
            "idempotency-required",
            "warning",
            "The idempotency key is required.",
            "幂等键为必填项。",
            "Who leaves it out finds out when an answer is lost.",
            "未填幂等键的后果，往往在响应丢失时才会显现。",
            "Write required: true, in the next major version.",
            "在下一个主版本中设为 required: true。",
            "draft-ietf-httpapi-idempotency-key-header section 2.4",
        ),
        keys_are_required,
    ),
    (
        Rule(
            "idempotency-body",
            "error",
            "GET, HEAD and DELETE take no body.",
            "GET、HEAD、DELETE 请求不带请求体。",
            "Such a body has no meaning in HTTP; proxies drop it or refuse the request.",
            "HTTP 未定义此类请求体的含义，代理可能将其丢弃或拒绝请求。",
            "Move it into parameters, or use POST with x-weir-repeatable: true.",
            "改为参数传递，或改用 POST 并添加 x-weir-repeatable: true。",
            "RFC 9110 section 9.3.1",
        ),
        reads_have_no_body,
    ),
)
