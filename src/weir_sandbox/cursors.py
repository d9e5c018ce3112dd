"""Keyset cursors: the place of the last row seen, so that pages neither skip nor repeat rows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from weir_sandbox.problems import MALFORMED, Problem

_FORM: Final = re.compile(r"([0-9a-f]{1,15})-([0-9a-f]{1,15})\Z")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def cursor_after(at: datetime, number: int) -> str:
    """Return the cursor that continues after the row booked `at` with this number."""
    microseconds = (at - _EPOCH) // timedelta(microseconds=1)
    return f"{microseconds:x}-{number:x}"


def read_cursor(text: str) -> tuple[datetime, int]:
    """Return the time and number in a cursor. MALFORMED for one this module did not write."""
    match = _FORM.match(text)
    if match is None:
        raise Problem(MALFORMED, "the cursor is not one this institution gave")
    try:
        at = _EPOCH + timedelta(microseconds=int(match[1], 16))
    except OverflowError:
        raise Problem(MALFORMED, "the cursor is not one this institution gave") from None
    return at, int(match[2], 16)
