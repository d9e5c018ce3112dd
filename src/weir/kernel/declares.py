"""Declarations that several rooms share: refusals, limits and settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mypy_extensions import mypyc_attr

from weir.kernel.declarations import Bound, setting
from weir.kernel.outcomes import Fault, Outcome, Retry

# --- Refusals ---
UNKNOWN_HOST: Final = Outcome(
    "unknown_host", 421, "No service answers under this host name.", "该域名下没有服务。"
)
UNSUPPORTED_MEDIA_TYPE: Final = Outcome(
    "unsupported_media_type",
    415,
    "The body's media type is not taken here.",
    "不支持该请求体的媒体类型。",
)
TOKEN_MISSING: Final = Outcome(
    "token_missing",
    401,
    "The request carries no access token in its Authorization header.",
    "请求的 Authorization 头中没有访问令牌。",
    retry=Retry.CHANGED,
)
TOKEN_INVALID: Final = Outcome(
    "token_invalid",
    401,
    "The access token is not one this platform issued, or it was altered.",
    "访问令牌不是本平台签发的，或已被改动。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
TOKEN_EXPIRED: Final = Outcome(
    "token_expired",
    401,
    "The access token has expired. Ask for a new one.",
    "访问令牌已过期，请重新获取。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
TOKEN_REVOKED: Final = Outcome(
    "token_revoked",
    401,
    "The access token has been revoked.",
    "访问令牌已被撤销。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
CERTIFICATE_REQUIRED: Final = Outcome(
    "certificate_required",
    401,
    "This token is bound to a client certificate; call the mutual-TLS address with it.",
    "该令牌绑定了客户端证书，请携带证书访问双向 TLS 地址。",
    retry=Retry.CHANGED,
)
CERTIFICATE_MISMATCH: Final = Outcome(
    "certificate_mismatch",
    401,
    "The token is bound to another client certificate.",
    "该令牌绑定的是另一张客户端证书。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
CERTIFICATE_REVOKED: Final = Outcome(
    "certificate_revoked",
    401,
    "The client certificate has been revoked.",
    "客户端证书已被吊销。",
    retry=Retry.CHANGED,
)
TOKEN_SCHEME_WRONG: Final = Outcome(
    "token_scheme_wrong",
    401,
    "A token bound to a DPoP key is sent under the scheme DPoP, any other under Bearer.",
    "绑定 DPoP 密钥的令牌须使用 DPoP 方案，其他令牌须使用 Bearer 方案。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
DPOP_PROOF_INVALID: Final = Outcome(
    "dpop_proof_invalid",
    401,
    "The DPoP proof is missing, was used before, or does not fit the token and the request.",
    "DPoP 证明缺失、已被使用，或与令牌和请求不符。",
    retry=Retry.CHANGED,
    oauth="invalid_dpop_proof",
)
SUBSCRIPTION_REQUIRED: Final = Outcome(
    "subscription_required",
    403,
    "The application has no active subscription to this product.",
    "该应用没有订阅此产品，或订阅未生效。",
    retry=Retry.CHANGED,
)
SCOPE_INSUFFICIENT: Final = Outcome(
    "scope_insufficient",
    403,
    "The access token lacks the scope that this needs.",
    "访问令牌缺少此请求所需的授权范围。",
    retry=Retry.CHANGED,
    oauth="insufficient_scope",
)
RATE_EXCEEDED: Final = Outcome(
    "rate_exceeded",
    429,
    "The plan's rate has been reached. Wait as long as Retry-After says.",
    "已达到套餐的速率上限，请按 Retry-After 等待后重试。",
    retry=Retry.LATER,
)
REQUESTS_EXCEEDED: Final = Outcome(
    "requests_exceeded",
    429,
    "Too many requests in a short time. Wait as long as Retry-After says.",
    "短时间内请求过多，请按 Retry-After 等待后重试。",
    retry=Retry.LATER,
)
LIMIT_REACHED: Final = Outcome(
    "limit_reached",
    409,
    "As many of these are kept as may be. The limit and its value stand in the parameters.",
    "数量已达上限，上限名称和数值见 parameters。",
    retry=Retry.CHANGED,
)
OVERLOADED: Final = Outcome(
    "overloaded",
    503,
    "The platform is at its capacity. Try again shortly.",
    "平台当前繁忙，请稍后重试。",
    Fault.PLATFORM,
    Retry.LATER,
)
MEMBER_TIMEOUT: Final = Outcome(
    "member_timeout",
    504,
    "The institution did not answer in time.",
    "该机构未在规定时间内应答。",
    Fault.MEMBER,
    Retry.LATER,
)
MEMBER_BROKEN_ANSWER: Final = Outcome(
    "member_broken_answer",
    502,
    "The institution's answer was not valid HTTP or broke off.",
    "该机构的应答不合规范或中途中断。",
    Fault.MEMBER,
    Retry.LATER,
)
PLATFORM_UNAVAILABLE: Final = Outcome(
    "platform_unavailable",
    503,
    "This part of the platform is not available right now.",
    "平台的这一部分暂时不可用。",
    Fault.PLATFORM,
    Retry.LATER,
)
PLATFORM_ERROR: Final = Outcome(
    "platform_error",
    500,
    "Something went wrong on our side. It has been recorded.",
    "平台出现错误，已记录。",
    Fault.PLATFORM,
    Retry.LATER,
)
FRESH_PROOF_NEEDED: Final = Outcome(
    "fresh_proof_needed",
    401,
    "Prove again that it is you before this is done.",
    "执行此操作前，请再次验证身份。",
    retry=Retry.CHANGED,
)
LINK_USED: Final = Outcome(
    "link_used",
    410,
    "This one-time link is unknown, has expired or was used.",
    "该一次性链接不存在、已过期或已使用。",
    retry=Retry.CHANGED,
)
NOT_FOUND: Final = Outcome(
    "not_found", 404, "There is no such thing, or it is not yours to see.", "不存在，或您无权查看。"
)
FORBIDDEN: Final = Outcome(
    "forbidden", 403, "Your organisation may not do this.", "您所在的机构无权执行此操作。"
)
INVALID_INPUT: Final = Outcome(
    "invalid_input",
    422,
    "A value is missing or not in its required form.",
    "缺少字段或格式不正确。",
)
CONFLICT: Final = Outcome(
    "conflict",
    409,
    "This clashes with what is already there.",
    "与现有内容冲突。",
    retry=Retry.CHANGED,
)
ILLEGAL_STATE: Final = Outcome(
    "illegal_state",
    409,
    "This cannot be done in the present state.",
    "当前状态下无法执行此操作。",
    retry=Retry.CHANGED,
)
SETTING_INVALID: Final = Outcome(
    "setting_invalid",
    500,
    "A setting has a value it cannot have.",
    "某项设置的值无效。",
    Fault.PLATFORM,
)
PORT_TAKEN: Final = Outcome(
    "port_taken", 500, "A port is already in use.", "端口已被占用。", Fault.PLATFORM
)
HOME_UNUSABLE: Final = Outcome(
    "home_unusable",
    500,
    "The home folder cannot be used.",
    "主目录无法使用。",
    Fault.PLATFORM,
)

# --- Limits ---
# HTTP messages from callers (RFC 9112)
BODY_BYTES: Final = 10 * 1024 * 1024
CONTROL_BODY_BYTES: Final = 16 * 1024 * 1024  # requests passed through to control
MEMBER_ANSWER_TIMEOUT_S: Final = 30

# JSON from outside
JSON_DEPTH: Final = 32
JSON_BYTES: Final = 1024 * 1024

# Authorization (FAPI 2.0 Security Profile section 5.3)
ACCESS_TOKEN_LIFETIME_S: Final = 300
CLOCK_AHEAD_ACCEPTED_S: Final = 10
ONE_TIME_LINK_LIFETIME_S: Final = 86_400
FRESH_PROOF_S: Final = 600  # how long a proof of identity counts for what is dangerous

# Signed messages (RFC 9421)
SIGNATURE_INPUT_CHARACTERS: Final = 2_048
SIGNATURE_CHARACTERS: Final = 2_048
SIGNATURE_AGE_S: Final = 60

# Call records
TRAFFIC_DAYS: Final = 366  # that one question reads
LABEL_CHARACTERS: Final = 48  # of a scene, a channel, a referrer

# What people write about themselves and their products
NAME_CHARACTERS: Final = 120
PROSE_CHARACTERS: Final = 4_000
URL_CHARACTERS: Final = 2_048

# Lists
PAGE_ROWS: Final = 200

# Rates counted in a process
RATE_NAMES: Final = 10_000  # clients or addresses told apart by one rate
REFUSED_REQUESTS_A_SECOND: Final = 50  # from one address; further requests are not looked at
REFUSED_REQUESTS_AT_ONCE: Final = 300

# Lines of a process's log
LOG_LINES_A_SECOND: Final = 20  # of one kind; further ones are counted in one line
LOG_KINDS: Final = 200  # told apart in a second
LOG_VALUE_CHARACTERS: Final = 200  # of one value in a line; the rest is cut
LOG_TRACE_CHARACTERS: Final = 8_000  # of the end of an exception's trace

# --- Bounds of inputs ---
BOUNDS: Final = {
    "JSON of a request": Bound(
        (
            "JSON_BYTES",
            "JSON_DEPTH",
        ),
        "read whole and walked once",
        INVALID_INPUT,
        "test_ambiguous_or_unbounded_text_is_refused",
    ),
    "lines of one kind in the log of a process": Bound(
        (
            "LOG_LINES_A_SECOND",
            "LOG_KINDS",
        ),
        "a line each",
        "counted, and told in one line",
        "test_a_second_has_so_many_lines_of_a_kind_and_counts_the_others",
    ),
    "values in a line of the log": Bound(
        (
            "LOG_VALUE_CHARACTERS",
            "LOG_TRACE_CHARACTERS",
        ),
        "those characters on the disk",
        "cut",
        "test_a_flood_of_long_lines_leaves_few_and_short_ones_and_the_count_of_the_others",
    ),
    "clients and addresses that a rate tells apart": Bound(
        ("RATE_NAMES",),
        "a number each",
        "the later ones share one rate",
        "test_a_hundred_times_as_many_names_are_not_remembered",
    ),
    "requests of one address to the management API that are refused unidentified": Bound(
        (
            "REFUSED_REQUESTS_A_SECOND",
            "REFUSED_REQUESTS_AT_ONCE",
        ),
        "a token verified, a row read",
        REQUESTS_EXCEEDED,
        "test_an_address_that_was_refused_too_often_is_not_looked_at",
    ),
}


# --- Settings ---
@mypyc_attr(native_class=False)  # the whole of the settings inherits it
@dataclass(frozen=True)
class Settings:
    """The platform's addresses, its home folder and the level of its log."""

    home: Path | None = setting(
        None,
        "Folder of keys, sockets, records and embedded engines. Default: .weir/ here.",
        path=True,
    )
    domain: str = setting(
        "localhost", "Base domain of the four hosts: portal., auth., api. and manage."
    )
    public_port: int = setting(
        8443, "Port for browsers; asks for no client certificate.", low=1, high=65_535
    )
    mtls_port: int = setting(
        8444, "Port that requires a client certificate (RFC 8705).", low=1, high=65_535
    )
    log_level: str = setting("info", "debug, info, warning or error.")


# --- Compiled modules (docs/decisions/0008) ---
COMPILED: Final = (
    "declares",
    "strict_json",
)
