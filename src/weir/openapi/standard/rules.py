"""Rules and findings of the standard, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from weir.openapi.standard.document_view import Reading

# From the severity that fails a check to the one that only advises.
SEVERITIES: Final = ("error", "warning", "advice")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule with its words: the requirement, its reason, its standard, and how to mend it."""

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
    """One place that breaks a rule.

    `pointer` is a JSON pointer (RFC 6901) into the document; into the older one of two when
    `in_older`. `subject` describes the place in a few neutral words: a name, a value, or `old →
    new`.
    """

    rule: str
    pointer: str
    subject: str
    in_older: bool = False


# A place that breaks a rule: its pointer and its subject.
Place = tuple[str, str]
Check = Callable[[Reading], Iterator[Place]]
Checked = tuple[Rule, Check]
