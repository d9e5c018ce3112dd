"""Breaking changes between two schemas: requests may take no less, answers may give no more.

Schemas are compared once for each pair and direction, on a stack, so circles end. Variants
(`oneOf`, `anyOf`) are matched by their reference, by title, or by place; `not`, `if` and
`patternProperties` are not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from weir.openapi.declares import STANDARD_STEPS
from weir.openapi.standard.rules import Finding
from weir.openapi.standard.schema_views import BOUNDS, NO_MARKS, Marks, Spot, View, view


class _Step(NamedTuple):
    """Two schemas to compare, the name of the field they describe, and the marks around them."""

    old: Spot
    new: Spot
    name: str
    old_marks: Marks
    new_marks: Marks


class SchemaComparison:
    """A comparison of one document's schemas with another's."""

    def __init__(
        self, old: dict[str, Any], new: dict[str, Any], *, beside_reference: tuple[bool, bool]
    ) -> None:
        self._old, self._new = old, new
        self._beside = beside_reference
        self._seen: set[tuple[int, int, bool, Marks, Marks]] = set()
        self._left = STANDARD_STEPS

    def request(
        self, old: Spot, new: Spot, name: str = "", marks: tuple[Marks, Marks] = (NO_MARKS,) * 2
    ) -> Iterator[Finding]:
        """Return the breaking changes of a schema that callers send; `marks` are around the
        schemas.
        """
        return self._compare(_Step(old, new, name, *marks), asked=True)

    def response(self, old: Spot, new: Spot) -> Iterator[Finding]:
        """Return the breaking changes of a schema that callers are answered."""
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
    """Yield changes of a field's marks, its own or of an object around it."""
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
    elif old.tag is not None and old.tag != new.tag:
        yield _found("variant-changed", at, f"{name} discriminator: {old.tag} → {new.tag or '-'}")
    if asked and old.default is not None and old.default != new.default:
        after = "-" if new.default is None else new.default
        yield _found("default-changed", at, f"{name}: {old.default} → {after}")


def _types(old: View, new: View, at: str, name: str, asked: bool) -> Iterator[Finding]:
    narrow, wide = (old.types, new.types) if asked else (new.types, old.types)
    fits = wide is None or (
        narrow is not None and _widened(narrow) <= _widened(wide) | narrow & wide
    )
    if not fits:
        before, after = (_listed(each) if each else "*" for each in (old.types, new.types))
        yield _found("type-changed", at, f"{name}: {before} → {after}")


def _widened(types: frozenset[str]) -> frozenset[str]:
    """Add integer to number: every integer is a number (JSON Schema 2020-12 section 4.2.1)."""
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
    """Yield narrower bounds of a request, and wider bounds of an answer.

    Callers make room for an answer's values as its bounds say.
    """
    change = "values-narrowed" if asked else "values-widened"
    bound_by, free = (new, old) if asked else (old, new)
    for bound, direction in BOUNDS.items():
        most, other = bound_by.bounds.get(bound), free.bounds.get(bound)
        if most is not None and (other is None or most * direction < other * direction):
            yield _found(change, at, f"{name} {bound}: {_arrow(old.bounds, new.bounds, bound)}")
    for word, text in bound_by.texts.items():
        if text != free.texts.get(word):
            yield _found(change, at, f"{name} {word}: {_arrow(old.texts, new.texts, word)}")


def _arrow(before: Mapping[str, Any], after: Mapping[str, Any], word: str) -> str:
    return f"{before.get(word, '-')} → {after.get(word, '-')}"


def _properties(old: View, new: View, new_at: str, asked: bool) -> Iterator[Finding]:
    elsewhere = "readOnly" if asked else "writeOnly"
    for name, (schema, pointer) in old.properties.items():
        if _says(schema, elsewhere):
            continue  # never sent in this direction (OpenAPI 3.0.3, schema object)
        if name not in new.properties:
            if not asked or new.closed:
                yield Finding("breaking-property-removed", pointer, name, in_older=True)
        elif _says(new.properties[name][0], elsewhere):
            yield _found("property-removed", new.properties[name][1], f"{name}: {elsewhere}")
        elif not asked and name in old.required and name not in new.required:
            yield _found("property-optional", new.properties[name][1], name)
    for name in sorted(new.required - old.required) if asked else ():
        schema, at = new.properties.get(name, (None, new_at))
        if not _says(schema, elsewhere):
            yield _found("property-required", at, name)
    if asked and new.closed and not old.closed:
        yield _found("values-narrowed", f"{new_at}/additionalProperties", "additionalProperties")


def _says(schema: Any, word: str) -> bool:
    return isinstance(schema, dict) and schema.get(word) is True


def _found(change: str, pointer: str, subject: str) -> Finding:
    return Finding(f"breaking-{change}", pointer, subject.removeprefix(": ")[:200])


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
