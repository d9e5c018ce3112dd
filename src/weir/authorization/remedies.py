"""Causes of refusals and what to do about each: where `error_uri` of an OAuth error leads.

A cause has an anchor on its refusal's page, made of its own words: of the reason that
`error_description` gives, or of the parameter that was wrong. The reasons stand in the code that
refuses; a test holds this list to them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from weir.authorization.declares import (
    CLIENT_ASSERTION_LIFETIME_S,
    OAUTH_CERTIFICATE_REQUIRED,
    OAUTH_INVALID_CLIENT,
    OAUTH_INVALID_DPOP_PROOF,
    OAUTH_INVALID_GRANT,
    OAUTH_INVALID_REDIRECT_URI,
    OAUTH_INVALID_REQUEST,
    OAUTH_INVALID_REQUEST_OBJECT,
    OAUTH_INVALID_REQUEST_URI,
    OAUTH_INVALID_SCOPE,
    OAUTH_INVALID_TARGET,
    OAUTH_REQUEST_NOT_PUSHED,
    OAUTH_UNAUTHORIZED_CLIENT,
    OAUTH_USE_DPOP_NONCE,
)
from weir.consent.declares import OAUTH_INVALID_AUTHORIZATION_DETAILS
from weir.kernel.declares import CLOCK_AHEAD_ACCEPTED_S
from weir.kernel.outcomes import Outcome, Refusal

_APART: Final = re.compile(r"[^a-z0-9_]+")
_ANCHOR_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of a refusal. `reason` is how the reason begins, or the parameter that was wrong.

    `zh` says the reason in Chinese; `do` and `do_zh` say what to do.
    """

    reason: str
    zh: str
    do: str
    do_zh: str

    @property
    def anchor(self) -> str:
        """The name of its place on the page."""
        return _APART.sub("-", self.reason.lower()).strip("-")[:_ANCHOR_CHARACTERS].rstrip("-")


_OF_ASSERTIONS: Final = (
    Cause(
        "clients prove themselves by certificate or assertion only",
        "客户端只能通过证书或断言证明身份",
        "Send no Authorization header (HTTP Basic is many libraries' default). Set the library's"
        " method to private_key_jwt, or to tls_client_auth with the mutual-TLS address.",
        "不要发送 Authorization 头（许多库默认使用 HTTP Basic）。请将库的认证方式设为"
        " private_key_jwt，或设为 tls_client_auth 并访问双向 TLS 地址。",
    ),
    Cause(
        "client_assertion and client_assertion_type go together",
        "client_assertion 与 client_assertion_type 必须同时出现",
        "Send both, or neither when the application proves itself by its certificate.",
        "两者都发送；若应用以证书证明身份，则两者都不发送。",
    ),
    Cause(
        "client_assertion_type is not jwt-bearer",
        "client_assertion_type 不是 jwt-bearer",
        "Set it to urn:ietf:params:oauth:client-assertion-type:jwt-bearer.",
        "应为 urn:ietf:params:oauth:client-assertion-type:jwt-bearer。",
    ),
    Cause(
        "client secrets are not taken",
        "不接受客户端密钥（client_secret）",
        "There are none here: sign an assertion with a registered key (private_key_jwt), or show"
        " the application's certificate (tls_client_auth).",
        "本平台不使用 client_secret：请用已登记的密钥签署断言（private_key_jwt），或出示应用的证书"
        "（tls_client_auth）。",
    ),
    Cause(
        "client_id and the assertion's sub must name one client",
        "client_id 与断言的 sub 必须是同一客户端",
        "Set iss and sub of the assertion to the application's identifier, and client_id, if you"
        " send it, to the same. With a certificate alone, client_id is required.",
        "断言的 iss、sub 应为应用标识；如发送 client_id，也应与之相同。"
        "仅使用证书时必须发送 client_id。",
    ),
    Cause(
        "client_id is not one",
        "client_id 不存在",
        "Use the identifier that registration gave, which begins with app_.",
        "请使用登记时得到的应用标识（以 app_ 开头）。",
    ),
    Cause(
        "the client is registered for tls_client_auth",
        "该客户端登记的认证方式为 tls_client_auth",
        "Send client_id and no assertion, over the mutual-TLS address, or register for"
        " private_key_jwt.",
        "请通过双向 TLS 地址发送 client_id 且不带断言，或改登记为 private_key_jwt。",
    ),
    Cause(
        "use the mutual-TLS address with the client's certificate",
        "请携带客户端证书访问双向 TLS 地址",
        "Take the endpoint's address from mtls_endpoint_aliases of the metadata (many libraries"
        " ignore it), and configure the certificate there.",
        "请从元数据的 mtls_endpoint_aliases 取端点地址（许多库会忽略它），并在该地址配置证书。",
    ),
    Cause(
        "the certificate is not one of the client's",
        "所出示的证书不属于该客户端",
        "Show a certificate that was issued to this application and not revoked.",
        "请出示签发给该应用且未被吊销的证书。",
    ),
    Cause(
        "the client is registered for private_key_jwt",
        "该客户端登记的认证方式为 private_key_jwt",
        "Send client_assertion and client_assertion_type, signed with a registered key.",
        "请发送 client_assertion 和 client_assertion_type，并用已登记的密钥签名。",
    ),
    Cause(
        "not a compact JWT",
        "断言不是紧凑格式的 JWT",
        "Send a signed JWT in its compact form: three parts of base64url with points between.",
        "请发送紧凑格式的签名 JWT：以点分隔的三段 base64url。",
    ),
    Cause(
        "alg must be one of",
        "alg 不在接受的算法之列",
        "Choose an algorithm of token_endpoint_auth_signing_alg_values_supported, such as ES256 or"
        " PS256; RS256, many libraries' default, is not taken.",
        "请使用 token_endpoint_auth_signing_alg_values_supported 中的算法，如 ES256、"
        "PS256；许多库默认的"
        " RS256 不被接受。",
    ),
    Cause(
        "the header brings a key or an extension of its own",
        "头部携带了自己的密钥或扩展",
        "Leave jwk, jku, x5c, x5u and crit out of the header; name the key by kid.",
        "头部不要包含 jwk、jku、x5c、x5u、crit；请用 kid 指明密钥。",
    ),
    Cause(
        "typ is not JWT",
        "typ 不是 JWT",
        "Leave typ out, or set it to JWT or client-authentication+jwt.",
        "可省略 typ，或设为 JWT、client-authentication+jwt。",
    ),
    Cause(
        "no registered key verifies the signature",
        "没有已登记的密钥能验证该签名",
        "Register the public key that you sign with, and put its kid into the header.",
        "请登记签名所用的公钥，并在头部写入其 kid。",
    ),
    Cause(
        "iss and sub must both be the client_id",
        "iss 和 sub 都必须是 client_id",
        "Set both claims to the application's identifier.",
        "请将这两个声明都设为应用标识。",
    ),
    Cause(
        "aud must be the issuer, as one string",
        "aud 必须是签发者（issuer），且为单个字符串",
        "Set aud to the issuer of the metadata: not an endpoint's address, which is many libraries'"
        " default, and not an array.",
        "请将 aud 设为元数据中的 issuer：不要用端点地址（许多库的默认值），也不要用数组。",
    ),
    Cause(
        "exp is missing or past",
        "exp 缺失或已过期",
        "Make a new assertion for each request, and compare your clock with the answer's Date.",
        "每次请求都应生成新断言，并将本机时钟与应答的 Date 头对照。",
    ),
    Cause(
        "exp lies over",
        "exp 过远",
        f"Let an assertion live {CLIENT_ASSERTION_LIFETIME_S} seconds at most; 60 will do.",
        f"断言有效期最长 {CLIENT_ASSERTION_LIFETIME_S} 秒，通常 60 秒即可。",
    ),
    Cause(
        "iat lies ahead of this server's clock",
        "iat 晚于服务器时钟",
        f"{CLOCK_AHEAD_ACCEPTED_S} seconds are forgiven: set your clock by the answer's Date.",
        f"允许的偏差为 {CLOCK_AHEAD_ACCEPTED_S} 秒：请按应答的 Date 头校准时钟。",
    ),
    Cause(
        "nbf lies ahead of this server's clock",
        "nbf 晚于服务器时钟",
        f"{CLOCK_AHEAD_ACCEPTED_S} seconds are forgiven: set your clock by the answer's Date.",
        f"允许的偏差为 {CLOCK_AHEAD_ACCEPTED_S} 秒：请按应答的 Date 头校准时钟。",
    ),
    Cause(
        "jti is missing or too long",
        "jti 缺失或过长",
        "Give each one a random jti of its own.",
        "每次都应使用新的随机 jti。",
    ),
    Cause(
        "the assertion was used before",
        "该断言已被使用",
        "Make a new assertion for each request, also for a repeated one.",
        "每次请求（包括重试）都应生成新断言。",
    ),
    Cause(
        "the assertion is older than this server's memory",
        "该断言早于服务器的记忆",
        "Make a new assertion and send the request again.",
        "请生成新断言后重新发送。",
    ),
    Cause(
        "the keys at jwks_uri cannot be fetched",
        "无法获取 jwks_uri 处的密钥",
        "See that the address answers with a key set over https, within seconds.",
        "请确认该地址可通过 https 在数秒内返回密钥集。",
    ),
)
_OF_GRANTS: Final = (
    Cause(
        "the code is unknown, or another client's",
        "授权码不存在，或属于其他客户端",
        "Use the code from the redirect as it came, once, by the application that pushed the"
        " request.",
        "请由推送该请求的应用原样使用回跳中的授权码，且只用一次。",
    ),
    Cause(
        "the code was presented twice",
        "授权码被重复使用，其授权已终止",
        "A code that is shown twice may be stolen, so its tokens were revoked: ask the customer"
        " anew, and send a code once.",
        "授权码重复出现可能意味着泄露，其令牌已全部撤销：请重新向客户请求授权，授权码只发送一次。",
    ),
    Cause(
        "the code has expired",
        "授权码已过期",
        "Exchange it at once: it lives a minute.",
        "请立即换取令牌：授权码有效期为一分钟。",
    ),
    Cause(
        "redirect_uri is not the one of the authorization request",
        "redirect_uri 与授权请求中的不一致",
        "Send the very text that was pushed.",
        "请发送与推送请求中完全相同的 redirect_uri。",
    ),
    Cause(
        "code_verifier is missing",
        "缺少 code_verifier",
        "PKCE is required: keep the verifier with the state, and send it with the code.",
        "必须使用 PKCE：请将 code_verifier 与 state 一起保存，并随授权码发送。",
    ),
    Cause(
        "code_verifier does not fit the code_challenge",
        "code_verifier 与 code_challenge 不符",
        "Send the verifier of this very request; its challenge is the base64url SHA-256 of it.",
        "请发送该请求对应的 code_verifier；code_challenge 是其 SHA-256 的 base64url。",
    ),
    Cause(
        "the code began with another certificate",
        "授权请求使用的是另一张证书",
        "Show the certificate that the request was pushed with.",
        "请出示推送请求时使用的证书。",
    ),
    Cause(
        "the consent was withdrawn or has ended",
        "授权已被撤回或已到期",
        "The customer, the institution or you ended it: ask the customer anew.",
        "授权已由客户、机构或贵方终止：请重新向客户请求授权。",
    ),
    Cause(
        "the refresh token is unknown, or another client's",
        "刷新令牌不存在，或属于其他客户端",
        "Use the newest one, by the application it was issued to; ask the customer anew if it is"
        " lost.",
        "请由获得该令牌的应用使用最新的刷新令牌；如已丢失，请重新向客户请求授权。",
    ),
    Cause(
        "the auth_req_id is unknown, or another client's",
        "auth_req_id 不存在，或属于其他客户端",
        "Use the one that the backchannel endpoint gave to this application.",
        "请使用后端通道端点返回给该应用的 auth_req_id。",
    ),
    Cause(
        "the code is not one that this trial asked for",
        "该授权码不是本次试调请求的",
        "Begin the trial anew on the operation's page.",
        "请在该操作的页面上重新开始试调。",
    ),
)
_OF_PROOFS: Final = (
    Cause(
        "there is more than one DPoP field",
        "DPoP 头多于一个",
        "Send one proof a request.",
        "每个请求只发送一个证明。",
    ),
    Cause(
        "the key was revoked",
        "该密钥已被吊销",
        "Make a new key, and ask for new tokens with it.",
        "请生成新密钥，并用它重新获取令牌。",
    ),
    Cause(
        "the proof was used before",
        "该证明已被使用",
        "Make a new proof, with a new jti, for each request, also for a repeated one.",
        "每次请求（包括重试）都应生成带新 jti 的新证明。",
    ),
    Cause(
        "the proof is older than this server's memory",
        "该证明早于服务器的记忆",
        "Make a new proof and send the request again.",
        "请生成新证明后重新发送。",
    ),
    Cause(
        "the proof is not a well-formed JWT",
        "该证明不是格式正确的 JWT",
        "Send a signed JWT in its compact form.",
        "请发送紧凑格式的签名 JWT。",
    ),
    Cause(
        "the signature is not of the key in the header",
        "签名与头部的密钥不符",
        "Sign with the private part of the key whose public part is jwk.",
        "请用头部 jwk 对应的私钥签名。",
    ),
    Cause(
        "alg must be one of",
        "alg 不在接受的算法之列",
        "Choose an algorithm of dpop_signing_alg_values_supported.",
        "请使用 dpop_signing_alg_values_supported 中的算法。",
    ),
    Cause(
        "typ is not dpop+jwt",
        "typ 不是 dpop+jwt",
        "Set typ to dpop+jwt.",
        "请将 typ 设为 dpop+jwt。",
    ),
    Cause(
        "jwk",
        "jwk 不是与 alg 相符的完整公钥",
        "Put the whole public key into the header, and nothing of the private one.",
        "请在头部写入完整公钥，且不含任何私钥成分。",
    ),
    Cause(
        "an RSA key has at least 2048 bits",
        "RSA 密钥至少 2048 位",
        "Make a longer key, or one for ES256.",
        "请生成更长的密钥，或使用 ES256 密钥。",
    ),
    Cause(
        "the header brings an extension or another key",
        "头部携带了扩展或其他密钥",
        "Keep typ, alg and jwk, and leave the rest out.",
        "头部只保留 typ、alg、jwk。",
    ),
    Cause(
        "htm is not the request's method",
        "htm 与请求方法不符",
        "Set htm to the request's method, POST at the token endpoint.",
        "请将 htm 设为请求方法；令牌端点为 POST。",
    ),
    Cause(
        "htu",
        "htu 缺失或与请求地址不符",
        "Set htu to the address you send to, of the same port, without query and fragment.",
        "请将 htu 设为实际请求地址（含相同端口），不含查询和片段。",
    ),
    Cause(
        "ath is not the access token's digest",
        "ath 不是访问令牌的摘要",
        "Set ath to the base64url SHA-256 of the access token.",
        "请将 ath 设为访问令牌 SHA-256 的 base64url。",
    ),
    Cause(
        "iat is missing, too old or ahead of this server's clock",
        "iat 缺失、过旧或晚于服务器时钟",
        "Make a proof just before you send it, and set your clock by the answer's Date.",
        "请在发送前即时生成证明，并按应答的 Date 头校准时钟。",
    ),
    Cause("exp is past", "exp 已过期", "Make a new proof.", "请生成新证明。"),
    Cause(
        "nbf lies ahead of this server's clock",
        "nbf 晚于服务器时钟",
        "Leave nbf out, or set your clock by the answer's Date.",
        "可省略 nbf，或按应答的 Date 头校准时钟。",
    ),
    Cause(
        "jti is missing or too long",
        "jti 缺失或过长",
        "Give each proof a random jti of its own.",
        "每个证明都应使用新的随机 jti。",
    ),
    Cause(
        "dpop_jkt names another key than the proof's",
        "dpop_jkt 与证明的密钥不符",
        "Leave dpop_jkt out where a proof is sent, or name the proof's key.",
        "发送证明时可省略 dpop_jkt，或使其与证明的密钥一致。",
    ),
    Cause(
        "the client is registered as one that always sends a DPoP proof",
        "该客户端登记为始终发送 DPoP 证明",
        "Send a proof with every token request, a refresh too, or register without"
        " dpop_bound_access_tokens.",
        "每个令牌请求（包括刷新）都要携带证明，或登记时不设 dpop_bound_access_tokens。",
    ),
    Cause(
        "the code belongs to another DPoP key",
        "授权码绑定的是另一把 DPoP 密钥",
        "Prove the key that the request was pushed with, or that dpop_jkt named.",
        "请使用推送请求时的密钥，或 dpop_jkt 指定的密钥生成证明。",
    ),
    Cause(
        "the key of a trial must be the DPoP key as well",
        "试调密钥必须同时作为 DPoP 密钥",
        "Begin the trial anew on the operation's page.",
        "请在该操作的页面上重新开始试调。",
    ),
)
_OF_OBJECTS: Final = (
    Cause(
        "alg must be one of",
        "alg 不在接受的算法之列",
        "Choose an algorithm of request_object_signing_alg_values_supported.",
        "请使用 request_object_signing_alg_values_supported 中的算法。",
    ),
    Cause(
        "the header brings a key or an extension of its own",
        "头部携带了自己的密钥或扩展",
        "Leave jwk, jku, x5c, x5u and crit out of the header; name the key by kid.",
        "头部不要包含 jwk、jku、x5c、x5u、crit；请用 kid 指明密钥。",
    ),
    Cause(
        "typ is not oauth-authz-req+jwt",
        "typ 不是 oauth-authz-req+jwt",
        "Set typ to oauth-authz-req+jwt.",
        "请将 typ 设为 oauth-authz-req+jwt。",
    ),
    Cause(
        "no registered key verifies the signature",
        "没有已登记的密钥能验证该签名",
        "Register the public key that you sign with, and put its kid into the header.",
        "请登记签名所用的公钥，并在头部写入其 kid。",
    ),
    Cause(
        "iss and client_id must be the client_id",
        "iss 和 client_id 必须是应用标识",
        "Put both claims into the object, each the application's identifier.",
        "请在请求对象中写入这两个声明，均为应用标识。",
    ),
    Cause(
        "aud must be or contain the issuer",
        "aud 必须是或包含签发者（issuer）",
        "Set aud to the issuer of the metadata.",
        "请将 aud 设为元数据中的 issuer。",
    ),
    Cause(
        "a request object holds no other request",
        "请求对象不得包含其他请求",
        "Leave request and request_uri out of its claims.",
        "声明中不要包含 request 和 request_uri。",
    ),
    Cause(
        "exp and nbf are required",
        "exp 和 nbf 为必填",
        "Give the object both, an hour apart at most.",
        "请同时提供 exp 和 nbf，相差不超过一小时。",
    ),
    Cause(
        "nbf lies",
        "nbf 不在允许范围内",
        "Set nbf to now, and your clock by the answer's Date.",
        "请将 nbf 设为当前时间，并按应答的 Date 头校准时钟。",
    ),
    Cause("exp is past", "exp 已过期", "Make a new object.", "请生成新的请求对象。"),
    Cause(
        "exp lies over 60 minutes after nbf",
        "exp 晚于 nbf 超过 60 分钟",
        "Let the object live an hour at most; five minutes will do.",
        "请求对象有效期最长一小时，通常五分钟即可。",
    ),
    Cause(
        "jti is not a text of usual length",
        "jti 不是常规长度的文本",
        "Give each object a random jti of its own, or none.",
        "每个请求对象应使用新的随机 jti，或不带 jti。",
    ),
    Cause(
        "the object",
        "该请求对象已被使用，或早于服务器的记忆",
        "Make a new object for each request.",
        "每次请求都应生成新的请求对象。",
    ),
)
_OF_PARAMETERS: Final = (
    Cause(
        "the form",
        "表单格式不正确",
        "Send a form of application/x-www-form-urlencoded in UTF-8, each parameter once.",
        "请发送 UTF-8 的 application/x-www-form-urlencoded 表单，每个参数只出现一次。",
    ),
    Cause(
        "the client is registered for certificate-bound tokens",
        "该客户端登记为使用证书绑定令牌",
        "Send no DPoP proof, and use the mutual-TLS address.",
        "不要发送 DPoP 证明，并访问双向 TLS 地址。",
    ),
    Cause(
        "response_mode",
        "response_mode 须为 query 或 jwt",
        "Leave it out, or set it to jwt for a signed answer.",
        "可省略；需要签名应答时设为 jwt。",
    ),
    Cause(
        "redirect_uri",
        "redirect_uri 缺失",
        "Push it with every request, and send it again with the code.",
        "每次推送请求都要包含它，换取令牌时再次发送。",
    ),
    Cause(
        "code_challenge",
        "code_challenge 不是 S256 挑战值",
        "Push the base64url SHA-256 of a random verifier of 43 to 128 characters.",
        "请推送 43 至 128 个字符的随机 code_verifier 的 SHA-256（base64url）。",
    ),
    Cause(
        "code_challenge_method",
        "code_challenge_method 须为 S256",
        "Push code_challenge_method=S256; plain is not taken.",
        "请推送 code_challenge_method=S256，不接受 plain。",
    ),
    Cause(
        "authorization_details",
        "缺少 authorization_details",
        "Say in one entry which data or payment, of which institution: a scope names the product"
        " and nothing that a customer could answer.",
        "请用一个条目说明请求哪家机构的何种数据或支付：授权范围只指明产品，客户无从答复。",
    ),
    Cause(
        "request_uri",
        "推送请求中不接受 request_uri",
        "Push the parameters themselves, or a signed request object as request.",
        "请直接推送参数，或以 request 推送签名的请求对象。",
    ),
    Cause(
        "request",
        "缺少签名的请求对象，或未被接受",
        "Sign the request with a registered key and send it as request. A backchannel request has"
        " the claims iss, aud, exp, iat, nbf and jti.",
        "请用已登记的密钥签署请求并以 request 发送。后端通道请求须包含 iss、aud、exp、"
        "iat、nbf、jti。",
    ),
    Cause(
        "dpop_jkt",
        "dpop_jkt 不是 SHA-256 指纹",
        "Send the base64url SHA-256 thumbprint of the DPoP key (RFC 7638), or leave it out.",
        "请发送 DPoP 密钥的 SHA-256 指纹（RFC 7638，base64url），或省略。",
    ),
    Cause(
        "claims",
        "claims 格式不正确",
        "Send a JSON object with the places id_token and userinfo, of claims_supported.",
        "请发送包含 id_token、userinfo 的 JSON 对象，声明须在 claims_supported 之列。",
    ),
    Cause(
        "acr_values",
        "acr_values 仅随 openid 使用",
        "Ask for the scope openid besides, or leave it out.",
        "请同时请求 openid 范围，或省略。",
    ),
    Cause(
        "max_age",
        "max_age 格式不正确，或缺少 openid",
        "Send seconds as a number, with the scope openid.",
        "请发送以秒计的数字，并同时请求 openid 范围。",
    ),
    Cause(
        "login_hint",
        "须恰好提供一个提示",
        "Name the customer by login_hint, the institution's number, or by id_token_hint.",
        "请用 login_hint（机构的客户号）或 id_token_hint 之一指明客户。",
    ),
    Cause(
        "resource",
        "resource 不是不带片段的 https 绝对地址",
        "Leave it out, or name the address of the API that the scope is for.",
        "可省略，或填写该授权范围所对应接口的地址。",
    ),
    Cause(
        "token",
        "token 缺失，或属于其他客户端",
        "Send a token that was issued to this application.",
        "请发送签发给该应用的令牌。",
    ),
)

CAUSES: Final[dict[Outcome, tuple[Cause, ...]]] = {
    OAUTH_INVALID_CLIENT: _OF_ASSERTIONS,
    OAUTH_INVALID_GRANT: _OF_GRANTS,
    OAUTH_INVALID_DPOP_PROOF: _OF_PROOFS,
    OAUTH_INVALID_REQUEST_OBJECT: _OF_OBJECTS,
    OAUTH_INVALID_REQUEST: _OF_PARAMETERS,
    OAUTH_UNAUTHORIZED_CLIENT: (
        Cause(
            "the application is not registered for CIBA",
            "该应用未登记后端通道认证（CIBA）",
            "Register a delivery mode for it, poll or ping.",
            "请为其登记 poll 或 ping 投递方式。",
        ),
        Cause(
            "the client did not register the grant type",
            "该客户端未登记此授权方式",
            "Register it among grant_types, or use one that is.",
            "请在 grant_types 中登记该授权方式，或使用已登记的授权方式。",
        ),
        Cause(
            "the application has no role that asks customers",
            "该应用没有可向客户发起请求的角色",
            "Register it with the role data or payments.",
            "请以 data 或 payments 角色登记。",
        ),
        Cause(
            "introspection is for members' resource servers",
            "令牌自省仅供成员机构的资源服务器使用",
            "A client reads expires_in and the refusals of the API instead.",
            "客户端请依据 expires_in 和接口的拒绝信息判断令牌状态。",
        ),
    ),
    OAUTH_INVALID_SCOPE: (
        Cause(
            "missing or malformed",
            "scope 缺失或格式不正确",
            "Name the scopes with one space between each; there is no default.",
            "请列出授权范围，以单个空格分隔；没有默认值。",
        ),
        Cause(
            "a scope is not one of the application's subscriptions",
            "含有该应用未订阅的授权范围",
            "Subscribe to the product first; openid goes with customers only.",
            "请先订阅该产品；openid 仅用于客户授权。",
        ),
        Cause(
            "a scope is not one that the client registered",
            "含有该客户端未登记的授权范围",
            "Register it in scope, or leave scope out of the registration.",
            "请在 scope 中登记该授权范围，或登记时不填 scope。",
        ),
        Cause(
            "manage stands alone, and only for applications registered for it",
            "manage 须单独使用，且仅限以此角色登记的应用",
            "Ask for manage in a request of its own.",
            "请单独请求 manage。",
        ),
        Cause(
            "a token for manage is bound to a certificate",
            "manage 令牌须绑定证书",
            "Use the mutual-TLS address and send no DPoP proof.",
            "请访问双向 TLS 地址，且不发送 DPoP 证明。",
        ),
    ),
    OAUTH_REQUEST_NOT_PUSHED: (
        Cause(
            "",
            "",
            "Send the parameters of the authorization URL as a form to"
            " pushed_authorization_request_endpoint of the metadata, with the client's proof"
            " (RFC 9126). Then send the browser to /authorize with client_id and the request_uri"
            " of the answer. In many libraries this is one setting, called PAR.",
            "请将授权地址中的参数以表单形式、连同客户端身份证明发送到元数据中的"
            " pushed_authorization_request_endpoint（RFC 9126），再让浏览器携带 client_id "
            "和应答中的"
            " request_uri 访问 /authorize。许多库只需开启名为 PAR 的设置。",
        ),
    ),
    OAUTH_INVALID_REQUEST_URI: (
        Cause(
            "",
            "",
            "Push the request anew for each visit of a customer; a request_uri lives five minutes"
            " and is answered once.",
            "客户每次访问前请重新推送请求；request_uri 有效期五分钟，且只能答复一次。",
        ),
    ),
    OAUTH_INVALID_REDIRECT_URI: (
        Cause(
            "",
            "",
            "Register the address, or push it exactly as registered, character by character.",
            "请登记该地址，或逐字符按登记的地址推送。",
        ),
    ),
    OAUTH_CERTIFICATE_REQUIRED: (
        Cause(
            "",
            "",
            "Take the endpoint's address from mtls_endpoint_aliases and show the application's"
            " certificate, or send a DPoP proof (RFC 9449) to either address.",
            "请从 mtls_endpoint_aliases 取端点地址并出示应用证书，或向任一地址发送 DPoP "
            "证明（RFC 9449）。",
        ),
    ),
    OAUTH_USE_DPOP_NONCE: (
        Cause(
            "",
            "",
            "Make a new proof with nonce set to the answer's DPoP-Nonce, and repeat the request;"
            " keep the nonce of each answer for the next proof.",
            "请将应答 DPoP-Nonce 头的值作为 nonce 生成新证明并重发请求；每次应答的 nonce "
            "用于下一个证明。",
        ),
    ),
    OAUTH_INVALID_TARGET: (
        Cause(
            "",
            "",
            "Leave resource out, or name the API that the scope is for.",
            "请省略 resource，或填写该授权范围所对应的接口。",
        ),
    ),
    OAUTH_INVALID_AUTHORIZATION_DETAILS: (
        Cause(
            "",
            "",
            "The description says at which place, as a JSON pointer, and why. A token request may"
            " ask for some of the granted permissions and accounts, and for nothing else.",
            "说明中以 JSON 指针指出位置和原因。令牌请求只能要求已授权的部分权限和账户。",
        ),
    ),
}


def cause_of(refusal: Refusal) -> Cause | None:
    """Return the cause of a refusal, by its parameter or by how its reason begins; None if none."""
    public = refusal.public
    parameter, why = public.get("parameter"), str(public.get("why", ""))
    for each in CAUSES.get(refusal.outcome, ()):
        if each.reason and (each.reason == parameter or _begins(why, each.reason)):
            return each
    return None


def page_of(refusal: Refusal) -> str:
    """Return the path of the page about a refusal, at its cause where there is one."""
    return _page(refusal.outcome.code, cause_of(refusal))


@cache
def _page(code: str, cause: Cause | None) -> str:
    return f"/errors/{code}" if cause is None else f"/errors/{code}#{cause.anchor}"


def _begins(why: str, reason: str) -> bool:
    """Whether a reason begins so, with whole words."""
    return why.startswith(reason) and not why[len(reason) :][:1].isalnum()
