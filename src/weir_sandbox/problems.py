"""Refusals: a closed list, one small RFC 9457 body, in two languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of refusal: its code, HTTP status and public sentence in both languages."""

    code: str
    status: int
    title: str
    title_zh: str


UNKNOWN_PEER = Kind(
    "unknown_peer",
    403,
    "This institution answers only gateways of the platform.",
    "本机构只接受平台网关的调用。",
)
IDENTITY_MISSING = Kind(
    "identity_missing",
    400,
    "The identity header is missing or malformed.",
    "缺少调用方身份信息，或格式不正确。",
)
IDENTITY_REFUSED = Kind(
    "identity_refused",
    401,
    "The caller's identity is not one that the platform signed for this call.",
    "调用方身份信息并非由平台为此次调用签发。",
)
PLATFORM_ONLY = Kind(
    "platform_only",
    403,
    "This operation is for the platform itself, not for a partner's call.",
    "该操作仅供平台自身使用，不接受合作方调用。",
)
NOT_GRANTED = Kind(
    "not_granted",
    403,
    "The caller may not use this account, policy or portfolio.",
    "调用方未获授权使用该账户、保单或投资组合。",
)
NOT_FOUND = Kind("not_found", 404, "There is no such resource.", "没有找到该资源。")
METHOD_NOT_ALLOWED = Kind(
    "method_not_allowed",
    405,
    "This resource does not take that method.",
    "该资源不支持此请求方法。",
)
MALFORMED = Kind("malformed", 400, "The request is malformed.", "请求格式不正确。")
INVALID = Kind("invalid", 422, "The request cannot be carried out.", "请求无法办理。")
TOO_LARGE = Kind("too_large", 413, "The request body is too large.", "请求内容过大。")
MEDIA_TYPE = Kind(
    "media_type",
    415,
    "The request body must be application/json.",
    "请求内容必须为 application/json。",
)
KEY_REUSED = Kind(
    "key_reused",
    422,
    "This idempotency key was used before with another request.",
    "该幂等键已用于另一个不同的请求。",
)
INSUFFICIENT_FUNDS = Kind(
    "insufficient_funds", 422, "The account does not hold enough funds.", "账户余额不足。"
)
INSUFFICIENT_HOLDING = Kind(
    "insufficient_holding",
    422,
    "The portfolio does not hold enough of this instrument.",
    "投资组合中该标的的持仓不足。",
)
UNAVAILABLE = Kind(
    "unavailable",
    503,
    "The institution cannot answer now. Ask again with the same idempotency key.",
    "机构暂时无法应答，请使用相同的幂等键重试。",
)
INTERNAL = Kind(
    "internal", 500, "The institution failed to answer.", "机构内部出现问题，未能完成应答。"
)

KINDS: Final = tuple(value for value in list(globals().values()) if isinstance(value, Kind))


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """A refusal on its way to the caller.

    `detail` is public: it names the field or rule that failed and never carries the caller's input,
    a statement or a host. `logged` is true when the answer log already holds this answer, because
    it was written in the transaction that decided it.
    """

    def __init__(self, kind: Kind, detail: str | None = None, *, logged: bool = False) -> None:
        super().__init__(kind.code)
        self.kind = kind
        self.detail = detail
        self.logged = logged

    def body(self) -> bytes:
        """Return the RFC 9457 body, UTF-8 JSON."""
        fields: dict[str, str | int] = {
            "type": f"urn:problem-type:{self.kind.code}",
            "title": self.kind.title,
            "title_zh": self.kind.title_zh,
            "status": self.kind.status,
            "code": self.kind.code,
        }
        if self.detail is not None:
            fields["detail"] = self.detail
        return msgspec.json.encode(fields)
