"""Heads of messages known by their bytes, so that a repeated head is not parsed again.

Most messages are one head and nothing else, or one head and a short body, read in one piece, and
most of their lines have come before: a caller's fields are the same from call to call, and so are a
member's within a second. Such a message is read here, from a memory of request lines, of header
sections, of answers' heads, and of single lines; everything else (bodies of requests, pieces,
pipelines, and anything unusual) is left to llhttp by returning None. Messages read here are a part
of the ones llhttp reads, and read in the same way: `tests/unit/wire/test_wire_heads.py` compares
the two.
"""

from __future__ import annotations

import re
from typing import Any, Final, Generic, TypeVar, final

from weir.kernel.outcomes import Refusal
from weir.wire import grammar
from weir.wire.declares import HEADER_FIELDS, KNOWN_HEADS_BYTES, REQUEST_LINE_BYTES
from weir.wire.message import METHODS, Field, Request, RequestLine, Section, check_section

# field-line = field-name ":" OWS field-value OWS        (RFC 9112 section 5)
# Here without obs-text, empty values and whitespace at the end, which are left to llhttp.
_FIELD_LINE: Final = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)"
)
# status-line = HTTP-version SP status-code SP [ reason-phrase ]       (RFC 9112 section 4)
# Answers without a body and interim ones are left to llhttp.
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) [\t\x20-\x7e]*")
_LENGTH: Final = re.compile(rb"[0-9]{1,9}")

_KEPT_KEY_BYTES: Final = 8_192
# A remembered head costs more than its bytes: they stand again in the values read from them, and
# each line has a place in a list and in a dictionary. Any caller may send heads, so all counts.
_ENTRY_BYTES: Final = 1_024
_LINE_BYTES: Final = 128
_COPIES: Final = 3
_END: Final = b"\r\n\r\n"
_METHODS: Final = {method.encode(): method for method in METHODS}
_BODILESS: Final = frozenset({204, 304})
# Fields that decide how a message is framed, or whether the connection lasts.
_FRAMING: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"expect",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


# Fields that no two requests should have in common, so that a section with one is not kept.
_EVER_NEW: Final = (
    b"x-fapi-interaction-id",
    b"dpop",
    b"idempotency-key",
    b"x-idempotency-key",
)

Value = TypeVar("Value")


@final
class Known(Generic[Value]):
    """Values known by bytes, in two generations: one unused for a generation is forgotten.

    The bytes mean the same wherever they stand, so that nothing else need be compared.
    """

    __slots__ = ("_bytes", "_old", "_young")

    def __init__(self) -> None:
        self._young: dict[bytes, Value] = {}
        self._old: dict[bytes, Value] = {}
        self._bytes = 0  # that the young generation is reckoned to hold

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def find(self, key: bytes) -> Value | None:
        """Return the value, which is used and therefore young again; None for an unknown key."""
        found = self._young.get(key)
        if found is None and self._old:
            found = self._old.get(key)
            if found is not None:
                self.keep(key, found)
        return found

    def keep(self, key: bytes, value: Value) -> bool:
        """Remember the value, unless its key is long. Return whether it is remembered."""
        if len(key) > _KEPT_KEY_BYTES:
            return False
        if self._bytes >= KNOWN_HEADS_BYTES:
            self._old, self._young, self._bytes = self._young, {}, 0
        self._young[key] = value
        self._bytes += _ENTRY_BYTES + _COPIES * len(key) + _LINE_BYTES * key.count(b"\n")
        return True


@final
class AnswerHead:
    """Status and fields of an answer. Answers with the same head may share it.

    `length` of the body in bytes is -1 where it is not given; `raw` are the head's bytes, where it
    is shared; `noted` is the receiver's own memory of the head, None at first.
    """

    __slots__ = ("fields", "length", "noted", "raw", "status")

    def __init__(self, status: int, fields: list[Field], length: int = -1) -> None:
        self.status = status
        self.fields = fields
        self.length = length
        self.raw = b""
        self.noted: Any = None


@final
class Answer:
    """A whole answer: its head and its body."""

    __slots__ = ("body", "head")

    def __init__(self, head: AnswerHead, body: bytes) -> None:
        self.head = head
        self.body = body


@final
class Heads:
    """The memory of the heads that come in one way, by listener or from members."""

    __slots__ = ("answers", "lines", "request_lines", "sections")

    def __init__(self) -> None:
        self.lines: Known[Field] = Known()
        self.request_lines: Known[RequestLine] = Known()
        self.sections: Known[Section] = Known()
        self.answers: Known[AnswerHead] = Known()


def read_request(data: bytes, heads: Heads, recent: Section | None = None) -> Request | None:
    """Read a request without a body that is all of `data`; None for any other, or a broken rule.

    `recent` is the section of the connection's last request, which is mostly that of the next.
    """
    if recent is not None and recent.raw and data.endswith(recent.raw):
        known = heads.request_lines.find(data[: len(data) - len(recent.raw)])
        if known is not None:
            return Request(known, recent)
    if not data.endswith(_END):
        return None
    start = data.find(b"\r\n") + 2
    first, rest = data[:start], data[start:]
    line = heads.request_lines.find(first) or _read_request_line(first, heads)
    if line is None:
        return None
    section = heads.sections.find(rest) or _read_section(rest, heads)
    return None if section is None else Request(line, section)


def _read_request_line(first: bytes, heads: Heads) -> RequestLine | None:
    parts = first.split(b" ")
    if len(parts) != 3 or parts[2] != b"HTTP/1.1\r\n":
        return None
    method, target = _METHODS.get(parts[0]), parts[1]
    if method is None or len(target) > REQUEST_LINE_BYTES or not grammar.is_target(target):
        return None
    line = RequestLine(method, target)
    heads.request_lines.keep(first, line)
    return line


def _read_section(rest: bytes, heads: Heads) -> Section | None:
    """Read the field lines and the empty one behind them."""
    fields = _read_fields(rest.split(b"\r\n"), heads.lines)
    if fields is None:
        return None
    section = Section(fields)
    try:
        check_section(section)
    except Refusal:
        return None  # llhttp may know a better reason
    for name in _EVER_NEW:
        if name in section.single:
            return section
    if heads.sections.keep(rest, section):
        section.raw = rest
    return section


def _read_line(line: bytes, lines: Known[Field]) -> Field | None:
    """Return name in lower case and value; None for a line that is not of the usual form."""
    field = lines.find(line)
    if field is None:
        found = _FIELD_LINE.fullmatch(line)
        if found is not None:
            field = (found[1].lower(), found[2])
            lines.keep(line, field)
    return field


def _read_fields(read: list[bytes], lines: Known[Field]) -> list[Field] | None:
    """Return the fields before the two empty lines at the end; None to leave them to llhttp."""
    if len(read) > HEADER_FIELDS + 2:
        return None
    fields: list[Field] = []
    for at in range(len(read) - 2):
        field = _read_line(read[at], lines)
        if field is None or (field[0] in _FRAMING and not _is_usual(field)):
            return None
        fields.append(field)
    return fields


def _is_usual(field: Field) -> bool:
    return field[0] == b"connection" and field[1].lower() == b"keep-alive"


def read_answer(data: bytes, heads: Heads, recent: AnswerHead | None = None) -> Answer | None:
    """Read an answer that is all of `data`, its length given once; None for any other.

    `recent` is the head of the connection's last answer.
    """
    if recent is not None and recent.raw and data.startswith(recent.raw):
        body = data[len(recent.raw) :]
        return Answer(recent, body) if len(body) == recent.length else None
    start = data.find(_END) + len(_END)
    if start < len(_END):
        return None
    first = data[:start]
    head = heads.answers.find(first) or _read_answer_head(first, heads)
    if head is None or len(data) - start != head.length:
        return None
    return Answer(head, data[start:])


def _read_answer_head(first: bytes, heads: Heads) -> AnswerHead | None:
    read = first.split(b"\r\n")
    status_line = _STATUS_LINE.fullmatch(read[0])
    if status_line is None or len(read) > HEADER_FIELDS + 3:
        return None
    status = int(status_line[1])
    if status in _BODILESS:
        return None
    fields: list[Field] = []
    length = -1
    for at in range(1, len(read) - 2):
        field = _read_line(read[at], heads.lines)
        if field is None:
            return None
        name = field[0]
        if name in _FRAMING and not _is_usual(field):
            if name != b"content-length" or length >= 0 or _LENGTH.fullmatch(field[1]) is None:
                return None
            length = int(field[1])
        fields.append(field)
    if length < 0:
        return None
    head = AnswerHead(status, fields, length)
    if heads.answers.keep(first, head):
        head.raw = first
    return head
