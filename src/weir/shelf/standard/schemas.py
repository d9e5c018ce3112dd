"""What breaks between two schemas: requests must take no less, answers must give no more variety.

Schemas are compared once for each pair and direction, on a stack, so circles end. Variants
(`oneOf`, `anyOf`) are matched by what they refer to, by title, or by place; `not`, `if` and
`patternProperties` are not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from weir.kernel import limits
from weir.shelf.standard.rules import Finding
from weir.shelf.standard.views import BOUNDS, NO_MARKS, Marks, Spot, View, view


class _Step(NamedTuple):
    """Two schemas to compare, the name of the field they describe, and the marks around them."""

    old: Spot
    new: Spot
    name: str
    old_marks: Marks
    new_marks: Marks


class SchemaComparison:
    """Compares schemas of one document with schemas of another."""

    def __init__(
        self, old: dict[str, Any], new: dict[str, Any], *, beside_reference: tuple[bool, bool]
    ) -> None:
        self._old, self._new = old, new
        self._beside = beside_reference
        self._seen: set[tuple[int, int, bool, Marks, Marks]] = set()
        self._left = limits.STANDARD_STEPS

    def request(
        self, old: Spot, new: Spot, name: str = "", marks: tuple[Marks, Marks] = (NO_MARKS,) * 2
    ) -> Iterator[Finding]:
        """What breaks in something the caller sends. `marks` are those around the schemas."""
        return self._compare(_Step(old, new, name, *marks), asked=True)

    def response(self, old: Spot, new: Spot) -> Iterator[Finding]:
        """What breaks in something the caller is answered."""
        return self._compare(_Step(old, new, "", NO_MARKS, NO_MARKS), asked=False)

    def _compare(self, start: _Step, *, asked: bool) -> Iterator[Finding]:
        waiting = [start]
        while waiting and self._left:
            before, after, name, *marks = step = waiting.pop()
            key = (id(before[0]), id(after[0]), asked, step.old_marks, step.new_marks)
            if key in self._seen:
                continue
            self._seen.add(key)
            self._left -= 1
            views = (
                view(self._old, before, beside_reference=self._beside[0]),
                view(self._new, after, beside_reference=self._beside[1]),
            )
            marked = [each.marked(mark) for each, mark in zip(views, marks, strict=True)]
            step = _Step(before, after, name, *marked)
            inner = list(_inner(*views, step))
            yield from _one(*views, after[1], name, asked)
            yield from _properties(*views, after[1], asked)
            yield from () if inner else _labels(step)
            waiting.extend(reversed(inner))


def _inner(old: View, new: View, step: _Step) -> Iterator[_Step]:
    marks = (step.old_marks, step.new_marks)
    for key, spot in old.properties.items():
        if key in new.properties:
            yield _Step(spot, new.properties[key], key, *marks)
    for key, spot in old.variants.items():
        if key in new.variants:
            yield _Step(spot, new.variants[key], step.name, *marks)
    for before, after in ((old.items, new.items), (old.others, new.others)):
        if before and after:
            yield _Step(before, after, step.name, *marks)


def _labels(step: _Step) -> Iterator[Finding]:
    """The marks of a field, its own or those of an object around it."""
    for before, after in zip(step.old_marks, step.new_marks, strict=True):
        if before is not None and before != after:
            subject = f"{step.name}: {before} → {after or '-'}"
            yield _found("label-changed", step.new[1], subject)


def _one(old: View, new: View, at: str, name: str, asked: bool) -> Iterator[Finding]:
    yield from _types(old, new, at, name, asked)
    yield from _values(old, new, at, name, asked)
    yield from _bounds(old, new, at, name, asked)
    gone, come = old.variants.keys() - new.variants.keys(), new.variants.keys() - old.variants
    if (asked and gone and new.variants) or (not asked and come and old.variants):
        yield _found("variant-changed", at, _listed(gone if asked else come))


def _types(old: View, new: View, at: str, name: str, asked: bool) -> Iterator[Finding]:
    narrow, wide = (old.types, new.types) if asked else (new.types, old.types)
    fits = wide is None or (
        narrow is not None and _widened(narrow) <= _widened(wide) | narrow & wide
    )
    if not fits:
        before, after = (_listed(each) if each else "*" for each in (old.types, new.types))
        yield _found("type-changed", at, f"{name}: {before} → {after}")


def _widened(types: frozenset[str]) -> frozenset[str]:
    """Every integer is a number (JSON Schema 2020-12 section 4.2.1)."""
    return types | {"integer"} if "number" in types else types


def _values(old: View, new: View, at: str, name: str, asked: bool) -> Iterator[Finding]:
    before, after = old.values, new.values
    if asked and after is not None and not _within(before, after):
        gone = set(before or ()) - set(after)
        yield _found("values-narrowed", at, f"{name}: {_listed(gone) or '*'}")
    if not asked and before is not None and not _within(after, before):
        come = set(after or ()) - set(before)
        yield _found("values-widened", at, f"{name}: {_listed(come) or '*'}")


def _within(narrow: tuple[str, ...] | None, wide: tuple[str, ...]) -> bool:
    return narrow is not None and set(narrow) <= set(wide)


def _bounds(old: View, new: View, at: str, name: str, asked: bool) -> Iterator[Finding]:
    if not asked:
        return  # an answer that is longer than before breaks nobody who did not count on it
    for bound, direction in BOUNDS.items():
        before, after = old.bounds.get(bound), new.bounds.get(bound)
        if after is not None and (before is None or after * direction < before * direction):
            shown = "-" if before is None else before
            yield _found("values-narrowed", at, f"{name} {bound}: {shown} → {after}")
    for word in ("pattern", "format"):
        text = new.texts.get(word)
        if text is not None and text != old.texts.get(word):
            shown = old.texts.get(word, "-")
            yield _found("values-narrowed", at, f"{name} {word}: {shown} → {text}")


def _properties(old: View, new: View, new_at: str, asked: bool) -> Iterator[Finding]:
    for name, (_, pointer) in old.properties.items():
        if name not in new.properties and (not asked or new.closed):
            yield Finding("breaking-property-removed", pointer, name, in_older=True)
        elif not asked and name in old.required and name not in new.required:
            yield _found("property-optional", new.properties[name][1], name)
    for name in sorted(new.required - old.required) if asked else ():
        at = new.properties[name][1] if name in new.properties else new_at
        yield _found("property-required", at, name)
    if asked and new.closed and not old.closed:
        yield _found("values-narrowed", f"{new_at}/additionalProperties", "additionalProperties")


def _found(change: str, pointer: str, subject: str) -> Finding:
    return Finding(f"breaking-{change}", pointer, subject.removeprefix(": ")[:200])


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
