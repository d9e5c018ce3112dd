"""Scene, channel and referrer: an application's labels of where its customer is.

They enter the call record and go nowhere else. The grammar leaves no room for a person: words of
small letters, and never five digits in a row.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from weir.kernel import inputs
from weir.kernel.declares import LABEL_CHARACTERS

SCENE: Final = b"weir-scene"
CHANNEL: Final = b"weir-channel"
REFERRER: Final = b"weir-referrer"

_WORD: Final = re.compile(rb"[a-z](?:[a-z._-]|[0-9]{1,4}(?![0-9]))*")


class Labels(NamedTuple):
    """The labels of a call; None for one that was not sent."""

    scene: str | None
    channel: str | None
    referrer: str | None


def labels(single: dict[bytes, bytes]) -> Labels | None:
    """Return the labels of a request's fields; None when there are none. Refusal INVALID_INPUT."""
    if SCENE in single or CHANNEL in single or REFERRER in single:
        return Labels(_read(single, SCENE), _read(single, CHANNEL), _read(single, REFERRER))
    return None


def _read(single: dict[bytes, bytes], name: bytes) -> str | None:
    value = single.get(name)
    if value is None:
        return None
    if len(value) > LABEL_CHARACTERS or _WORD.fullmatch(value) is None:
        raise inputs.wrong(
            f"header:{name.decode()}",
            f"must be 1 to {LABEL_CHARACTERS} lower-case letters, digits, dots, hyphens and"
            " underscores, starting with a letter, with no more than four digits in a row",
            f"须为 1 至 {LABEL_CHARACTERS} 个小写字母、数字、点、连字符或下划线，"
            "以字母开头，且连续数字不超过四个",
        )
    return value.decode()
