"""Views of schemas for comparison: references followed, `allOf` gathered into one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from weir.openapi.pointers import extend, follow_once, is_reference, write_pointer
from weir.openapi.standard.fields import GRADE, LABEL

Marks = tuple[str | None, str | None]  # the label and the grade
NO_MARKS: Final[Marks] = (None, None)
Spot = tuple[Any, str]  # a schema and its pointer
# Bounds: +1 if a higher number takes more values, -1 if fewer.
BOUNDS: Final = {
    "maxLength": 1,
    "maximum": 1,
    "maxItems": 1,
    "maxProperties": 1,
    "minLength": -1,
    "minimum": -1,
    "minItems": -1,
    "minProperties": -1,
    "exclusiveMaximum": 1,
    "exclusiveMinimum": -1,
}
# Keywords that narrow a value, compared as text; before 3.1 the exclusive bounds are flags.
TEXTS: Final = ("pattern", "format", "multipleOf")
_FLAGS: Final = ("uniqueItems", "exclusiveMaximum", "exclusiveMinimum")
_MOST_PARTS: Final = 64  # parts of one allOf, all levels together, that are read


@dataclass(slots=True)
class View:
    """A schema for comparison. `types` None is any type; `values` None is every value."""

    types: frozenset[str] | None = None
    values: tuple[str, ...] | None = None
    properties: dict[str, Spot] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    closed: bool = False
    items: Spot | None = None
    others: Spot | None = None  # additionalProperties, when they have a schema
    bounds: dict[str, float] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)  # of TEXTS, and flags that are set
    default: str | None = None
    tag: str | None = None  # the discriminator's property
    variants: dict[str, Spot] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)

    def marked(self, around: Marks) -> Marks:
        """Return the schema's own marks, or the marks around it."""
        return self.marks.get(LABEL, around[0]), self.marks.get(GRADE, around[1])


def view(document: dict[str, Any], spot: Spot, *, beside_reference: bool) -> View:
    """Return the view of one schema."""
    found = View()
    waiting, parts = [spot], 0
    while waiting and parts < _MOST_PARTS:
        value, pointer = waiting.pop(0)
        parts += 1
        if not isinstance(value, dict):
            continue
        refers = is_reference(value)
        if not refers or beside_reference:
            _gather(found, value, pointer)
        if refers:
            target, tokens = follow_once(document, value["$ref"], pointer)
            waiting.append((target, write_pointer(tokens)))
        members = value.get("allOf", ()) if not refers or beside_reference else ()
        if isinstance(members, list):
            waiting.extend((each, f"{pointer}/allOf/{n}") for n, each in enumerate(members))
    return found


def _gather(found: View, value: dict[str, Any], pointer: str) -> None:
    types = _types(value)
    if types is not None:
        found.types = types if found.types is None else found.types & types
    if "const" in value or isinstance(value.get("enum"), list):
        listed = value["enum"] if "enum" in value else [value["const"]]
        found.values = tuple(sorted({_word(each) for each in listed}))
    for name, inner in _members(value, "properties"):
        found.properties.setdefault(name, (inner, extend(f"{pointer}/properties", name)))
    required = value.get("required")
    if isinstance(required, list):
        found.required.update(each for each in required if isinstance(each, str))
    others = value.get("additionalProperties")
    found.closed = found.closed or others is False
    if isinstance(others, dict):
        found.others = (others, f"{pointer}/additionalProperties")
    if isinstance(value.get("items"), dict):
        found.items = (value["items"], f"{pointer}/items")
    _gather_words(found, value)
    for member in ("oneOf", "anyOf"):
        listed = value.get(member)
        for number, each in enumerate(listed if isinstance(listed, list) else ()):
            found.variants[_name(member, each, number)] = (each, f"{pointer}/{member}/{number}")


def _gather_words(found: View, value: dict[str, Any]) -> None:
    for name in BOUNDS:
        number = value.get(name)
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            found.bounds.setdefault(name, number)
    for name in TEXTS:
        if isinstance(value.get(name), (str, int, float)):
            found.texts.setdefault(name, str(value[name]))
    for name in _FLAGS:
        if value.get(name) is True:
            found.texts.setdefault(name, "true")
    if "default" in value and found.default is None:
        found.default = _word(value["default"])
    discriminator = value.get("discriminator")
    if found.tag is None and discriminator is not None:
        named = discriminator.get("propertyName") if isinstance(discriminator, dict) else None
        found.tag = str(named or discriminator)[:100]  # OpenAPI 2.0 names the property itself
    for mark in (LABEL, GRADE):
        if mark in value:
            found.marks.setdefault(mark, str(value[mark])[:40])


def _types(value: dict[str, Any]) -> frozenset[str] | None:
    named = value.get("type")
    if named is None:
        return None
    listed = named if isinstance(named, list) else [named]
    types = {each for each in listed if isinstance(each, str)}
    return frozenset(types | {"null"} if value.get("nullable") is True else types)


def _members(value: dict[str, Any], name: str) -> list[tuple[str, Any]]:
    found = value.get(name)
    return list(found.items()) if isinstance(found, dict) else []


def _word(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _name(member: str, variant: Any, number: int) -> str:
    """Return the name that identifies a variant: its reference, its title, or its place."""
    if isinstance(variant, dict):
        for name in ("$ref", "title"):
            if isinstance(variant.get(name), str):
                return str(variant[name])
    return f"{member} {number}"
