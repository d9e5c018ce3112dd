"""Refusals of a bad document: with the place (`pointer`) and the reason (`why`), both safe.

They repeat only text that the caller sent. Names in a document may be megabytes long or hold
control characters, so they are cut and cleaned here, once.
"""

from __future__ import annotations

from typing import Final

from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Outcome, Refusal
from weir.openapi.declares import DOCUMENT_INVALID, DOCUMENT_TOO_LARGE, DOCUMENT_UNREADABLE

SHOWN_POINTER_CHARACTERS: Final = 512
SHOWN_NAME_CHARACTERS: Final = 80


def invalid(pointer: str, why: str) -> Refusal:
    """Return the refusal of a document that can be read, but is wrong at `pointer`."""
    return _refusal(DOCUMENT_INVALID, pointer, why)


def unreadable(place: str, why: str) -> Refusal:
    """Return the refusal of a text that is neither JSON nor YAML, at `line N column M`."""
    return _refusal(DOCUMENT_UNREADABLE, place, why)


def too_large(place: str, why: str) -> Refusal:
    """Return the refusal of a document over one of the DOCUMENT_ bounds of `declares.py`."""
    return _refusal(DOCUMENT_TOO_LARGE, place, why)


def wrong_input(pointer: str, why: str) -> Refusal:
    """Return the refusal of a wrong request about a document that is fine."""
    return _refusal(INVALID_INPUT, pointer, why)


def quote_name(name: str) -> str:
    """Return a name as it may appear inside a sentence: quoted, printable and short."""
    return f'"{_clean(name, SHOWN_NAME_CHARACTERS)}"'


def _refusal(outcome: Outcome, pointer: str, why: str) -> Refusal:
    place = _clean(pointer, SHOWN_POINTER_CHARACTERS)
    return Refusal(outcome, f"at {place or 'the root'}: {why}", pointer=place, why=why)


def _clean(text: str, characters: int) -> str:
    kept = text if len(text) <= characters else f"{text[: characters - 1]}…"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in kept)
