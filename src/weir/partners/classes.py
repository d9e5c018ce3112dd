"""Closed lists of party classes, application roles and authentication methods, with their words."""

from __future__ import annotations

from typing import Final

# The five classes of partners, which agreements, controls and reports refer to.
PARTNER_CLASSES: Final[dict[str, tuple[str, str]]] = {
    "internet_platform": ("Internet platform", "互联网平台"),
    "software_vendor": ("Software vendor", "软件服务商"),
    "data_service_provider": ("Data service provider", "数据服务商"),
    "supply_chain_party": ("Supply-chain party", "产业链企业"),
    "pe_vc_institution": ("PE/VC institution", "私募股权与创投机构"),
}

# The three kinds of members, by their licence.
LICENCE_KINDS: Final[dict[str, tuple[str, str]]] = {
    "bank": ("Bank", "银行"),
    "insurer": ("Insurer", "保险公司"),
    "securities": ("Securities firm", "证券公司"),
}

INTROSPECT: Final = "introspect"
MANAGE: Final = "manage"

# The roles of applications, by which the authorization server and the management API decide.
APPLICATION_ROLES: Final[dict[str, tuple[str, str]]] = {
    "data": ("Ask customers for access to their data", "请求客户授权访问其数据"),
    "payments": ("Ask customers to authorise payments", "请求客户授权付款"),
    INTROSPECT: (
        "Ask what a token is worth to its institution; for members' own systems",
        "查询令牌对本机构的效力，仅限成员机构自有系统",
    ),
    MANAGE: ("Act for its organisation in the management API", "代表所属机构使用管理接口"),
}

# Methods of client authentication (RFC 8705 section 2.1, RFC 7523 section 2.2).
TLS_CLIENT_AUTH: Final = "tls_client_auth"
PRIVATE_KEY_JWT: Final = "private_key_jwt"
TOKEN_ENDPOINT_AUTH_METHODS: Final = (TLS_CLIENT_AUTH, PRIVATE_KEY_JWT)

# Modes by which an application gets an answer from the customer's device (CIBA Core section 5).
POLL: Final = "poll"
PING: Final = "ping"
DELIVERY_MODES: Final = (POLL, PING)
