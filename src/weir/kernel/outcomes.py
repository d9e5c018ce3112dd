"""Every refusal the platform can give, in one closed list.

A refusal has a public side (a code, an HTTP status, a sentence in English and Chinese) and a
private side (a detail for the log). The public side never names a host, a file, a library or a
version. On the wire it is RFC 9457 problem+json; on OAuth endpoints it is the error object of
RFC 6749 section 5.2, whose description is ASCII and whose Chinese stands behind `error_uri`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final


class Fault(Enum):
    """Whose doing a refusal was; settlement never bills what was not the caller's doing."""

    CALLER = "caller"
    PLATFORM = "platform"
    MEMBER = "member"


class Retry(Enum):
    """What the caller may do next."""

    NEVER = "never"  # the same request will be refused again
    LATER = "later"  # the same request may pass after a wait
    CHANGED = "changed"  # a new token, consent or key is needed first


@dataclass(frozen=True, slots=True)
class Outcome:
    """One named refusal. `oauth` is the RFC 6749 error code it wears on OAuth endpoints."""

    code: str
    status: int
    en: str
    zh: str
    fault: Fault = Fault.CALLER
    retry: Retry = Retry.NEVER
    oauth: str | None = None

    def title(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


class Refusal(Exception):  # noqa: N818 - a refusal is an answer of the platform, not a fault in it
    """Raised by any room to refuse. `detail` is for the log and never leaves the platform.

    `public` holds values that help the caller mend the request (a JSON pointer, a limit); they
    are shown, so they may only repeat what the caller sent or what the docs publish.
    """

    def __init__(self, outcome: Outcome, detail: str = "", **public: str | int) -> None:
        super().__init__(f"{outcome.code}: {detail}" if detail else outcome.code)
        self.outcome = outcome
        self.detail = detail
        self.public = public

    def problem(self, interaction_id: str | None = None) -> dict[str, Any]:
        """The RFC 9457 object, both languages in it, so that no caller needs to negotiate."""
        return problem(self.outcome, interaction_id, self.public)


def problem(
    outcome: Outcome, interaction_id: str | None = None, public: dict[str, str | int] | None = None
) -> dict[str, Any]:
    """RFC 9457 section 3.1 members, plus `code`, `title_zh`, `fault`, `retry`."""
    body: dict[str, Any] = {
        "type": f"urn:weir:refusal:{outcome.code}",
        "title": outcome.en,
        "title_zh": outcome.zh,
        "status": outcome.status,
        "code": outcome.code,
        "fault": outcome.fault.value,
        "retry": outcome.retry.value,
    }
    if interaction_id:
        body["interaction_id"] = interaction_id
    if public:
        body["parameters"] = public
    return body


CATALOGUE: Final[dict[str, Outcome]] = {}


def _outcome(
    code: str,
    status: int,
    en: str,
    zh: str,
    fault: Fault = Fault.CALLER,
    retry: Retry = Retry.NEVER,
    oauth: str | None = None,
) -> Outcome:
    assert code not in CATALOGUE, f"two refusals are called {code}"
    CATALOGUE[code] = Outcome(code, status, en, zh, fault, retry, oauth)
    return CATALOGUE[code]


# --- The HTTP message itself (wire/) ------------------------------------------------------------
MALFORMED_HTTP = _outcome(
    "malformed_http", 400, "The request is not valid HTTP/1.1.", "请求不符合 HTTP/1.1 规范。"
)
HEADERS_TOO_LARGE = _outcome(
    "headers_too_large", 431, "The request's header fields are too large.", "请求头过大。"
)
URI_TOO_LONG = _outcome("uri_too_long", 414, "The request's address is too long.", "请求地址过长。")
BODY_TOO_LARGE = _outcome("body_too_large", 413, "The request's body is too large.", "请求体过大。")
UNKNOWN_HOST = _outcome(
    "unknown_host", 421, "No service answers under this host name.", "该域名下没有服务。"
)
REQUEST_TIMEOUT = _outcome(
    "request_timeout",
    408,
    "The request did not arrive in full in time.",
    "请求未能在规定时间内完整到达。",
    retry=Retry.LATER,
)
HTTP_VERSION_UNSUPPORTED = _outcome(
    "http_version_unsupported", 505, "Only HTTP/1.1 is spoken here.", "仅支持 HTTP/1.1。"
)
METHOD_NOT_ALLOWED = _outcome(
    "method_not_allowed", 405, "This address does not take this method.", "该地址不支持此请求方法。"
)
UNSUPPORTED_MEDIA_TYPE = _outcome(
    "unsupported_media_type",
    415,
    "The body's media type is not taken here.",
    "不支持该请求体的媒体类型。",
)

# --- Identify (gateway/) ------------------------------------------------------------------------
TOKEN_MISSING = _outcome(
    "token_missing",
    401,
    "The request carries no access token in its Authorization header.",
    "请求的 Authorization 头中没有访问令牌。",
    retry=Retry.CHANGED,
)
TOKEN_INVALID = _outcome(
    "token_invalid",
    401,
    "The access token is not one this platform issued, or it was altered.",
    "访问令牌不是本平台签发的，或已被改动。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
TOKEN_EXPIRED = _outcome(
    "token_expired",
    401,
    "The access token has expired. Ask for a new one.",
    "访问令牌已过期，请重新获取。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
TOKEN_REVOKED = _outcome(
    "token_revoked",
    401,
    "The access token has been revoked.",
    "访问令牌已被撤销。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
CERTIFICATE_REQUIRED = _outcome(
    "certificate_required",
    401,
    "This token is bound to a client certificate; call the mutual-TLS address with it.",
    "该令牌绑定了客户端证书，请携带证书访问双向 TLS 地址。",
    retry=Retry.CHANGED,
)
CERTIFICATE_MISMATCH = _outcome(
    "certificate_mismatch",
    401,
    "The token is bound to another client certificate.",
    "该令牌绑定的是另一张客户端证书。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
CERTIFICATE_REVOKED = _outcome(
    "certificate_revoked",
    401,
    "The client certificate has been revoked.",
    "客户端证书已被吊销。",
    retry=Retry.CHANGED,
)
TOKEN_SCHEME_WRONG = _outcome(
    "token_scheme_wrong",
    401,
    "A token bound to a DPoP key is sent under the scheme DPoP, any other under Bearer.",
    "绑定 DPoP 密钥的令牌须使用 DPoP 方案，其他令牌须使用 Bearer 方案。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
DPOP_PROOF_INVALID = _outcome(
    "dpop_proof_invalid",
    401,
    "The DPoP proof is missing, was used before, or does not fit the token and the request.",
    "DPoP 证明缺失、已被使用，或与令牌和请求不符。",
    retry=Retry.CHANGED,
    oauth="invalid_dpop_proof",
)
SIGNATURE_MISSING = _outcome(
    "signature_missing",
    400,
    "This product takes signed requests only (RFC 9421): sign it with a registered key.",
    "该产品仅接受已签名的请求（RFC 9421），请使用已登记的密钥签名。",
    retry=Retry.CHANGED,
)
SIGNATURE_INVALID = _outcome(
    "signature_invalid",
    400,
    "The request's signature is not valid, not current, was used before, or covers too little.",
    "请求签名无效、已过时、已被使用，或覆盖的内容不足。",
    retry=Retry.CHANGED,
)
APPLICATION_SUSPENDED = _outcome(
    "application_suspended",
    403,
    "The application is not active.",
    "该应用未处于启用状态。",
    retry=Retry.CHANGED,
    oauth="unauthorized_client",
)
ORGANISATION_SUSPENDED = _outcome(
    "organisation_suspended",
    403,
    "The organisation is not active.",
    "该机构未处于启用状态。",
    retry=Retry.CHANGED,
    oauth="unauthorized_client",
)

# --- Route and authorize (gateway/) -------------------------------------------------------------
UNKNOWN_PATH = _outcome(
    "unknown_path", 404, "No capability answers at this address.", "该地址下没有可用的能力。"
)
SUBSCRIPTION_REQUIRED = _outcome(
    "subscription_required",
    403,
    "The application has no active subscription to this product.",
    "该应用没有订阅此产品，或订阅未生效。",
    retry=Retry.CHANGED,
)
SCOPE_INSUFFICIENT = _outcome(
    "scope_insufficient",
    403,
    "The access token does not cover this product.",
    "访问令牌的授权范围不包含此产品。",
    retry=Retry.CHANGED,
    oauth="insufficient_scope",
)
CONSENT_REQUIRED = _outcome(
    "consent_required",
    403,
    "This capability needs a customer's consent, and the token carries none for it.",
    "此能力需要客户授权，而令牌中没有对应的授权。",
    retry=Retry.CHANGED,
)
CONSENT_WITHDRAWN = _outcome(
    "consent_withdrawn",
    403,
    "The customer's consent has been withdrawn.",
    "客户已撤回授权。",
    retry=Retry.CHANGED,
)
CONSENT_EXPIRED = _outcome(
    "consent_expired",
    403,
    "The customer's consent has ended.",
    "客户授权已到期。",
    retry=Retry.CHANGED,
)
CONSENT_PERMISSION = _outcome(
    "consent_permission",
    403,
    "The customer's consent does not include this kind of data or action.",
    "客户授权不包含此类数据或操作。",
    retry=Retry.CHANGED,
)
CONSENT_ACCOUNT = _outcome(
    "consent_account",
    403,
    "The customer's consent does not include this account.",
    "客户授权不包含此账户。",
    retry=Retry.CHANGED,
)
CONSENT_PAYMENT_MISMATCH = _outcome(
    "consent_payment_mismatch",
    403,
    "The payment differs from the one the customer consented to.",
    "此笔支付与客户同意的内容不一致。",
    retry=Retry.CHANGED,
)
CONSENT_NOT_BEGUN = _outcome(
    "consent_not_begun",
    403,
    "The customer's consent has not begun yet.",
    "客户授权尚未开始生效。",
    retry=Retry.LATER,
)
CONSENT_LIMIT_REACHED = _outcome(
    "consent_limit_reached",
    403,
    "With this payment, those of the period would exceed what the customer allowed.",
    "加上此笔支付，本周期的支付合计将超出客户授权的限额。",
    retry=Retry.LATER,
)
CONSENT_USED = _outcome(
    "consent_used",
    403,
    "This payment consent has already been used.",
    "该支付授权已被使用。",
    retry=Retry.CHANGED,
)
CONSENT_UNCHECKABLE = _outcome(
    "consent_uncheckable",
    503,
    "The platform cannot confirm right now that the consent still stands.",
    "平台暂时无法确认授权是否仍然有效。",
    Fault.PLATFORM,
    Retry.LATER,
)
STANDING_UNCHECKABLE = _outcome(
    "standing_uncheckable",
    503,
    "The platform cannot confirm right now that the application may still call.",
    "平台暂时无法确认该应用是否仍可调用。",
    Fault.PLATFORM,
    Retry.LATER,
)
BOUND_VALUE_MISSING = _outcome(
    "bound_value_missing",
    400,
    "A value the consent must be checked against is missing or not in its required form.",
    "缺少需要与授权核对的字段，或其格式不正确。",
)
IDEMPOTENCY_KEY_REQUIRED = _outcome(
    "idempotency_key_required",
    400,
    "A call that moves money needs an idempotency key.",
    "涉及资金的调用必须携带幂等键。",
)
IDEMPOTENCY_KEY_REUSED = _outcome(
    "idempotency_key_reused",
    422,
    "This idempotency key was used before with a different request.",
    "该幂等键已用于另一笔不同的请求。",
)

# --- Limit (gateway/) ---------------------------------------------------------------------------
RATE_EXCEEDED = _outcome(
    "rate_exceeded",
    429,
    "The plan's rate has been reached. Wait as long as Retry-After says.",
    "已达到套餐的速率上限，请按 Retry-After 等待后重试。",
    retry=Retry.LATER,
)
QUOTA_EXCEEDED = _outcome(
    "quota_exceeded",
    429,
    "The plan's quota for this period has been used up.",
    "本周期的套餐配额已用完。",
    retry=Retry.LATER,
)
LIMIT_UNCHECKABLE = _outcome(
    "limit_uncheckable",
    503,
    "The platform cannot confirm right now that the call is within its limits.",
    "平台暂时无法确认调用是否在限额之内。",
    Fault.PLATFORM,
    Retry.LATER,
)
CONCURRENCY_EXCEEDED = _outcome(
    "concurrency_exceeded",
    429,
    "Too many of your application's calls are still being answered. Wait for some of them.",
    "您的应用同时等待应答的调用过多，请待部分调用返回后再试。",
    retry=Retry.LATER,
)
OVERLOADED = _outcome(
    "overloaded",
    503,
    "The platform is at its capacity. Try again shortly.",
    "平台当前繁忙，请稍后重试。",
    Fault.PLATFORM,
    Retry.LATER,
)

# --- Forward (gateway/) -------------------------------------------------------------------------
MEMBER_UNREACHABLE = _outcome(
    "member_unreachable",
    502,
    "The institution could not be reached.",
    "暂时无法连接该机构。",
    Fault.MEMBER,
    Retry.LATER,
)
MEMBER_TIMEOUT = _outcome(
    "member_timeout",
    504,
    "The institution did not answer in time.",
    "该机构未在规定时间内应答。",
    Fault.MEMBER,
    Retry.LATER,
)
MEMBER_BROKEN_ANSWER = _outcome(
    "member_broken_answer",
    502,
    "The institution's answer was not valid HTTP or broke off.",
    "该机构的应答不合规范或中途中断。",
    Fault.MEMBER,
    Retry.LATER,
)
ANSWER_TOO_LARGE = _outcome(
    "answer_too_large",
    502,
    "The institution's answer is too large to be signed.",
    "该机构的应答过大，无法签名。",
    Fault.MEMBER,
)
CALLER_GONE = _outcome(
    "caller_gone",
    499,
    "The caller closed the connection before the answer was complete.",
    "调用方在应答完成前断开了连接。",
    retry=Retry.LATER,
)
RECORD_UNWRITABLE = _outcome(
    "record_unwritable",
    503,
    "The call cannot be recorded right now, so it is not served.",
    "当前无法记录此次调用，因此不予受理。",
    Fault.PLATFORM,
    Retry.LATER,
)
PLATFORM_UNAVAILABLE = _outcome(
    "platform_unavailable",
    503,
    "This part of the platform is not available right now.",
    "平台的这一部分暂时不可用。",
    Fault.PLATFORM,
    Retry.LATER,
)
PLATFORM_ERROR = _outcome(
    "platform_error",
    500,
    "Something went wrong on our side. It has been recorded.",
    "平台出现错误，已记录。",
    Fault.PLATFORM,
    Retry.LATER,
)

# --- OAuth (authorization/) ---------------------------------------------------------------------
OAUTH_INVALID_REQUEST = _outcome(
    "oauth_invalid_request",
    400,
    "The request lacks a parameter, repeats one, or has one in the wrong form.",
    "请求缺少参数、参数重复或格式不正确。",
    oauth="invalid_request",
)
OAUTH_INVALID_CLIENT = _outcome(
    "oauth_invalid_client",
    401,
    "The client could not be authenticated.",
    "客户端身份验证失败。",
    retry=Retry.CHANGED,
    oauth="invalid_client",
)
OAUTH_INVALID_GRANT = _outcome(
    "oauth_invalid_grant",
    400,
    "The code or refresh token is not valid, has expired, or belongs to another client.",
    "授权码或刷新令牌无效、已过期，或属于其他客户端。",
    retry=Retry.CHANGED,
    oauth="invalid_grant",
)
OAUTH_UNAUTHORIZED_CLIENT = _outcome(
    "oauth_unauthorized_client",
    400,
    "The client may not use this grant type.",
    "该客户端无权使用此授权方式。",
    oauth="unauthorized_client",
)
OAUTH_UNSUPPORTED_GRANT_TYPE = _outcome(
    "oauth_unsupported_grant_type",
    400,
    "The grant type is not offered here.",
    "不支持此授权方式。",
    oauth="unsupported_grant_type",
)
OAUTH_UNSUPPORTED_RESPONSE_TYPE = _outcome(
    "oauth_unsupported_response_type",
    400,
    "Only response_type=code is offered.",
    "仅支持 response_type=code。",
    oauth="unsupported_response_type",
)
OAUTH_INVALID_SCOPE = _outcome(
    "oauth_invalid_scope",
    400,
    "A scope is unknown or not open to this client.",
    "授权范围未知，或不对该客户端开放。",
    oauth="invalid_scope",
)
OAUTH_INVALID_AUTHORIZATION_DETAILS = _outcome(
    "oauth_invalid_authorization_details",
    400,
    "The authorization_details are not of a form this server grants.",
    "authorization_details 的内容不符合要求。",
    oauth="invalid_authorization_details",
)
OAUTH_INVALID_REDIRECT_URI = _outcome(
    "oauth_invalid_redirect_uri",
    400,
    "The redirect_uri is not registered for this client.",
    "redirect_uri 未在该客户端登记。",
    oauth="invalid_request",
)
OAUTH_INVALID_CLIENT_METADATA = _outcome(
    "oauth_invalid_client_metadata",
    400,
    "The client's metadata lacks a member, or holds one that is not taken here.",
    "客户端元数据缺少字段，或包含不被接受的字段。",
    oauth="invalid_client_metadata",
)
OAUTH_REGISTRATION_ADDRESS = _outcome(
    "oauth_registration_address",
    400,
    "An address in redirect_uris is not one this server sends customers back to.",
    "redirect_uris 中含有不可作为回跳地址的地址。",
    oauth="invalid_redirect_uri",
)
OAUTH_INVALID_SOFTWARE_STATEMENT = _outcome(
    "oauth_invalid_software_statement",
    400,
    "The software statement is missing, not valid, not current, or was used before.",
    "软件声明缺失、无效、已过期或已被使用。",
    oauth="invalid_software_statement",
)
OAUTH_UNAPPROVED_SOFTWARE_STATEMENT = _outcome(
    "oauth_unapproved_software_statement",
    400,
    "The software statement is not of an issuer or for an organisation known here.",
    "软件声明的签发方或所属机构未获本平台认可。",
    oauth="unapproved_software_statement",
)
OAUTH_REGISTRATION_TOKEN_INVALID = _outcome(
    "oauth_registration_token_invalid",
    401,
    "The registration access token does not open this registration.",
    "注册访问令牌无效。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
OAUTH_TOO_MANY_REQUESTS = _outcome(
    "oauth_too_many_requests",
    429,
    "There were too many requests from this address. Wait a minute.",
    "来自该地址的请求过多，请一分钟后再试。",
    retry=Retry.LATER,
    oauth="temporarily_unavailable",
)
OAUTH_INVALID_REQUEST_URI = _outcome(
    "oauth_invalid_request_uri",
    400,
    "The request_uri is unknown, has expired, was used, or belongs to another client.",
    "request_uri 不存在、已过期、已使用或属于其他客户端。",
    retry=Retry.CHANGED,
    oauth="invalid_request_uri",
)
OAUTH_CERTIFICATE_REQUIRED = _outcome(
    "oauth_certificate_required",
    400,
    "Tokens are bound to a key: use the mutual-TLS address, or send a DPoP proof.",
    "令牌必须绑定密钥：请使用双向 TLS 地址，或提供 DPoP 证明。",
    oauth="invalid_request",
)
OAUTH_INVALID_REQUEST_OBJECT = _outcome(
    "oauth_invalid_request_object",
    400,
    "The signed request object is not valid, not current, or not the client's.",
    "已签名的请求对象无效、不在有效期内，或不属于该客户端。",
    retry=Retry.CHANGED,
    oauth="invalid_request_object",
)
OAUTH_INVALID_DPOP_PROOF = _outcome(
    "oauth_invalid_dpop_proof",
    400,
    "The DPoP proof is not valid for this request, or was used before.",
    "DPoP 证明对此请求无效，或已被使用。",
    retry=Retry.CHANGED,
    oauth="invalid_dpop_proof",
)
OAUTH_USE_DPOP_NONCE = _outcome(
    "oauth_use_dpop_nonce",
    400,
    "The DPoP proof must hold the nonce in this answer's DPoP-Nonce header.",
    "DPoP 证明须包含此应答 DPoP-Nonce 头中的随机值。",
    retry=Retry.CHANGED,
    oauth="use_dpop_nonce",
)
OAUTH_ACCESS_DENIED = _outcome(
    "oauth_access_denied",
    400,
    "The customer said no.",
    "客户拒绝了授权。",
    retry=Retry.CHANGED,
    oauth="access_denied",
)
OAUTH_AUTHENTICATION_UNMET = _outcome(
    "oauth_authentication_unmet",
    403,
    "Nobody can sign in here in the way this request demands.",
    "本平台无法以该请求所要求的方式进行身份认证。",
    oauth="access_denied",
)
OAUTH_INTERACTION_REQUIRED = _outcome(
    "oauth_interaction_required",
    400,
    "A customer is always asked in person: prompt=none cannot be kept.",
    "授权必须由客户本人确认，无法按 prompt=none 处理。",
    oauth="interaction_required",
)
OAUTH_AUTHORIZATION_PENDING = _outcome(
    "oauth_authorization_pending",
    400,
    "The customer has not answered yet. Ask again after the interval.",
    "客户尚未答复，请按间隔时间再次查询。",
    retry=Retry.LATER,
    oauth="authorization_pending",
)
OAUTH_SLOW_DOWN = _outcome(
    "oauth_slow_down",
    400,
    "You ask too often. Wait for the interval, which is longer now.",
    "查询过于频繁，间隔时间已延长，请按新的间隔再次查询。",
    retry=Retry.LATER,
    oauth="slow_down",
)
OAUTH_EXPIRED_TOKEN = _outcome(
    "oauth_expired_token",
    400,
    "The auth_req_id has expired. Ask the customer anew.",
    "auth_req_id 已过期，请重新向客户发起请求。",
    retry=Retry.CHANGED,
    oauth="expired_token",
)
OAUTH_INVALID_BINDING_MESSAGE = _outcome(
    "oauth_invalid_binding_message",
    400,
    "A binding_message is required: one line of visible text, of bounded length.",
    "须提供 binding_message，且为一行可见文字，长度不超过上限。",
    oauth="invalid_binding_message",
)
OAUTH_TOO_MANY_QUESTIONS = _outcome(
    "oauth_too_many_questions",
    429,
    "Too many questions to customers in a short time. Wait before you ask again.",
    "短时间内向客户发起的请求过多，请稍后再试。",
    retry=Retry.LATER,
    oauth="temporarily_unavailable",
)
OAUTH_INVALID_GRANT_ID = _outcome(
    "oauth_invalid_grant_id",
    400,
    "The grant_id is unknown, has ended, cannot be changed, or is another client's.",
    "grant_id 不存在、已失效、不可变更，或属于其他客户端。",
    retry=Retry.CHANGED,
    oauth="invalid_grant_id",
)
OAUTH_TEMPORARILY_UNAVAILABLE = _outcome(
    "oauth_temporarily_unavailable",
    503,
    "The authorization server cannot answer right now. Try again shortly.",
    "授权服务器暂时无法应答，请稍后重试。",
    Fault.PLATFORM,
    Retry.LATER,
    oauth="temporarily_unavailable",
)

# --- Pages (portal/) ----------------------------------------------------------------------------
SIGN_IN_FAILED = _outcome(
    "sign_in_failed",
    401,
    "The name or the passphrase is not right.",
    "用户名或口令不正确。",
    retry=Retry.CHANGED,
)
SIGN_IN_LOCKED = _outcome(
    "sign_in_locked",
    429,
    "Too many attempts. Wait a few minutes and try again.",
    "尝试次数过多，请几分钟后再试。",
    retry=Retry.LATER,
)
SECOND_FACTOR_WRONG = _outcome(
    "second_factor_wrong",
    401,
    "The code is not right, or was used before. Wait for the next one and try again.",
    "验证码不正确或已使用，请等待下一个验证码后再试。",
    retry=Retry.CHANGED,
)
PASSKEY_REFUSED = _outcome(
    "passkey_refused",
    401,
    "The passkey could not be verified. Nothing was changed; try again.",
    "通行密钥验证未通过，未做任何更改，请重试。",
    retry=Retry.CHANGED,
)
FRESH_PROOF_NEEDED = _outcome(
    "fresh_proof_needed",
    401,
    "Prove again that it is you before this is done.",
    "执行此操作前，请再次验证身份。",
    retry=Retry.CHANGED,
)
TOO_MANY_SIGN_UPS = _outcome(
    "too_many_sign_ups",
    429,
    "Too many organisations were registered from this address. Try again in an hour.",
    "该地址登记的机构过多，请一小时后再试。",
    retry=Retry.LATER,
)
PRODUCTION_NEEDED = _outcome(
    "production_needed",
    403,
    "An organisation in the sandbox subscribes to sandbox products only.",
    "处于沙箱阶段的机构只能订阅沙箱产品。",
    retry=Retry.CHANGED,
)
PAGE_EXPIRED = _outcome(
    "page_expired",
    410,
    "This page has expired. Nothing was changed; start again where you came from.",
    "页面已过期，未做任何更改。请回到原来的页面或应用重新开始。",
    retry=Retry.CHANGED,
)
LINK_USED = _outcome(
    "link_used",
    410,
    "This one-time link is unknown, has expired or was used.",
    "该一次性链接不存在、已过期或已使用。",
    retry=Retry.CHANGED,
)

# --- Management API and domain services ---------------------------------------------------------
NOT_FOUND = _outcome(
    "not_found", 404, "There is no such thing, or it is not yours to see.", "不存在，或您无权查看。"
)
FORBIDDEN = _outcome(
    "forbidden", 403, "Your organisation may not do this.", "您所在的机构无权执行此操作。"
)
INVALID_INPUT = _outcome(
    "invalid_input",
    422,
    "A value is missing or not in its required form.",
    "缺少字段或格式不正确。",
)
CONFLICT = _outcome(
    "conflict",
    409,
    "This clashes with what is already there.",
    "与现有内容冲突。",
    retry=Retry.CHANGED,
)
ILLEGAL_STATE = _outcome(
    "illegal_state",
    409,
    "This cannot be done in the present state.",
    "当前状态下无法执行此操作。",
    retry=Retry.CHANGED,
)
REVOCATION_UNCONFIRMED = _outcome(
    "revocation_unconfirmed",
    504,
    "The withdrawal is stored, but not every gateway has confirmed it yet.",
    "撤回已保存，但尚未得到全部网关确认。",
    Fault.PLATFORM,
    Retry.LATER,
)
DOCUMENT_TOO_LARGE = _outcome(
    "document_too_large", 413, "The document is larger than the limit.", "文档超过大小上限。"
)
DOCUMENT_UNREADABLE = _outcome(
    "document_unreadable",
    422,
    "The document is neither valid JSON nor valid YAML.",
    "文档不是有效的 JSON 或 YAML。",
)
DOCUMENT_INVALID = _outcome(
    "document_invalid",
    422,
    "The document is not an OpenAPI 2.0, 3.0 or 3.1 document this shelf can take.",
    "文档不是货架可接受的 OpenAPI 2.0、3.0 或 3.1 文档。",
)
CERTIFICATE_REQUEST_INVALID = _outcome(
    "certificate_request_invalid",
    422,
    "The certificate request is not valid, or its key is too weak.",
    "证书请求无效，或密钥强度不足。",
)

# --- Starting the platform (cli/, store/) -------------------------------------------------------
SETTING_INVALID = _outcome(
    "setting_invalid",
    500,
    "A setting has a value it cannot have.",
    "某项设置的值无效。",
    Fault.PLATFORM,
)
ENGINE_UNAVAILABLE = _outcome(
    "engine_unavailable",
    503,
    "A database the platform stands on cannot be reached.",
    "平台所依赖的数据库无法连接。",
    Fault.PLATFORM,
    Retry.LATER,
)
SCHEMA_NEWER = _outcome(
    "schema_newer",
    500,
    "The database was written by a newer weir; start that version.",
    "数据库由更新版本的 weir 写入，请使用该版本启动。",
    Fault.PLATFORM,
)
PORT_TAKEN = _outcome(
    "port_taken", 500, "A port is already in use.", "端口已被占用。", Fault.PLATFORM
)
HOME_UNUSABLE = _outcome(
    "home_unusable",
    500,
    "The home folder cannot be used.",
    "主目录无法使用。",
    Fault.PLATFORM,
)
