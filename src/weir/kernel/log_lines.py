"""Lines of a process's log: bounded in number a second, and each in length.

Whoever can make a process write a line could fill the disk with them, and records share that disk.
So the lines of one kind that a second brings beyond a bound are counted, and told in one line; and
no value in a line is longer than a bound, or holds a character that is not to be seen.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final, final

from weir.kernel.declares import (
    LOG_KINDS,
    LOG_LINES_A_SECOND,
    LOG_TRACE_CHARACTERS,
    LOG_VALUE_CHARACTERS,
)

_OTHERS: Final = "other lines"
_TRACE: Final = "exception"  # the value that holds an exception's trace
_VALUES: Final = 40  # of one line, and of one object in it


@final
class LogLines:
    """The lines left of this second (LOG_LINES_A_SECOND of each kind), and the ones left out.

    A kind is the name of an event, which the source writes, or the name of a library's logger.
    """

    __slots__ = ("_began_s", "_left_out", "_written")

    def __init__(self) -> None:
        self._began_s = 0.0
        self._written: defaultdict[str, int] = defaultdict(int)
        self._left_out: defaultdict[str, int] = defaultdict(int)

    def admits(self, kind: str, now_s: float) -> bool:
        """Whether one more line of this kind may be written now (monotonic seconds); otherwise it
        is counted.
        """
        if now_s - self._began_s >= 1.0:
            self._began_s = now_s
            self._written.clear()
        if kind not in self._written and len(self._written) >= LOG_KINDS:
            kind = _OTHERS
        if self._written[kind] >= LOG_LINES_A_SECOND:
            self._left_out[kind] += 1
            return False
        self._written[kind] += 1
        return True

    def left_out(self) -> dict[str, int]:
        """Return the lines that were left out since the last time, by kind."""
        counted = dict(self._left_out)
        self._left_out.clear()
        return counted


def bounded(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line with each value in its bound: LOG_TRACE_CHARACTERS of an exception's trace,
    LOG_VALUE_CHARACTERS of any other text.
    """
    return {
        name: _end_of(value) if name == _TRACE else _bounded(value)
        for name, value in list(line.items())[:_VALUES]
    }


def plain(text: str, characters: int = LOG_VALUE_CHARACTERS) -> str:
    """Return a text's beginning on one line, each character that is not to be seen as `\\uXXXX`."""
    cut = text[:characters]
    if not (cut.isascii() and cut.isprintable()):
        cut = "".join(each if _is_seen(each) else f"\\u{ord(each):04x}" for each in cut)
    return cut if len(text) <= characters else f"{cut}... ({len(text)} characters)"


def _bounded(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {plain(str(name)): _bounded(each) for name, each in list(value.items())[:_VALUES]}
    return plain(value if isinstance(value, str) else repr(value))


def _end_of(trace: Any) -> str:
    """Return the end of a trace, which names the exception and the lines that are nearest to it."""
    lines = str(trace)[-LOG_TRACE_CHARACTERS:].split("\n")
    return "\n".join(plain(line) for line in lines)


def _is_seen(character: str) -> bool:
    """Whether a character is no control, format, surrogate, private or unassigned one, and no line
    or paragraph separator.
    """
    return unicodedata.category(character)[0] != "C" and character not in "\u2028\u2029"
