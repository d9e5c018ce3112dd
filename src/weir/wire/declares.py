"""Declarations of the wire; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from weir.kernel.declarations import Bound, setting
from weir.kernel.declares import MEMBER_BROKEN_ANSWER, MEMBER_TIMEOUT, OVERLOADED
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
CHUNK_PAID_BYTES: Final = 8  # of a chunked body, sizes included, that a byte of its data pays for
CHUNK_UNPAID_BYTES: Final = 40_960  # beyond those: extensions, and a whole section of trailers
PIPELINED_REQUESTS: Final = 32  # parsed ahead of the one in flight
HEADER_TIMEOUT_S: Final = 10
BODY_TIMEOUT_S: Final = 60
IDLE_TIMEOUT_S: Final = 75
MEMBER_CONNECT_TIMEOUT_S: Final = 5
MEMBER_QUESTION_S: Final = 5  # of control or a worker to a member, until it is answered whole
CALL_S: Final = 300  # a forwarded call is over by then, however slowly either side goes on
MEMBER_POOL_OPENING: Final = 16  # of them made at a time; who comes meanwhile waits for any
MEMBER_POOL_WAITING: Final = 4_096  # calls that wait for a connection to one endpoint
MEMBER_POOL_CONNECTIONS: Final = 256  # kept open to one endpoint by one gateway process
UNSENT_BYTES: Final = 65_536  # held by a transport before its source is asked to pause
UNREAD_BYTES: Final = 65_536  # of a body that an application has not asked for yet
KNOWN_HEADS_BYTES: Final = 4 << 20  # in each of two generations of a memory of heads
DESCRIPTORS_KEPT_PERCENT: Final = 12  # of a process's: for members, engines, records, health
DESCRIPTORS_KEPT_MIN: Final = 1_024  # and half of them where there are fewer than twice as many
PUBLIC_BACKLOG: Final = 8_192  # connections that wait to be accepted at a public port
PRIVATE_BACKLOG: Final = 1_024  # connections that wait to be accepted at a private socket
PRIVATE_RETRY_S: Final = 0.01  # between two tries while that queue is full

# TLS and PROXY headers
HANDSHAKE_TIMEOUT_S: Final = 10.0
SHUTDOWN_TIMEOUT_S: Final = 2.0  # for the peer's end, after the last byte was sent
REKEYING_BYTES: Final = 65_536  # of answers to key updates, where hardly one is needed
BARREN_BYTES: Final = 65_536  # of records that carry nothing
PROXY_HEADER_BYTES: Final = 2_048  # addresses, and other facts (TLVs), which are not read
CLIENT_CERT_BYTES: Final = 8_192  # of a field Client-Cert

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
NAME_ADDRESSES: Final = 32  # of one name; more are not looked at

# --- Bounds of inputs ---
BOUNDS: Final = {
    "connections of callers, in all": Bound(
        ("connections", "DESCRIPTORS_KEPT_PERCENT", "DESCRIPTORS_KEPT_MIN", "PUBLIC_BACKLOG"),
        "a descriptor and 40 KiB each; more wait in the kernel",
        "the network with the most loses the one that waited longest",
        "test_a_full_process_takes_from_who_has_most_what_waited_longest",
    ),
    "connections of one address, or one /64 of IPv6": Bound(
        ("connections_each_percent",),
        "a descriptor and 40 KiB each",
        "closed without an answer, or its own that waited longest",
        "test_connections_of_one_address_leave_places_for_others",
    ),
    "time of a handshake": Bound(
        ("HANDSHAKE_TIMEOUT_S",),
        "a connection",
        "closed without an answer",
        "test_a_handshake_that_never_comes_is_not_waited_for",
    ),
    "PROXY header of a balancer": Bound(
        ("PROXY_HEADER_BYTES", "HANDSHAKE_TIMEOUT_S"),
        "those bytes held",
        "closed without an answer",
        "test_what_is_no_such_header_is_none",
    ),
    "key updates of TLS": Bound(
        ("REKEYING_BYTES",),
        "an encryption each",
        "cut",
        "test_a_peer_that_changes_keys_without_end_is_cut",
    ),
    "records of TLS that carry nothing": Bound(
        ("BARREN_BYTES",),
        "a decryption each",
        "cut",
        "test_a_peer_that_changes_keys_without_end_is_cut",
    ),
    "request line": Bound(
        ("REQUEST_LINE_BYTES",),
        "those bytes held",
        URI_TOO_LONG,
        "test_other_requests_are_refused_with_their_own_code",
    ),
    "header fields of a request, in number": Bound(
        ("HEADER_FIELDS",),
        "a tuple each",
        HEADERS_TOO_LARGE,
        "test_other_requests_are_refused_with_their_own_code",
    ),
    "header section of a request": Bound(
        ("HEADER_SECTION_BYTES",),
        "those bytes held twice",
        HEADERS_TOO_LARGE,
        "test_a_head_that_never_ends_is_refused_before_it_fills_the_memory",
    ),
    "time of a head": Bound(
        ("HEADER_TIMEOUT_S",),
        "a connection",
        REQUEST_TIMEOUT,
        "test_one_byte_at_a_time_does_not_lengthen_the_heads_time",
    ),
    "field Client-Cert of a balancer": Bound(
        ("CLIENT_CERT_BYTES",),
        "a certificate parsed and verified",
        MALFORMED_HTTP,
        "test_what_holds_no_certificate_is_malformed",
    ),
    "heads that come again, remembered": Bound(
        ("KNOWN_HEADS_BYTES",),
        "six times those bytes at most in a process",
        "the oldest forgotten",
        "test_what_anybody_may_send_is_remembered_within_a_bound_however_it_is_cut",
    ),
    "pipelined requests": Bound(
        ("PIPELINED_REQUESTS",),
        "a head each; those beyond a read wait in the kernel",
        "closed after the answers of those before",
        "test_more_pipelined_requests_than_the_bound_close_the_connection_after_those",
    ),
    "body of a request to a capability": Bound(
        ("BODY_BYTES", "UNSENT_BYTES"),
        "passed on as it comes; what a slow member leaves unsent is held",
        BODY_TOO_LARGE,
        "test_chunks_that_grow_too_large_are_refused_on_their_way",
    ),
    "body of a request to control": Bound(
        ("CONTROL_BODY_BYTES", "UNREAD_BYTES"),
        "held as far as it is not yet read",
        BODY_TOO_LARGE,
        "test_a_body_announced_too_large_is_refused_before_it_is_read",
    ),
    "chunk sizes and extensions of a request": Bound(
        ("CHUNK_UNPAID_BYTES", "CHUNK_PAID_BYTES"),
        "parsed and dropped",
        HEADERS_TOO_LARGE,
        "test_framing_of_a_request_without_end_is_refused_within_its_bound",
    ),
    "trailers of a request": Bound(
        ("HEADER_SECTION_BYTES", "HEADER_FIELDS", "CHUNK_UNPAID_BYTES"),
        "one field of those bytes held, and dropped when it is whole",
        HEADERS_TOO_LARGE,
        "test_trailers_are_bounded_like_header_fields_however_they_are_cut",
    ),
    "time of a body": Bound(
        ("BODY_TIMEOUT_S",),
        "a connection",
        REQUEST_TIMEOUT,
        "test_a_body_that_comes_too_slowly_is_refused",
    ),
    "time between two requests": Bound(
        ("IDLE_TIMEOUT_S",),
        "a connection",
        "closed without an answer",
        "test_an_idle_connection_is_closed_without_a_word",
    ),
    "time of an answer that is read slowly": Bound(
        ("BODY_TIMEOUT_S", "UNSENT_BYTES", "CALL_S"),
        "those bytes held; the member is held up",
        "cut",
        "test_a_slow_reader_is_told_to_the_receiver_and_cut_when_it_stays_slow",
    ),
    "time of a close": Bound(
        ("SHUTDOWN_TIMEOUT_S",),
        "a connection, from which nothing is taken",
        "cut",
        "test_an_answer_arrives_though_a_body_was_not_read",
    ),
    "head of a member's answer": Bound(
        ("REQUEST_LINE_BYTES", "HEADER_SECTION_BYTES", "HEADER_FIELDS"),
        "those bytes held",
        MEMBER_BROKEN_ANSWER,
        "test_a_head_without_end_fails",
    ),
    "interim answers of a member": Bound(
        ("REQUEST_LINE_BYTES", "HEADER_SECTION_BYTES"),
        "read and dropped; they count as the head's bytes",
        MEMBER_BROKEN_ANSWER,
        "test_early_hints_without_end_fail",
    ),
    "chunk sizes, extensions and trailers of a member's answer": Bound(
        ("HEADER_SECTION_BYTES", "HEADER_FIELDS", "CHUNK_UNPAID_BYTES", "CHUNK_PAID_BYTES"),
        "one field of those bytes held, and dropped when it is whole",
        MEMBER_BROKEN_ANSWER,
        "test_framing_of_an_answer_without_end_is_cut_within_its_bound",
    ),
    "time of a member's answer": Bound(
        ("MEMBER_ANSWER_TIMEOUT_S", "CALL_S"),
        "a call in flight",
        MEMBER_TIMEOUT,
        "test_a_member_that_drips_its_answer_is_late_in_the_end_and_it_is_its_fault",
    ),
    "calls that wait for a member's endpoint": Bound(
        ("MEMBER_POOL_CONNECTIONS", "MEMBER_POOL_WAITING", "MEMBER_CONNECT_TIMEOUT_S"),
        "a call in flight each",
        OVERLOADED,
        "test_a_queue_is_bounded_and_then_says_busy_at_once",
    ),
    "addresses of a member's name": Bound(
        ("NAME_ADDRESSES", "DNS_REFRESH_S"),
        "one question a time",
        "not looked at",
        "test_of_a_hundred_addresses_few_are_looked_at",
    ),
    "answers to control and workers, of members and partners": Bound(
        ("MEMBER_QUESTION_S", "DIRECTORY_ANSWER_BYTES", "JWKS_BYTES", "NAME_ADDRESSES"),
        "those bytes held, as they were sent",
        "the connection is closed, and there is no answer",
        "test_an_answer_is_bounded_in_bytes_however_it_is_packed",
    ),
    "connections to a private socket": Bound(
        ("PRIVATE_BACKLOG",),
        "queued by the kernel",
        "tried again until the connection's time is over",
        "test_a_full_queue_is_waited_for",
    ),
}


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
    "places",
    "reactor",
    "relay",
    "transport",
    "upstream",
)
