"""The head of a request: read once, checked once, then passed along as a typed value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, final

from weir.kernel.outcomes import Refusal
from weir.wire import grammar
from weir.wire.declares import (
    HEADER_FIELDS,
    HEADER_SECTION_BYTES,
    HEADERS_TOO_LARGE,
    HTTP_VERSION_UNSUPPORTED,
    MALFORMED_HTTP,
    METHOD_NOT_ALLOWED,
    REQUEST_LINE_BYTES,
    URI_TOO_LONG,
)

Field = tuple[bytes, bytes]

# Of a head, in the order in which they are tried.
REFUSALS: Final = (
    HTTP_VERSION_UNSUPPORTED,
    URI_TOO_LONG,
    HEADERS_TOO_LARGE,  # in number; in bytes only once each field was looked at
    MALFORMED_HTTP,
    METHOD_NOT_ALLOWED,
)

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
IDEMPOTENT_METHODS: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})

# Fields that may stand once. A second one could be the one that the next server reads.
SINGLETONS: Final = frozenset(
    {
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"content-type",
        b"content-encoding",
        b"authorization",
        b"dpop",
        b"client-cert",
        b"expect",
        b"upgrade",
        b"x-fapi-interaction-id",
        b"x-idempotency-key",
        b"idempotency-key",
        b"weir-scene",
        b"weir-channel",
        b"weir-referrer",
    }
)

# Fields of one connection only; they never travel further (RFC 9110 section 7.6.1).
HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)


class KnownNames(dict[bytes, bool]):
    """A memory of whether a field of a name is passed on: decided once a name, then looked up.

    Names come from outside, so only `capacity` are remembered; the rest are decided each time.
    """

    def __init__(self, decide: Callable[[bytes], bool], capacity: int = 4_096) -> None:
        super().__init__()
        self._decide = decide
        self._capacity = capacity

    def __missing__(self, name: bytes) -> bool:
        decided = self._decide(name)
        if len(self) < self._capacity:
            self[name] = decided
        return decided


@final
class RequestLine:
    """Method and target. Requests that begin with the same line may share it.

    `noted` is the handler's own memory of the line; None at first.
    """

    __slots__ = ("method", "noted", "target")

    def __init__(self, method: str, target: bytes) -> None:
        self.method = method
        self.target = target  # in origin-form (or `*`), once the head was checked
        self.noted: Any = None


@final
class Section:
    """The field lines of a head. Requests that bear the same lines may share it.

    `single` holds the fields of SINGLETONS, `content_length` is None for a chunked body or when
    there is none; `raw` are its bytes, where it is shared; `noted` is the handler's own memory of
    the section, None at first.
    """

    __slots__ = (
        "chunked",
        "content_length",
        "expects_continue",
        "fields",
        "host",
        "noted",
        "raw",
        "single",
    )

    def __init__(self, fields: list[Field]) -> None:
        self.fields = fields
        self.raw = b""
        self.single: dict[bytes, bytes] = {}
        self.host = b""
        self.content_length: int | None = None
        self.chunked = False
        self.expects_continue = False
        self.noted: Any = None


@final
class Request:
    """A request whose head is whole and well-formed. Field names are in lower case."""

    __slots__ = ("keep_alive", "line", "section")

    def __init__(self, line: RequestLine, section: Section) -> None:
        self.line = line
        self.section = section
        self.keep_alive = True

    @property
    def method(self) -> str:
        return self.line.method

    @property
    def target(self) -> bytes:
        return self.line.target

    @property
    def fields(self) -> list[Field]:
        return self.section.fields

    @property
    def single(self) -> dict[bytes, bytes]:
        return self.section.single

    @property
    def host(self) -> bytes:
        """The value of the Host field."""
        return self.section.host

    @property
    def content_length(self) -> int | None:
        return self.section.content_length

    @property
    def chunked(self) -> bool:
        return self.section.chunked

    @property
    def expects_continue(self) -> bool:
        return self.section.expects_continue

    @property
    def has_body(self) -> bool:
        """Whether a body follows the head."""
        return self.section.chunked or bool(self.section.content_length)


def check_head(request: Request, version: str, *, keep_alive: bool, upgrade: bool) -> None:
    """Complete `request` from its fields, or refuse it. The order of the checks is fixed.

    Refusals HTTP_VERSION_UNSUPPORTED, URI_TOO_LONG, HEADERS_TOO_LARGE, MALFORMED_HTTP and
    METHOD_NOT_ALLOWED.
    """
    line, section = request.line, request.section
    if version != "1.1":
        raise Refusal(HTTP_VERSION_UNSUPPORTED, f"HTTP/{version}")
    if len(line.target) > REQUEST_LINE_BYTES:
        raise Refusal(URI_TOO_LONG, f"{len(line.target)} bytes")
    _read_fields(section)
    if upgrade or b"upgrade" in section.single or line.method == "CONNECT":
        raise Refusal(MALFORMED_HTTP, "upgrade is not offered")
    _read_host(section)
    _read_target(line, section.host)
    _read_framing(section)
    request.keep_alive = keep_alive
    if line.method not in METHODS:
        raise Refusal(METHOD_NOT_ALLOWED, "method is not one of ours")


def check_section(section: Section) -> None:
    """Check the part of a head that hangs on the fields alone, where the target names no host.

    Refusals HEADERS_TOO_LARGE and MALFORMED_HTTP.
    """
    _read_fields(section)
    if b"upgrade" in section.single:
        raise Refusal(MALFORMED_HTTP, "upgrade is not offered")
    _read_host(section)
    _read_framing(section)


def _read_fields(section: Section) -> None:
    fields = section.fields
    if len(fields) > HEADER_FIELDS:
        raise Refusal(HEADERS_TOO_LARGE, f"{len(fields)} fields")
    single = section.single
    size = 0
    for name, value in fields:
        size += len(name) + len(value)
        if name in SINGLETONS:
            if name in single:
                _repeat(single, name, value)
            else:
                single[name] = value.rstrip(b" \t")
        elif name == b"connection":
            _check_connection(value)
    if size > HEADER_SECTION_BYTES:
        raise Refusal(HEADERS_TOO_LARGE, f"{size} bytes of fields")


def _repeat(single: dict[bytes, bytes], name: bytes, value: bytes) -> None:
    """Refuse a second line of a singleton field. Refusal MALFORMED_HTTP.

    Lines of DPoP are joined (RFC 9110 section 5.3), which makes no proof: who checks proofs refuses
    them by the standard's own error (RFC 9449 section 4.3), and passes both lines on meanwhile.
    """
    if name != b"dpop":
        raise Refusal(MALFORMED_HTTP, "a singleton field is repeated")
    single[name] += b", " + value


def _check_connection(value: bytes) -> None:
    """Refuse options that would have an end-to-end field removed on its way."""
    for option in value.lower().split(b","):
        if option.strip(b" \t") not in grammar.CONNECTION_OPTIONS:
            raise Refusal(MALFORMED_HTTP, "connection option is not one of ours")


def _read_host(section: Section) -> None:
    section.host = section.single.get(b"host", b"")
    if grammar.HOST.fullmatch(section.host) is None:
        raise Refusal(MALFORMED_HTTP, "host is missing or malformed")


def _read_target(line: RequestLine, host: bytes) -> None:
    target = line.target
    if target == b"*" and line.method == "OPTIONS":
        return
    if not target.startswith(b"/"):
        absolute = grammar.ABSOLUTE_FORM.fullmatch(target)
        if absolute is None or absolute["authority"] != host:
            raise Refusal(MALFORMED_HTTP, "target is not ours")
        line.target = target = absolute["rest"]
    if not grammar.is_target(target):
        raise Refusal(MALFORMED_HTTP, "target is malformed")


def _read_framing(section: Section) -> None:
    """Read how the body ends (RFC 9112 section 6).

    llhttp has refused lengths that are repeated, signed or beside chunks.
    """
    single = section.single
    coding = single.get(b"transfer-encoding")
    if coding is not None:
        if coding.lower() != b"chunked":
            raise Refusal(MALFORMED_HTTP, "transfer coding is not chunked")
        section.chunked = True
    length = single.get(b"content-length")
    if length is not None:
        section.content_length = int(length)
    expected = single.get(b"expect")
    if expected is not None:
        if expected.lower() != b"100-continue":
            raise Refusal(MALFORMED_HTTP, "expectation is not 100-continue")
        section.expects_continue = True
