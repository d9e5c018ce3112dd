"""Declarations of the authorization server; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from weir.access.roles import BUILDERS, MEMBER, OWNERS, PARTIES, Rule
from weir.kernel.declarations import Bound, Lock, Periodic, setting
from weir.kernel.declares import LIMIT_REACHED
from weir.kernel.outcomes import Fault, Outcome, Retry

# --- Refusals ---
OAUTH_INVALID_REQUEST: Final = Outcome(
    "oauth_invalid_request",
    400,
    "The request lacks a parameter, repeats one, or has one in the wrong form.",
    "请求缺少参数、参数重复或格式不正确。",
    oauth="invalid_request",
)
OAUTH_INVALID_CLIENT: Final = Outcome(
    "oauth_invalid_client",
    401,
    "The client could not be authenticated.",
    "客户端身份验证失败。",
    retry=Retry.CHANGED,
    oauth="invalid_client",
)
OAUTH_INVALID_GRANT: Final = Outcome(
    "oauth_invalid_grant",
    400,
    "The code or refresh token is not valid, has expired, or belongs to another client.",
    "授权码或刷新令牌无效、已过期，或属于其他客户端。",
    retry=Retry.CHANGED,
    oauth="invalid_grant",
)
OAUTH_UNAUTHORIZED_CLIENT: Final = Outcome(
    "oauth_unauthorized_client",
    400,
    "The client may not use this endpoint or grant type.",
    "该客户端无权使用此端点或授权方式。",
    oauth="unauthorized_client",
)
OAUTH_UNSUPPORTED_GRANT_TYPE: Final = Outcome(
    "oauth_unsupported_grant_type",
    400,
    "The grant type is not offered here.",
    "不支持此授权方式。",
    oauth="unsupported_grant_type",
)
OAUTH_UNSUPPORTED_RESPONSE_TYPE: Final = Outcome(
    "oauth_unsupported_response_type",
    400,
    "Only response_type=code is offered.",
    "仅支持 response_type=code。",
    oauth="unsupported_response_type",
)
OAUTH_INVALID_SCOPE: Final = Outcome(
    "oauth_invalid_scope",
    400,
    "A scope is unknown or not open to this client.",
    "授权范围未知，或不对该客户端开放。",
    oauth="invalid_scope",
)
OAUTH_INVALID_REDIRECT_URI: Final = Outcome(
    "oauth_invalid_redirect_uri",
    400,
    "The redirect_uri is not registered for this client.",
    "redirect_uri 未在该客户端登记。",
    oauth="invalid_request",
)
OAUTH_INVALID_CLIENT_METADATA: Final = Outcome(
    "oauth_invalid_client_metadata",
    400,
    "The client's metadata lacks a member, or holds one that is not taken here.",
    "客户端元数据缺少字段，或包含不被接受的字段。",
    oauth="invalid_client_metadata",
)
OAUTH_REGISTRATION_ADDRESS: Final = Outcome(
    "oauth_registration_address",
    400,
    "An address in redirect_uris is not one this server sends customers back to.",
    "redirect_uris 中含有不可作为回跳地址的地址。",
    oauth="invalid_redirect_uri",
)
OAUTH_INVALID_SOFTWARE_STATEMENT: Final = Outcome(
    "oauth_invalid_software_statement",
    400,
    "The software statement is missing, not valid, not current, or was used before.",
    "软件声明缺失、无效、已过期或已被使用。",
    oauth="invalid_software_statement",
)
OAUTH_UNAPPROVED_SOFTWARE_STATEMENT: Final = Outcome(
    "oauth_unapproved_software_statement",
    400,
    "The software statement is not of an issuer or for an organisation known here.",
    "软件声明的签发方或所属机构未获本平台认可。",
    oauth="unapproved_software_statement",
)
OAUTH_REGISTRATION_TOKEN_INVALID: Final = Outcome(
    "oauth_registration_token_invalid",
    401,
    "The registration access token does not open this registration.",
    "注册访问令牌无效。",
    retry=Retry.CHANGED,
    oauth="invalid_token",
)
OAUTH_TOO_MANY_REQUESTS: Final = Outcome(
    "oauth_too_many_requests",
    429,
    "There were too many requests from this address. Wait as long as Retry-After says.",
    "来自该地址的请求过多，请按 Retry-After 等待后重试。",
    retry=Retry.LATER,
    oauth="temporarily_unavailable",
)
OAUTH_RATE_EXCEEDED: Final = Outcome(
    "oauth_rate_exceeded",
    429,
    "The application sends more requests than its rate. Wait as long as Retry-After says.",
    "该应用的请求超过速率上限，请按 Retry-After 等待后重试。",
    retry=Retry.LATER,
    oauth="temporarily_unavailable",
)
OAUTH_INVALID_REQUEST_URI: Final = Outcome(
    "oauth_invalid_request_uri",
    400,
    "The request_uri is unknown, has expired, was used, or belongs to another client.",
    "request_uri 不存在、已过期、已使用或属于其他客户端。",
    retry=Retry.CHANGED,
    oauth="invalid_request_uri",
)
OAUTH_REQUEST_NOT_PUSHED: Final = Outcome(
    "oauth_request_not_pushed",
    400,
    "Authorization requests are pushed first: the browser brings client_id and request_uri only.",
    "授权请求须先推送：浏览器只携带 client_id 和 request_uri。",
    oauth="invalid_request",
)
OAUTH_INVALID_TARGET: Final = Outcome(
    "oauth_invalid_target",
    400,
    "The resource is not the one that a token of this scope is for.",
    "resource 不是该授权范围的令牌所对应的资源。",
    oauth="invalid_target",
)
OAUTH_CERTIFICATE_REQUIRED: Final = Outcome(
    "oauth_certificate_required",
    400,
    "Tokens are bound to a key: use the mutual-TLS address, or send a DPoP proof.",
    "令牌必须绑定密钥：请使用双向 TLS 地址，或提供 DPoP 证明。",
    oauth="invalid_request",
)
OAUTH_INVALID_REQUEST_OBJECT: Final = Outcome(
    "oauth_invalid_request_object",
    400,
    "The signed request object is not valid, not current, or not the client's.",
    "已签名的请求对象无效、不在有效期内，或不属于该客户端。",
    retry=Retry.CHANGED,
    oauth="invalid_request_object",
)
OAUTH_INVALID_DPOP_PROOF: Final = Outcome(
    "oauth_invalid_dpop_proof",
    400,
    "The DPoP proof is not valid for this request, or was used before.",
    "DPoP 证明对此请求无效，或已被使用。",
    retry=Retry.CHANGED,
    oauth="invalid_dpop_proof",
)
OAUTH_USE_DPOP_NONCE: Final = Outcome(
    "oauth_use_dpop_nonce",
    400,
    "The DPoP proof must hold the nonce in this answer's DPoP-Nonce header.",
    "DPoP 证明须包含此应答 DPoP-Nonce 头中的随机值。",
    retry=Retry.CHANGED,
    oauth="use_dpop_nonce",
)
OAUTH_ACCESS_DENIED: Final = Outcome(
    "oauth_access_denied",
    400,
    "The customer said no.",
    "客户拒绝了授权。",
    retry=Retry.CHANGED,
    oauth="access_denied",
)
OAUTH_AUTHENTICATION_UNMET: Final = Outcome(
    "oauth_authentication_unmet",
    403,
    "Nobody can sign in here in the way this request demands.",
    "本平台无法以该请求所要求的方式进行身份认证。",
    oauth="access_denied",
)
OAUTH_INTERACTION_REQUIRED: Final = Outcome(
    "oauth_interaction_required",
    400,
    "A customer is always asked in person: prompt=none cannot be kept.",
    "授权必须由客户本人确认，无法按 prompt=none 处理。",
    oauth="interaction_required",
)
OAUTH_AUTHORIZATION_PENDING: Final = Outcome(
    "oauth_authorization_pending",
    400,
    "The customer has not answered yet. Ask again after the interval.",
    "客户尚未答复，请按间隔时间再次查询。",
    retry=Retry.LATER,
    oauth="authorization_pending",
)
OAUTH_SLOW_DOWN: Final = Outcome(
    "oauth_slow_down",
    400,
    "You ask too often. Wait for the interval, which is longer now.",
    "查询过于频繁，间隔时间已延长，请按新的间隔再次查询。",
    retry=Retry.LATER,
    oauth="slow_down",
)
OAUTH_EXPIRED_TOKEN: Final = Outcome(
    "oauth_expired_token",
    400,
    "The auth_req_id has expired. Ask the customer anew.",
    "auth_req_id 已过期，请重新向客户发起请求。",
    retry=Retry.CHANGED,
    oauth="expired_token",
)
OAUTH_INVALID_BINDING_MESSAGE: Final = Outcome(
    "oauth_invalid_binding_message",
    400,
    "A binding_message is required: one line of visible text, of bounded length.",
    "须提供 binding_message，且为一行可见文字，长度不超过上限。",
    oauth="invalid_binding_message",
)
OAUTH_TOO_MANY_QUESTIONS: Final = Outcome(
    "oauth_too_many_questions",
    429,
    "Too many questions to customers in a short time. Wait before you ask again.",
    "短时间内向客户发起的请求过多，请稍后再试。",
    retry=Retry.LATER,
    oauth="temporarily_unavailable",
)
OAUTH_INVALID_GRANT_ID: Final = Outcome(
    "oauth_invalid_grant_id",
    400,
    "The grant_id is unknown, has ended, cannot be changed, or is another client's.",
    "grant_id 不存在、已失效、不可变更，或属于其他客户端。",
    retry=Retry.CHANGED,
    oauth="invalid_grant_id",
)
OAUTH_TEMPORARILY_UNAVAILABLE: Final = Outcome(
    "oauth_temporarily_unavailable",
    503,
    "The authorization server cannot answer right now. Try again shortly.",
    "授权服务器暂时无法应答，请稍后重试。",
    Fault.PLATFORM,
    Retry.LATER,
    oauth="temporarily_unavailable",
)
PAGE_EXPIRED: Final = Outcome(
    "page_expired",
    410,
    "This page has expired. Nothing was changed; start again where you came from.",
    "页面已过期，未做任何更改。请回到原来的页面或应用重新开始。",
    retry=Retry.CHANGED,
)

# --- Limits ---
# Authorization (FAPI 2.0 Security Profile section 5.3)
ACCESS_TOKEN_CHARACTERS: Final = 16_384
AUTHORIZATION_CODE_LIFETIME_S: Final = 60
PUSHED_REQUEST_LIFETIME_S: Final = 300  # must stay under 600
CLIENT_ASSERTION_LIFETIME_S: Final = 300
INTERACTION_MEMORY_S: Final = 7_200  # how long an ended visit still knows the way back
AUTHORIZATION_PARAMETERS: Final = 40
CLIENT_ASSERTION_CHARACTERS: Final = 8_192
REQUEST_OBJECT_CHARACTERS: Final = 65_536
REQUEST_OBJECT_LIFETIME_S: Final = 3_600  # and how old it may be, FAPI 2.0 Message Signing
RESPONSE_JWT_LIFETIME_S: Final = 300
BACKCHANNEL_LIFETIME_S: Final = 300  # of a question, unless requested_expiry says otherwise
BACKCHANNEL_LIFETIME_MAX_S: Final = 900  # must not exceed INTERACTION_LIFETIME_S
BACKCHANNEL_ANSWER_KEPT_S: Final = 300  # how long after the customer's answer it is collected
BACKCHANNEL_MEMORY_S: Final = 86_400
BACKCHANNEL_INTERVAL_S: Final = 5  # between two polls, CIBA Core section 7.3
BACKCHANNEL_INTERVAL_MAX_S: Final = 60
BACKCHANNEL_WAITING_OF_HINT: Final = 2  # questions of one client to one hint, unanswered
BACKCHANNEL_HOURLY_OF_HINT: Final = 10  # and in an hour, answered or not
BACKCHANNEL_WAITING_OF_CLIENT: Final = 10_000
BACKCHANNEL_WAITING_OF_CUSTOMER: Final = 10  # shown to one customer, whoever asks
BINDING_MESSAGE_CHARACTERS: Final = 64
LOGIN_HINT_CHARACTERS: Final = 64
NOTIFICATION_TOKEN_CHARACTERS_MIN: Final = 22  # 128 bits in base64url, CIBA Core section 7.1
NOTIFICATION_TOKEN_CHARACTERS_MAX: Final = 1_024
PING_TIMEOUT_S: Final = 5
PINGS: Final = 10  # tries to deliver one notification
PING_PAUSE_MAX_S: Final = 60  # between two of them
DPOP_NONCE_LIFETIME_S: Final = 300
STATE_CHARACTERS: Final = 1_024
NONCE_CHARACTERS: Final = 256
UI_LOCALES_CHARACTERS: Final = 200  # all language tags of a request together
ID_TOKEN_LIFETIME_S: Final = 300
CLAIMS_PARAMETER_CHARACTERS: Final = 8_192
CLAIMS_ASKED: Final = 50  # in one place, and values of one claim
LODGED_CONSENTS: Final = 10_000  # of one application that await their answer
LODGED_CONSENT_LIFETIME_S: Final = 86_400  # from its lodging until the customer must have answered

# Rates of one control process (kernel/rates.py)
CLIENT_REQUESTS_A_SECOND: Final = 200  # of one client, unless the setting says otherwise
CLIENT_BURST_S: Final = 10  # so many seconds of a client's rate may come together
READS_A_SECOND: Final = 200  # of public documents and visits begun, from one address
READS_AT_ONCE: Final = 4_000
ASKING_REQUESTS_A_SECOND: Final = 50  # of one client: pushed requests, backchannel questions
ASKING_REQUESTS_AT_ONCE: Final = 500

# The cache, which all clients share
PUSHED_BYTES_OF_CLIENT: Final = 16 * 1024 * 1024  # in PUSHED_REQUEST_LIFETIME_S
VISIT_BYTES_OF_CLIENT: Final = 64 * 1024 * 1024  # in INTERACTION_MEMORY_S
VISITS_OF_REQUEST: Final = 20  # visits that one pushed request begins

# Dynamic registration and keys at jwks_uri (authorization/front/registration.py, remote_keys.py)
SOFTWARE_STATEMENT_CHARACTERS: Final = 16_384
SOFTWARE_STATEMENT_LIFETIME_S: Final = 86_400
REGISTRATION_BYTES: Final = 65_536
REGISTRATION_REQUESTS: Final = 30  # from one address in REGISTRATION_WINDOW_S
REGISTRATION_WINDOW_S: Final = 60
JWKS_BYTES: Final = 65_536
JWKS_FETCHED_S: Final = 300  # after which keys are fetched again
JWKS_REFRESH_S: Final = 30  # not fetched again sooner, whatever kid is asked for
JWKS_STALE_S: Final = 3_600  # how old keys may be when they cannot be fetched again
JWKS_SETS: Final = 1_000  # kept by one process
JWKS_FETCHES: Final = 8  # at a time by one process

# Trying an operation out, from its page
TRIAL_KEY_LIFETIME_S: Final = 1_200  # in which a customer is asked, and answers
TRIAL_KEYS_AN_HOUR: Final = 60  # of one application

# --- Bounds of inputs ---
BOUNDS: Final = {
    "requests of one client": Bound(
        (
            "client_requests_a_second",
            "CLIENT_BURST_S",
            "ASKING_REQUESTS_A_SECOND",
            "ASKING_REQUESTS_AT_ONCE",
        ),
        "some milliseconds of control",
        OAUTH_RATE_EXCEEDED,
        "test_one_client_beyond_its_rate_is_refused_and_others_are_not",
    ),
    "requests of one address that are refused before a client has proven itself": Bound(
        (
            "REFUSED_REQUESTS_A_SECOND",
            "REFUSED_REQUESTS_AT_ONCE",
        ),
        "a form read, a row read, a signature verified",
        OAUTH_TOO_MANY_REQUESTS,
        "test_an_address_that_is_refused_too_often_is_not_looked_at",
    ),
    "public documents read and visits begun from one address": Bound(
        (
            "READS_A_SECOND",
            "READS_AT_ONCE",
        ),
        "a document written, or a row read",
        OAUTH_TOO_MANY_REQUESTS,
        "test_an_address_reads_so_many_public_documents_and_others_go_on",
    ),
    "consents that an application lodged": Bound(
        (
            "LODGED_CONSENTS",
            "LODGED_CONSENT_LIFETIME_S",
        ),
        "a row each",
        LIMIT_REACHED,
        "test_an_application_lodges_so_many_consents_and_no_more",
    ),
    "registrations from one address": Bound(
        (
            "REGISTRATION_REQUESTS",
            "REGISTRATION_WINDOW_S",
            "REGISTRATION_BYTES",
        ),
        "a statement verified each",
        OAUTH_TOO_MANY_REQUESTS,
        "test_rate_limit_a_flood_of_registrations_slows_its_own_address_down_alone",
    ),
    "pushed requests of one client": Bound(
        (
            "PUSHED_BYTES_OF_CLIENT",
            "PUSHED_REQUEST_LIFETIME_S",
        ),
        "those bytes in the cache, twice at the turn of a window",
        OAUTH_RATE_EXCEEDED,
        "test_what_one_client_pushes_holds_so_many_bytes_of_the_cache",
    ),
    "visits that pushed requests begin": Bound(
        (
            "VISITS_OF_REQUEST",
            "VISIT_BYTES_OF_CLIENT",
            "INTERACTION_MEMORY_S",
        ),
        "those bytes in the cache, twice at the turn of a window",
        OAUTH_RATE_EXCEEDED,
        "test_one_pushed_request_begins_so_many_visits_and_a_client_so_many_bytes_of_them",
    ),
}


# --- Settings ---
@mypyc_attr(native_class=False)  # the whole of the settings inherits it
@dataclass(frozen=True)
class Settings:
    """The rate of clients at the authorization server."""

    client_requests_a_second: int = setting(
        CLIENT_REQUESTS_A_SECOND,
        "Requests of one client to the authorization server, in one control process.",
        low=1,
        high=100_000,
    )


# --- Advisory locks ---
BACKCHANNEL_LOCK: Final = Lock(
    13, "Counting the backchannel requests of a client before another is taken; the client."
)

# --- Periodic work of the worker ---
PERIODIC: Final = {
    "pings": Periodic(
        0.5, "Tell applications that a customer has answered (CIBA Core 1.0 section 10.2)."
    ),
}

# --- Audit events: (English, Chinese) ---
EVENTS: Final = {
    "customer.records_detached": (
        "Call records no longer lead to the customer.",
        "调用记录已无法再关联到该客户。",
    ),
    "token.revoked": ("The application gave back an access token.", "应用撤销了访问令牌。"),
    "application.tried": (
        "A token was issued to try a product of the sandbox in the application's name.",
        "以该应用的名义签发了沙箱试调令牌。",
    ),
    "application.trial_key_registered": (
        "A key was registered for minutes, to ask a test customer in the application's name.",
        "登记了短时密钥，用于以该应用的名义向测试客户请求授权。",
    ),
}

# --- Prefixes of identifiers ---
PREFIXES: Final = {
    "int": "interaction, a customer's visit to the consent pages",
    "tok": "access token",
}

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "issue_trial_token": Rule(own=PARTIES, people=BUILDERS),
    "issue_trial_key": Rule(own=PARTIES, people=BUILDERS),
    "detach_customer_records": Rule(own=MEMBER, people=OWNERS, fresh=True, programs="yes"),
    "lodge_consent": Rule(own=PARTIES, people=BUILDERS),
}

# --- Routers of the management API ---
ROUTERS: Final = ("parties.trials",)

# --- Compiled modules (docs/decisions/0008) ---
COMPILED: Final = (
    "clients.assertions",
    "declares",
    "front.endpoints",
    "grammar.forms",
    "grammar.nonces",
    "grammar.pkce",
    "grammar.scopes",
    "pipeline",
    "tokens.access_tokens",
)
