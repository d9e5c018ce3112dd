"""What a rule and a finding are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from weir.openapi.standard.document_view import Reading

# From the one that fails a check to the one that only helps.
SEVERITIES: Final = ("error", "warning", "advice")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule with its words: what must hold, why, by which standard, and how to mend it."""

    id: str
    severity: str
    what: str
    what_zh: str
    reason: str
    reason_zh: str
    mend: str
    mend_zh: str
    source: str  # the standard and its section; "weir" where the rule is this platform's own


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that does not keep a rule.

    `pointer` is a JSON pointer (RFC 6901) into the document; into the older one of two when
    `in_older`. `subject` says what was met there in a few neutral words: a name, a value, or
    `old → new`.
    """

    rule: str
    pointer: str
    subject: str
    in_older: bool = False


# Where a rule is not kept: a pointer and a subject for each place.
Place = tuple[str, str]
Check = Callable[[Reading], Iterator[Place]]
Checked = tuple[Rule, Check]
