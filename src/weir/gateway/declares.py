"""Declarations of the gateway; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mypy_extensions import mypyc_attr

from weir.kernel.declarations import Bound, setting
from weir.kernel.declares import OVERLOADED
from weir.kernel.outcomes import Fault, Outcome, Retry

# --- Refusals ---
SIGNATURE_MISSING: Final = Outcome(
    "signature_missing",
    400,
    "This product takes signed requests only (RFC 9421): sign it with a registered key.",
    "该产品仅接受已签名的请求（RFC 9421），请使用已登记的密钥签名。",
    retry=Retry.CHANGED,
)
SIGNATURE_INVALID: Final = Outcome(
    "signature_invalid",
    400,
    "The request's signature is not valid, not current, was used before, or covers too little.",
    "请求签名无效、已过时、已被使用，或覆盖的内容不足。",
    retry=Retry.CHANGED,
)
UNKNOWN_PATH: Final = Outcome(
    "unknown_path", 404, "No capability answers at this address.", "该地址下没有可用的能力。"
)
CONSENT_REQUIRED: Final = Outcome(
    "consent_required",
    403,
    "This capability needs a customer's consent, and the token carries none for it.",
    "此能力需要客户授权，而令牌中没有对应的授权。",
    retry=Retry.CHANGED,
)
CONSENT_WITHDRAWN: Final = Outcome(
    "consent_withdrawn",
    401,
    "The customer's consent has been withdrawn.",
    "客户已撤回授权。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
CONSENT_EXPIRED: Final = Outcome(
    "consent_expired",
    403,
    "The customer's consent has ended.",
    "客户授权已到期。",
    retry=Retry.CHANGED,
)
CONSENT_PERMISSION: Final = Outcome(
    "consent_permission",
    403,
    "The customer's consent does not include this kind of data or action.",
    "客户授权不包含此类数据或操作。",
    retry=Retry.CHANGED,
)
CONSENT_ACCOUNT: Final = Outcome(
    "consent_account",
    403,
    "The customer's consent does not include this account.",
    "客户授权不包含此账户。",
    retry=Retry.CHANGED,
)
CONSENT_PAYMENT_MISMATCH: Final = Outcome(
    "consent_payment_mismatch",
    403,
    "The payment differs from the one the customer consented to.",
    "此笔支付与客户同意的内容不一致。",
    retry=Retry.CHANGED,
)
CONSENT_NOT_BEGUN: Final = Outcome(
    "consent_not_begun",
    403,
    "The customer's consent has not begun yet.",
    "客户授权尚未开始生效。",
    retry=Retry.LATER,
)
CONSENT_LIMIT_REACHED: Final = Outcome(
    "consent_limit_reached",
    403,
    "With this payment, those of the period would exceed what the customer allowed.",
    "加上此笔支付，本周期的支付合计将超出客户授权的限额。",
    retry=Retry.LATER,
)
CONSENT_USED: Final = Outcome(
    "consent_used",
    403,
    "This payment consent has already been used.",
    "该支付授权已被使用。",
    retry=Retry.CHANGED,
)
CONSENT_UNCHECKABLE: Final = Outcome(
    "consent_uncheckable",
    503,
    "The platform cannot confirm right now that the consent still stands.",
    "平台暂时无法确认授权是否仍然有效。",
    Fault.PLATFORM,
    Retry.LATER,
)
STANDING_UNCHECKABLE: Final = Outcome(
    "standing_uncheckable",
    503,
    "The platform cannot confirm right now that the application may still call.",
    "平台暂时无法确认该应用是否仍可调用。",
    Fault.PLATFORM,
    Retry.LATER,
)
BOUND_VALUE_MISSING: Final = Outcome(
    "bound_value_missing",
    400,
    "A value the consent must be checked against is missing or not in its required form.",
    "缺少需要与授权核对的字段，或其格式不正确。",
)
IDEMPOTENCY_KEY_REQUIRED: Final = Outcome(
    "idempotency_key_required",
    400,
    "A call that moves money needs an idempotency key.",
    "涉及资金的调用必须携带幂等键。",
)
QUOTA_EXCEEDED: Final = Outcome(
    "quota_exceeded",
    429,
    "The plan's quota for this period has been used up.",
    "本周期的套餐配额已用完。",
    retry=Retry.LATER,
)
LIMIT_UNCHECKABLE: Final = Outcome(
    "limit_uncheckable",
    503,
    "The platform cannot confirm right now that the call is within its limits.",
    "平台暂时无法确认调用是否在限额之内。",
    Fault.PLATFORM,
    Retry.LATER,
)
CONCURRENCY_EXCEEDED: Final = Outcome(
    "concurrency_exceeded",
    429,
    "Too many of your application's calls are still being answered. Wait for some of them.",
    "您的应用同时等待应答的调用过多，请待部分调用返回后再试。",
    retry=Retry.LATER,
)
ANSWER_TOO_LARGE: Final = Outcome(
    "answer_too_large",
    502,
    "The institution's answer is too large to be signed.",
    "该机构的应答过大，无法签名。",
    Fault.MEMBER,
)

# --- Limits ---
# HTTP messages from callers (RFC 9112)
BOUND_BODY_BYTES: Final = 65_536  # bodies the gateway must read to check a consent
MONEY_CALL_S: Final = 60  # a forwarded call that moves money is over by then, answered or not

# Calls in one gateway process
CALLS_IN_FLIGHT: Final = 16_384  # of all applications, admitted and not yet answered whole
APPLICATION_CALLS_IN_FLIGHT: Final = 4_096  # of one of them
FAULT_LINES_A_SECOND: Final = 20  # in the log; further faults are counted in one line

# Members' endpoints
HEALTH_INTERVAL_S: Final = 5  # between two checks of an endpoint in use
RETRY_WINDOW_S: Final = 5

# Signed messages (RFC 9421)
SIGNED_BODY_BYTES: Final = 1024 * 1024  # a signed request's body, and a signed answer's, held whole

# Identities of callers, as members get them
IDENTITY_LIFE_S: Final = 60  # from the signing of an identity to its end
IDENTITY_USED_S: Final = 20  # one identity goes with all calls of a token to a member so long

# Gateway processes
KNOWN_TOKENS: Final = 200_000  # tokens one gateway process remembers by their bytes

# Traces of calls
TRACESTATE_CHARACTERS: Final = 512
TRACES_PER_S: Final = 100  # sampled by one gateway process, however many callers wish for it
TRACE_EXPORT_TIMEOUT_S: Final = 5


# Certificates
CERTIFICATE_SWEEP_S: Final = 5  # how often renewed files of our own are looked for

# Starting and stopping roles
GATEWAY_DRAIN_S: Final = 10

# The change log
CHANGE_PAGE_ROWS: Final = 200  # changes a gateway reads and applies in one trip
CHANGE_PAGE_BYTES: Final = 262_144  # of documents in one trip, as they are stored
CHANGE_TRIP_TIMEOUT_S: Final = 5  # after which a gateway tries again with a smaller page
CHANGE_SLICE_S: Final = 0.001  # applied between two turns of the event loop

# --- Bounds of inputs ---
BOUNDS: Final = {
    "calls in flight in one process": Bound(
        ("CALLS_IN_FLIGHT",),
        "some 30 KiB each, and a connection to a member",
        OVERLOADED,
        "test_all_together_have_a_bound_too",
    ),
    "calls of one application in flight": Bound(
        ("APPLICATION_CALLS_IN_FLIGHT",),
        "as above",
        CONCURRENCY_EXCEEDED,
        "test_one_applications_calls_leave_room_for_the_others",
    ),
    "body that a consent is checked against": Bound(
        ("BOUND_BODY_BYTES",),
        "held whole, and read as JSON once",
        "body_too_large",
        "test_a_body_too_large_to_be_checked_is_refused",
    ),
    "body of a signed request": Bound(
        ("SIGNED_BODY_BYTES",),
        "held whole until its digest is checked",
        "body_too_large",
        "test_a_body_is_held_up_to_its_bound",
    ),
    "answer that is signed": Bound(
        ("SIGNED_BODY_BYTES",),
        "held whole until its digest is made",
        ANSWER_TOO_LARGE,
        "test_a_signed_payment_is_refused_in_the_declared_order",
    ),
    "access tokens remembered": Bound(
        ("KNOWN_TOKENS",),
        "2 KiB each at most",
        "the ones unused longest forgotten",
        "test_memory_is_bounded_and_keeps_what_is_used",
    ),
    "fields of a caller's trace": Bound(
        ("TRACESTATE_CHARACTERS",),
        "passed on",
        "members of the list dropped from its end",
        "test_states_are_bounded_in_number_and_size",
    ),
    "calls that wish to be traced": Bound(
        ("TRACES_PER_S",),
        "two spans each",
        "not traced",
        "test_wishes_to_be_traced_are_bounded",
    ),
    "faults of calls told in the log": Bound(
        ("FAULT_LINES_A_SECOND",),
        "a line each",
        "counted in one line",
        "test_a_flood_of_calls_to_a_broken_member_costs_the_log_a_few_lines",
    ),
    "changes of the configuration": Bound(
        ("CHANGE_PAGE_ROWS", "CHANGE_PAGE_BYTES", "CHANGE_TRIP_TIMEOUT_S", "CHANGE_SLICE_S"),
        "a page held, applied between calls",
        "read in the next page",
        "test_a_page_is_bounded_in_bytes_and_still_holds_one_change_at_least",
    ),
}


# --- Settings ---
@mypyc_attr(native_class=False)  # the whole of the settings inherits it
@dataclass(frozen=True)
class Settings:
    """The public listener."""

    bind_address: str = setting("127.0.0.1", "IP address the gateway listens on.")
    server_certificate: Path | None = setting(
        None,
        "PEM chain of the gateway's server certificate. Default: issued by the alliance.",
        path=True,
    )
    server_key: Path | None = setting(None, "PEM key of server_certificate.", path=True)
    gateway_processes: int = setting(
        2, "Gateway processes that weir up starts; one a core is usual.", low=1, high=128
    )
    connections: int = setting(
        32_768,
        "Connections of callers that one gateway process holds, if its descriptors allow it.",
        low=1,
        high=1_000_000,
    )
    connections_each_percent: int = setting(
        90,
        "Share of these that one address (IPv6: one /64) may have; when all are taken, the one with"
        " most gives way.",
        low=1,
        high=100,
    )
    member_networks: str | None = setting(
        None,
        "Networks members' endpoints may lie in (10.2.0.0/16,192.0.2.0/24). Default: any but"
        " link-local and multicast ones.",
    )
    proxy_networks: str | None = setting(
        None,
        "Networks of balancers whose connections begin with a PROXY protocol header of version 2"
        " (10.2.0.0/16); one from there without it is closed.",
    )
    client_cert_networks: str | None = setting(
        None,
        "Networks of balancers that end TLS and say whom they have verified in Client-Cert (RFC"
        " 9440); from anywhere else the field is dropped.",
    )
    otlp_endpoint: str | None = setting(
        None, "OTLP/HTTP receiver for spans of calls, http://collector:4318; unset sends none."
    )
    trace_percent: int = setting(
        1, "Share of calls without a traceparent of their own that are traced.", low=0, high=100
    )
    unconfirmed_calls_s: int = setting(
        60,
        "Seconds a gateway that cannot reach PostgreSQL still serves calls that need no consent.",
        low=0,
        high=3_600,
    )


# --- Compiled modules (docs/decisions/0008) ---
COMPILED: Final = (
    "config.bindings",
    "budgets.allowances",
    "budgets.budget",
    "budgets.concurrency",
    "call",
    "config.lease",
    "config.route_trie",
    "config.snapshot",
    "declares",
    "front.front",
    "head_memo",
    "front.interaction_ids",
    "labels",
    "front.passthrough",
    "members.members",
    "observing.counts",
    "phases.admit",
    "parts",
    "phases.authorize",
    "phases.bound_values",
    "phases.check_dpop",
    "phases.filter",
    "phases.forward",
    "phases.identify",
    "phases.limit",
    "phases.prove",
    "phases.recheck",
    "phases.record",
    "phases.respond",
    "phases.route",
    "pipeline",
    "record_stream",
    "tokens.identities",
    "tokens.known_tokens",
)
