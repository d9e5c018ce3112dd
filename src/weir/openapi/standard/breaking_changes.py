"""Closed list of the changes between two versions that break a caller."""

from __future__ import annotations

from typing import Final

from weir.openapi.standard.rules import Rule

_MEND: Final = (
    "Keep it as it was, or raise the major version and publish a new product version beside this"
    " one."
)
_MEND_ZH: Final = "保持原样；或提升主版本号，与现有版本并行发布新的产品版本。"
_SOURCE: Final = "JR/T 0185-2020 (version control); Semantic Versioning 2.0.0 section 8"


def _change(name: str, what: str, what_zh: str, reason: str, reason_zh: str) -> Rule:
    return Rule(
        f"breaking-{name}", "error", what, what_zh, reason, reason_zh, _MEND, _MEND_ZH, _SOURCE
    )


_GONE: Final = ("Callers that use it fail.", "使用它的调用方将会失败。")
_REFUSED: Final = ("Requests that were right are refused.", "原本正确的请求会被拒绝。")
_UNKNOWN: Final = ("Callers meet what they do not know.", "调用方会遇到无法识别的内容。")

CHANGES: Final[tuple[Rule, ...]] = (
    _change("operation-removed", "An operation was removed.", "删除了操作。", *_GONE),
    _change(
        "operation-renamed",
        "An operation has another operationId.",
        "操作的 operationId 发生变化。",
        "Generated clients lose the function, and declarations are not carried over.",
        "生成的客户端会缺失该函数，声明也无法沿用。",
    ),
    _change("parameter-removed", "A parameter was removed.", "删除了参数。", *_GONE),
    _change(
        "parameter-required",
        "A parameter became required, or a required one was added.",
        "参数变为必填，或新增了必填参数。",
        *_REFUSED,
    ),
    _change("body-required", "A body became required.", "请求体变为必填。", *_REFUSED),
    _change("body-removed", "No body is taken any more.", "不再接受请求体。", *_REFUSED),
    _change("media-removed", "A media type was removed.", "删除了媒体类型。", *_GONE),
    _change(
        "response-removed", "A successful response was removed.", "删除了成功响应。", *_UNKNOWN
    ),
    _change(
        "header-removed",
        "A header of an answer was removed, or may now be absent.",
        "响应头被删除，或变为可缺省。",
        *_GONE,
    ),
    _change(
        "serialization-changed",
        "A parameter with several values is written in another way.",
        "含多个值的参数改变了序列化方式。",
        "The values that callers send are read as others, or not at all.",
        "调用方发送的值会被误读或无法读取。",
    ),
    _change(
        "default-changed",
        "What counts when something is left out of a request changed.",
        "请求中省略某项时的默认值发生变化。",
        "The same request does something else.",
        "同一请求的结果将不同。",
    ),
    _change(
        "property-removed",
        "A field was removed from an answer, or from a closed request.",
        "响应（或封闭的请求）中删除了字段。",
        *_GONE,
    ),
    _change(
        "property-required",
        "A field of a request became required.",
        "请求中的字段变为必填。",
        *_REFUSED,
    ),
    _change(
        "property-optional",
        "A field of an answer may now be absent.",
        "响应中的字段变为可缺省。",
        "Callers that rely on it fail.",
        "依赖该字段的调用方会失败。",
    ),
    _change("type-changed", "A type changed.", "类型发生变化。", *_UNKNOWN),
    _change(
        "values-narrowed",
        "Values that were taken are no longer.",
        "原先接受的取值不再接受。",
        *_REFUSED,
    ),
    _change(
        "values-widened",
        "An answer may hold values it did not.",
        "响应中可能出现新的取值。",
        *_UNKNOWN,
    ),
    _change(
        "variant-changed",
        "A variant was taken out of a request, or added to an answer.",
        "请求删除了可选结构，或响应新增了可选结构。",
        *_UNKNOWN,
    ),
    _change(
        "security-changed",
        "The authentication or the scopes an operation needs changed.",
        "操作所需的身份验证或权限范围发生变化。",
        "Tokens and keys that were enough no longer are.",
        "原有令牌或密钥不再足够。",
    ),
    _change(
        "level-changed",
        "The level of an operation changed.",
        "操作的安全级别发生变化。",
        "How it may be integrated and protected changes with it.",
        "接入方式与防护要求随之改变。",
    ),
    _change(
        "label-changed",
        "The label or grade of a field changed.",
        "字段的标签或分级发生变化。",
        "Partners protect and keep it by its label, and consents name it.",
        "合作方依标签保护和留存数据，授权书也据此列明。",
    ),
    _change(
        "consent-changed",
        "The consent a capability needs changed.",
        "能力所需的授权发生变化。",
        "Consents that customers gave no longer cover the call.",
        "客户已作出的授权不再覆盖该调用。",
    ),
)
