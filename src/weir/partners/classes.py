"""The closed lists of what a party can be, with the words people read."""

from __future__ import annotations

from typing import Final

# A partner is one of five classes; agreements, controls and reports speak of them.
PARTNER_CLASSES: Final[dict[str, tuple[str, str]]] = {
    "internet_platform": ("Internet platform", "互联网平台"),
    "software_vendor": ("Software vendor", "软件服务商"),
    "data_service_provider": ("Data service provider", "数据服务商"),
    "supply_chain_party": ("Supply-chain party", "产业链企业"),
    "pe_vc_institution": ("PE/VC institution", "私募股权与创投机构"),
}

# A member is a licensed institution of one of three kinds.
LICENCE_KINDS: Final[dict[str, tuple[str, str]]] = {
    "bank": ("Bank", "银行"),
    "insurer": ("Insurer", "保险公司"),
    "securities": ("Securities firm", "证券公司"),
}

INTROSPECT: Final = "introspect"
MANAGE: Final = "manage"

# What an application may do. The authorization server grants by it, the management API asks it.
APPLICATION_ROLES: Final[dict[str, tuple[str, str]]] = {
    "data": ("Ask customers for access to their data", "请求客户授权访问其数据"),
    "payments": ("Ask customers to authorise payments", "请求客户授权付款"),
    INTROSPECT: (
        "Ask what a token is worth to its institution; for members' own systems",
        "查询令牌对本机构的效力，仅限成员机构自有系统",
    ),
    MANAGE: ("Act for its organisation in the management API", "代表所属机构使用管理接口"),
}

# How a client proves itself at the token endpoint (RFC 8705 section 2.1, RFC 7523 section 2.2).
TLS_CLIENT_AUTH: Final = "tls_client_auth"
PRIVATE_KEY_JWT: Final = "private_key_jwt"
TOKEN_ENDPOINT_AUTH_METHODS: Final = (TLS_CLIENT_AUTH, PRIVATE_KEY_JWT)

# How an application learns of an answer on the customer's own device (CIBA Core section 5).
POLL: Final = "poll"
PING: Final = "ping"
DELIVERY_MODES: Final = (POLL, PING)
