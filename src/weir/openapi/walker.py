"""Walk of a document along its grammar, refusing misfits; each object once for each sort.

The walk follows references, so it sees exactly the objects reachable from its start, and knows a
reference from an example that happens to contain the member `$ref`. It keeps its own stack: a long
chain of references costs memory, not recursion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from weir.openapi.pointers import extend, follow, follow_once, is_reference, write_pointer
from weir.openapi.refusals import invalid, quote_name
from weir.openapi.shapes import SCALARS, Grammar, Shape, Sort, Term, phrase, read_shape


@dataclass(frozen=True, slots=True)
class Visit:
    """One object met on the walk: its sort in the grammar, and its pointer.

    `target` is set when the object is a reference: the tokens of its target.
    """

    sort: str
    value: dict[str, Any]
    pointer: str
    target: tuple[str, ...] | None = None


# A value still to be checked: its shape, the value, its pointer.
_Waiting = tuple[Shape, Any, str]
# The value a reference points at, and its tokens.
_Target = tuple[Any, tuple[str, ...]]


# The start of a walk: a shape in the notation of `shapes.py`, a value, and its pointer.
Start = tuple[str, Any, str]


def walk(
    document: dict[str, Any],
    grammar: Grammar,
    starts: Iterable[Start],
    seen: set[tuple[int, str]] | None = None,
) -> Iterator[Visit]:
    """Visit every object reachable from `starts`, in document order.

    Walks that are given the same `seen` visit each object once between them. Refused with
    DOCUMENT_INVALID: a value of the wrong sort, a missing or unknown member, a reference that
    leaves the document, points at nothing, or leads only to references.
    """
    waiting: list[_Waiting] = [(read_shape(text), value, at) for text, value, at in starts]
    waiting.reverse()
    seen = set() if seen is None else seen
    known: dict[str, _Target] = {}
    while waiting:
        shape, value, pointer = waiting.pop()
        term = _fitting(shape, value, pointer)
        if not isinstance(value, (dict, list)) or term.sort in SCALARS:
            continue
        if term.sort in ("list", "map"):
            waiting.extend(_contents(term, value, pointer))
            continue
        assert isinstance(value, dict)
        key = (id(value), term.sort)
        if key in seen:
            continue
        seen.add(key)
        sort = grammar[term.sort]
        refers = term.may_refer and is_reference(value)
        if refers:
            target, tokens = _target(document, value, pointer, known)
            waiting.append(((term,), target, write_pointer(tokens)))
            yield Visit(sort.name, value, pointer, tokens)
        else:
            yield Visit(sort.name, value, pointer)
        if not refers or sort.beside_reference:
            waiting.extend(_members(sort, value, pointer))


def _fitting(shape: Shape, value: Any, pointer: str) -> Term:
    for term in shape:
        if term.fits(value):
            return term
    raise invalid(pointer, f"This must be {phrase(shape)}.")


def _contents(term: Term, value: Any, pointer: str) -> list[_Waiting]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    inner = [(term.inner, each, extend(pointer, step)) for step, each in pairs]
    inner.reverse()  # the stack returns the last one first
    return inner


def _target(
    document: dict[str, Any], holder: dict[str, Any], pointer: str, known: dict[str, _Target]
) -> _Target:
    """Return a reference's target, looked up once for all references with the same text."""
    reference = holder["$ref"]
    if not isinstance(reference, str) or reference not in known:
        follow(document, holder, pointer)
        known[reference] = follow_once(document, reference, extend(pointer, "$ref"))
    return known[reference]


def _members(sort: Sort, value: dict[str, Any], pointer: str) -> list[_Waiting]:
    for name in sort.required:
        if name not in value:
            raise invalid(pointer, f"The member {quote_name(name)} is missing.")
    found: list[_Waiting] = []
    for name, inner in value.items():
        if name == "$ref" and sort.beside_reference:
            continue
        shape = sort.shape_of(name)
        if shape is None:
            raise invalid(extend(pointer, name), _unknown(sort, name))
        if shape:
            found.append((shape, inner, extend(pointer, name)))
    found.reverse()
    return found


def _unknown(sort: Sort, name: str) -> str:
    if sort.others is not None:
        return f"{quote_name(name)} is not a name that may stand here."
    return f"There is no member {quote_name(name)} here; extensions begin with x-."
