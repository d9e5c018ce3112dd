"""Declarations of the wire; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from weir.kernel.declarations import setting
from weir.kernel.outcomes import Fault, Outcome, Retry

# --- Refusals ---
MALFORMED_HTTP: Final = Outcome(
    "malformed_http", 400, "The request is not valid HTTP/1.1.", "请求不符合 HTTP/1.1 规范。"
)
HEADERS_TOO_LARGE: Final = Outcome(
    "headers_too_large", 431, "The request's header fields are too large.", "请求头过大。"
)
URI_TOO_LONG: Final = Outcome(
    "uri_too_long", 414, "The request's address is too long.", "请求地址过长。"
)
BODY_TOO_LARGE: Final = Outcome(
    "body_too_large", 413, "The request's body is too large.", "请求体过大。"
)
REQUEST_TIMEOUT: Final = Outcome(
    "request_timeout",
    408,
    "The request did not arrive in full in time.",
    "请求未能在规定时间内完整到达。",
    retry=Retry.LATER,
)
HTTP_VERSION_UNSUPPORTED: Final = Outcome(
    "http_version_unsupported", 505, "Only HTTP/1.1 is spoken here.", "仅支持 HTTP/1.1。"
)
METHOD_NOT_ALLOWED: Final = Outcome(
    "method_not_allowed", 405, "This address does not take this method.", "该地址不支持此请求方法。"
)
MEMBER_UNREACHABLE: Final = Outcome(
    "member_unreachable",
    502,
    "The institution could not be reached.",
    "暂时无法连接该机构。",
    Fault.MEMBER,
    Retry.LATER,
)

# --- Limits ---
# HTTP messages from callers (RFC 9112)
REQUEST_LINE_BYTES: Final = 8_192
HEADER_SECTION_BYTES: Final = 32_768
HEADER_FIELDS: Final = 100
HEADER_TIMEOUT_S: Final = 10
BODY_TIMEOUT_S: Final = 60
IDLE_TIMEOUT_S: Final = 75
MEMBER_CONNECT_TIMEOUT_S: Final = 5
CALL_S: Final = 300  # a forwarded call is over by then, however slowly either side goes on
MEMBER_POOL_OPENING: Final = 16  # of them made at a time; who comes meanwhile waits for any
MEMBER_POOL_WAITING: Final = 4_096  # calls that wait for a connection to one endpoint
MEMBER_POOL_CONNECTIONS: Final = 256  # kept open to one endpoint by one gateway process
PRIVATE_BACKLOG: Final = 1_024  # connections that wait to be accepted at a private socket
PRIVATE_RETRY_S: Final = 0.01  # between two tries while that queue is full

# Members' endpoints
ENDPOINT_FAILURES: Final = 5  # in a row, after which an endpoint is ejected
ENDPOINT_EJECTION_S: Final = 10  # at first; twice as long each time in a row
ENDPOINT_EJECTION_MAX_S: Final = 300
HEALTH_TIMEOUT_S: Final = 2
HEALTH_FAILURES: Final = 3  # checks in a row, after which an endpoint is ejected
REQUEST_TRIES: Final = 3  # of one request in all
RETRY_PERCENT: Final = 20  # of a window's requests to one service that may be sent again
RETRIES_MIN: Final = 10  # that may be sent again in a window, however few requests there were
DNS_REFRESH_S: Final = 30  # how old the addresses of an endpoint's name may be


# --- Settings ---
@mypyc_attr(native_class=False)  # the whole of the settings inherits it
@dataclass(frozen=True)
class Settings:
    """Addresses that applications register."""

    partner_networks: str | None = setting(
        None,
        "Networks that addresses applications register (jwks_uri, notifications) may lie in"
        " besides public ones: 10.2.0.0/16,10.3.0.0/16.",
    )


# --- Compiled modules (docs/decisions/0008) ---
COMPILED: Final = (
    "acceptor",
    "asgi",
    "caller",
    "connector",
    "deadlines",
    "declares",
    "downstream",
    "exchange",
    "flow",
    "grammar",
    "heads",
    "member_connection",
    "message",
    "origin",
    "reactor",
    "relay",
    "transport",
    "upstream",
)
