"""Heads read by lines that are known.

Most messages are one head and nothing else, or one head and a short body, read in one piece, and
most of their lines were seen before. Such a message is read here, line by line, from a memory of
lines; everything else (bodies of requests, pieces, pipelines, and whatever is unusual) is left to
llhttp by saying None. What is read here is a part of what llhttp reads, and read in the same way:
`tests/unit/wire/test_wire_heads.py` compares the two.
"""

from __future__ import annotations

import re
from typing import Final, final

from weir.kernel import limits
from weir.kernel.outcomes import Refusal
from weir.wire.message import METHODS, Field, Request, check_head

# field-line = field-name ":" OWS field-value OWS        (RFC 9112 section 5)
# Here without obs-text, empty values and whitespace at the end, which are left to llhttp.
_FIELD_LINE: Final = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)"
)
# status-line = HTTP-version SP status-code SP [ reason-phrase ]       (RFC 9112 section 4)
# Answers without a body and interim ones are left to llhttp.
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) [\t\x20-\x7e]*")
_LENGTH: Final = re.compile(rb"[0-9]{1,9}")

_KEPT_LINES: Final = 2_048  # in each of two generations
_KEPT_LINE_BYTES: Final = 4_096
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


@final
class Lines:
    """Field lines known by their bytes, in two generations: what was not used for one is forgotten.

    A line means the same wherever it stands, so that nothing but its bytes need be compared.
    """

    __slots__ = ("_old", "_young")

    def __init__(self) -> None:
        self._young: dict[bytes, Field] = {}
        self._old: dict[bytes, Field] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def read(self, line: bytes) -> Field | None:
        """Name in lower case and value; None for a line that is not of the usual form."""
        field = self._young.get(line)
        if field is None:
            field = self._recall(line)
        return field

    def _recall(self, line: bytes) -> Field | None:
        field = self._old.get(line)
        if field is None:
            found = _FIELD_LINE.fullmatch(line)
            if found is None:
                return None
            field = (found[1].lower(), found[2])
            if len(line) > _KEPT_LINE_BYTES:
                return field
        if len(self._young) >= _KEPT_LINES:
            self._old, self._young = self._young, {}
        self._young[line] = field
        return field


@final
class Answer:
    """An answer that is whole: its status, fields, and body."""

    __slots__ = ("body", "fields", "status")

    def __init__(self, status: int, fields: list[Field], body: bytes) -> None:
        self.status = status
        self.fields = fields
        self.body = body


def read_request(data: bytes, lines: Lines) -> Request | None:
    """A request without a body that is all of `data` and breaks no rule; None for anything else."""
    if not data.endswith(_END):
        return None
    read = data.split(b"\r\n")
    if len(read) > limits.HEADER_FIELDS + 3:
        return None
    parts = read[0].split(b" ")
    if len(parts) != 3 or parts[2] != b"HTTP/1.1":
        return None
    method, target = _METHODS.get(parts[0]), parts[1]
    if method is None or not target.startswith(b"/"):
        return None
    fields = _read_fields(read, lines)
    if fields is None:
        return None
    request = Request(method, target, fields)
    try:
        check_head(request, "1.1", keep_alive=True, upgrade=False)
    except Refusal:
        return None  # llhttp may know a better reason
    return request


def _read_fields(read: list[bytes], lines: Lines) -> list[Field] | None:
    """The fields between the first line and the two empty ones at the end."""
    fields: list[Field] = []
    for at in range(1, len(read) - 2):
        field = lines.read(read[at])
        if field is None or (field[0] in _FRAMING and not _is_usual(field)):
            return None
        fields.append(field)
    return fields


def _is_usual(field: Field) -> bool:
    return field[0] == b"connection" and field[1].lower() == b"keep-alive"


def read_answer(data: bytes, lines: Lines) -> Answer | None:
    """An answer that is all of `data`, its length said once; None for anything else."""
    end = data.find(_END)
    if end < 0:
        return None
    read = data[:end].split(b"\r\n")
    status_line = _STATUS_LINE.fullmatch(read[0])
    if status_line is None or len(read) > limits.HEADER_FIELDS + 1:
        return None
    status = int(status_line[1])
    if status in _BODILESS:
        return None
    fields: list[Field] = []
    length = -1
    for at in range(1, len(read)):
        field = lines.read(read[at])
        if field is None:
            return None
        name = field[0]
        if name in _FRAMING and not _is_usual(field):
            if name != b"content-length" or length >= 0 or _LENGTH.fullmatch(field[1]) is None:
                return None
            length = int(field[1])
        fields.append(field)
    start = end + len(_END)
    return Answer(status, fields, data[start:]) if len(data) - start == length else None
