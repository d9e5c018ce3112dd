"""Requests that two servers might read differently, and how three parsers read them.

A grammar of requests is mutated the way smugglers do it: lengths against chunks, line ends, spaces
where none belong, names that look like others. The wire, h11 (strict, in Python) and llhttp (as
httptools offers it, without our checks) read the same bytes. What the wire lets through must be
what both others read, message by message: same method, target, host and body, no more and no less.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import h11
import httptools
from hypothesis import strategies as st
from wire_support import Taking, Wire

from weir.kernel.outcomes import Refusal

Message = tuple[bytes, bytes, bytes]  # method, target, body

METHODS = [b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"get", b"GE T", b"POST\t", b"CONNECT"]
TARGETS = [
    b"/", b"/a?b", b"*", b"/a#b", b"//a", b"/%2e%2e/", b"/a b", b"https://a/x", b"http://a/",
    b"a:443", b"/\x00", b"/\xe4", b"", b"/a\\b", b"/%zz", b"https://b/", b"/a\tb",
]  # fmt: skip
VERSIONS = [b"HTTP/1.1"] * 90 + [
    b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.1 ", b"HTTP/01.1", b"HTTP/1.10",
]  # fmt: skip
ENDS = [b"\r\n"] * 200 + [b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r\n", b"\x0b", b"\x0c", b" \r\n"]
COLONS = [b": "] * 80 + [
    b":",
    b" : ",
    b"\t: ",
    b":\t",
    b"",
    b": \x0b",
    b":\x00",
    b":\r\n ",
    b"\x00:",
]
LENGTHS = [
    b"0", b"1", b"5", b"05", b"+5", b"-1", b"5 ", b" 5", b"5,5", b"5, 6", b"0x5", b"5.0", b"1e1",
    b"1_0", b"", b"99999999999999999999", b"18446744073709551621", b"4294967301", b"\xb2",
]  # fmt: skip
CODINGS = [
    b"chunked", b"Chunked", b"chunked ", b"xchunked", b"chunked, chunked", b"gzip, chunked",
    b"chunked, gzip", b"identity", b"identity, chunked", b"chunked;a=b", b'"chunked"', b",chunked",
    b"chunked,", b"\x0bchunked", b"chun\x00ked", b"chunk", b"", b"chunked\x00",
]  # fmt: skip
SIZES = [
    b"0", b"1", b"5", b"005", b"0x5", b"+5", b"-5", b" 5", b"5 ", b"5;a", b"5;a=b", b'5;a="b"',
    b"5;", b"5;a\nb", b"5\x00", b"", b"ffffffffffffffff", b"10000000000000005", b"5_0", b"G",
]  # fmt: skip
NAMES = [
    b"X-Own", b"Connection", b"Expect", b"Upgrade", b"Trailer", b"TE", b"Content-Length",
    b"Content_Length", b"Content-Length ", b"Transfer-Encoding", b"transfer-encoding", b"X\x00",
    b"Transfer-Encoding\x0b", b"\xefX", b"", b"(", b"Host",
]  # fmt: skip
VALUES = [
    b"a", b"close", b"keep-alive", b"close, content-length", b"100-continue", b"h2c", b"upgrade",
    b"a\rb", b"a\nb", b"a\x00b", b"a\x7fb", b"\xe4", b" ", b"", b"a, b", b"5", b"chunked",
]  # fmt: skip
SEEDS = [b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n", b"hello", b"0\r\n\r\n", b"X", b""]


def _mostly(usual: bytes, others: list[bytes]) -> st.SearchStrategy[bytes]:
    return st.sampled_from([usual] * 4 * len(others) + others)


_line_end = st.sampled_from(ENDS)


def _joined(*parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.tuples(*parts).map(b"".join)


def _field(
    names: st.SearchStrategy[bytes], values: st.SearchStrategy[bytes]
) -> st.SearchStrategy[bytes]:
    return _joined(names, st.sampled_from(COLONS), values, _line_end)


_length = _field(st.just(b"Content-Length"), st.sampled_from(LENGTHS))
_coding = _field(st.just(b"Transfer-Encoding"), st.sampled_from(CODINGS))
_other = _field(st.sampled_from(NAMES), st.sampled_from(VALUES))
_host = st.sampled_from(
    [b"Host: a\r\n"] * 40 + [b"", b"Host: b\r\n", b"Host: a\r\nHost: a\r\n", b"Host:\r\n"]
)
_chunk = _joined(st.sampled_from(SIZES), _line_end, st.sampled_from(SEEDS), _line_end)
_trailers = st.one_of(st.just(b""), st.lists(_other, max_size=3).map(b"".join))
_chunks = _joined(
    st.lists(_chunk, max_size=3).map(b"".join),
    st.sampled_from(SIZES),
    _line_end,
    _trailers,
    _line_end,
)
_good_chunks = st.sampled_from([b"5\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\n"])
_body = st.one_of(st.sampled_from(SEEDS), st.binary(max_size=12), _chunks, _good_chunks)
_framing = st.one_of(
    st.just(b""), _length, _coding, _joined(_length, _coding), _joined(_coding, _length)
)
_request = _joined(
    st.sampled_from([b""] * 20 + [b"\r\n", b"\n", b" "]),
    _mostly(b"POST", METHODS),
    st.sampled_from([b" "] * 60 + [b"  ", b"\t", b""]),
    _mostly(b"/", TARGETS),
    st.sampled_from([b" "] * 60 + [b"  ", b"\t", b""]),
    st.sampled_from(VERSIONS),
    _line_end,
    _host,
    st.lists(_other, max_size=2).map(b"".join),
    _framing,
    _line_end,
    _body,
)


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """One or two requests, then perhaps a byte changed, dropped, doubled or put in."""
    raw = b"".join(draw(st.lists(_request, min_size=1, max_size=2)))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(min_value=0, max_value=len(raw)))
        put = draw(st.sampled_from([b"", b"\r", b"\n", b" ", b"\x00", b"\t", b":", b"0", b"\x80"]))
        drop = draw(st.integers(min_value=0, max_value=1))
        raw = raw[:at] + put + raw[at + drop :]
    return raw


requests = _mutated()

# Chunked requests of the wire's own grammar, whose extensions and trailers are about as long as
# they may be; another request stands behind each.
_long = st.one_of(st.integers(0, 40), st.integers(0, 45_000)).map(lambda size: b"y" * size)
_extension = st.one_of(st.just(b""), _joined(st.sampled_from([b";", b";a=", b';a="']), _long))
_long_chunk = _joined(st.just(b"5"), _extension, st.just(b"\r\nhello\r\n"))
_long_trailer = _joined(st.sampled_from([b"x: ", b"Content-Length: ", b"Host:"]), _long)
chunked_requests = _joined(
    st.just(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
    st.lists(_long_chunk, max_size=3).map(b"".join),
    st.just(b"0"),
    _extension,
    st.just(b"\r\n"),
    st.lists(_long_trailer.map(lambda line: line + b"\r\n"), max_size=4).map(b"".join),
    st.just(b"\r\n"),
    st.just(SEEDS[0]),
)


# --- three readings -----------------------------------------------------------------------------


def read_by_wire(raw: bytes, piece: int | None = None) -> list[Message]:
    """The messages that would be forwarded whole."""
    takings: list[tuple[Any, Taking]] = []

    def take(exchange: Any) -> None:
        taking = Taking()
        try:
            exchange.receive(taking, 1_000_000)
        except Refusal:
            exchange.answer(413, b"", b"")
            return
        takings.append((exchange, taking))
        if exchange.complete and not exchange.ended:
            exchange.answer(200, b"", b"")

    wire = Wire(take)
    step = piece or max(len(raw), 1)
    for start in range(0, len(raw), step):
        if wire.transport.closed:
            break
        wire.feed(raw[start : start + step])
        for exchange, _ in takings:
            if exchange.complete and not exchange.ended and exchange.refusal is None:
                exchange.answer(200, b"", b"")
    return [
        (exchange.request.method.encode(), exchange.request.target, taking.data)
        for exchange, taking in takings
        if exchange.complete and exchange.refusal is None
    ]


_ABSOLUTE = re.compile(rb"\Ahttps://[^/?#]+(/.*)\Z")
_SPACED = re.compile(rb"\A([A-Z]+) +([!-~]+) +(HTTP/1\.1\r\n)")


def read_by_h11(raw: bytes) -> list[Message]:
    """The messages h11 reads as a server, until it is told to close or finds a fault.

    Empty lines before a request are skipped for it, as RFC 9112 section 2.2 asks of servers, and
    in any of the forms it allows; nothing of them is forwarded. So are, behind another request,
    further spaces in the request line, as section 3 allows: the wire sees them only in the first.
    """
    found: list[Message] = []
    with suppress(h11.LocalProtocolError, h11.RemoteProtocolError):
        while raw:
            raw = raw.lstrip(b"\r\n")
            if found:
                raw = _SPACED.sub(rb"\1 \2 \3", raw)
            connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1_000_000)
            connection.receive_data(raw)
            message = _next_by_h11(connection)
            if message is None:
                break
            found.append(message)
            if connection.their_state is not h11.DONE:
                break
            raw = connection.trailing_data[0]
    return found


def _next_by_h11(connection: h11.Connection) -> Message | None:
    request: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            return bytes(request.method), bytes(request.target), body
        else:
            return None


@dataclass
class _Bare:
    """llhttp's own reading, without our checks."""

    found: list[Message] = field(default_factory=list)
    target: bytes = b""
    body: bytes = b""
    parser: Any = None

    def on_message_begin(self) -> None:
        self.target = self.body = b""

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.found.append((self.parser.get_method(), self.target, self.body))


def read_by_llhttp(raw: bytes) -> list[Message]:
    """The messages llhttp reads before it finds a fault."""
    bare = _Bare()
    bare.parser = httptools.HttpRequestParser(bare)
    with suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
        bare.parser.feed_data(raw)
    return bare.found


def disagreement(raw: bytes) -> str | None:
    """What is wrong with how the wire reads `raw`, or None.

    The wire may refuse what others take; it must not take what one of them reads differently.
    Only the form of an absolute target is ours: it is passed on in origin-form.
    """
    forwarded = read_by_wire(raw)
    for name, others in (("h11", read_by_h11(raw)), ("llhttp", read_by_llhttp(raw))):
        read = [(method, _origin_form(target), body) for method, target, body in others]
        if forwarded != read[: len(forwarded)]:
            return f"the wire forwards {forwarded}, {name} reads {read}"
    slowly = read_by_wire(raw, 1)  # where every request is the first of what is read
    if slowly != forwarded[: len(slowly)] or (len(slowly) < len(forwarded) and not slowly):
        return f"byte by byte the wire forwards {slowly}, at once {forwarded}"
    return None


def cut_fault(raw: bytes, piece: int) -> str | None:
    """What is wrong with how the wire reads a chunked request in pieces, or None.

    In pieces it may refuse what came in one, whose last bytes it had no need to count, and never
    the other way round; the bytes behind are read as a request after a whole one alone.
    """
    at_once, cut = read_by_wire(raw), read_by_wire(raw, piece)
    whole = read_by_h11(raw)
    if at_once != whole[: len(at_once)]:
        return f"the wire forwards {at_once}, h11 reads {whole}"
    if cut != at_once[: len(cut)]:
        return f"in pieces of {piece} the wire forwards {cut}, at once {at_once}"
    return None


def _origin_form(target: bytes) -> bytes:
    return _ABSOLUTE.sub(rb"\1", target)
