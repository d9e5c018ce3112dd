"""A JSON Schema as a tree for people to read. Pure; bounded in depth and size.

References are followed as the tree is walked; one that leads back to a schema above it is named and
not opened again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from weir.kernel.declares import NAME_CHARACTERS, PROSE_CHARACTERS
from weir.kernel.outcomes import Refusal
from weir.openapi.pointers import follow
from weir.openapi.standard.fields import GRADE, LABEL
from weir.shelf.declares import REFERENCE_DEPTH, REFERENCE_NODES, SEARCH_CHOICES

_FACTS: Final = (
    "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties",
    "maxProperties", "default", "const", "readOnly", "writeOnly",
)  # fmt: skip
_FLAGS: Final = ("uniqueItems", "readOnly", "writeOnly")
# Keywords for a value that may be one of several, and the word for its kind.
_EITHER: Final = {"oneOf": "one of", "anyOf": "any of"}
_JSON_TYPES: Final = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One field. `kind` is its type in words; `facts` are (keyword, value).

    `children` are its fields, with `[ ]` for the items of an array and `*` for fields of any name;
    `variants` are the alternatives of oneOf or anyOf. `cut` when there are more levels than shown.
    """

    name: str
    kind: str
    required: bool = False
    description: str = ""
    values: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    label: str | None = None
    grade: str | None = None
    deprecated: bool = False
    children: Sequence[Node] = ()
    variants: Sequence[Node] = ()
    cut: bool = False

    @property
    def says_more(self) -> bool:
        """Whether there is more to show than the kind."""
        return bool(self.description or self.values or self.facts or self.label or self.grade)


class Reader:
    """Reader of one document's schemas; all it reads together stays under REFERENCE_NODES."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._left = REFERENCE_NODES

    def resolve(self, value: Any) -> dict[str, Any]:
        """Return an object once references are followed; {} for a value that is no object."""
        try:
            found, _ = follow(self._document, value, "")
        except Refusal:  # it leads to a part that the product does not hold
            return {}
        return found if isinstance(found, dict) else {}

    def node(self, name: str, schema: Any, *, required: bool = False) -> Node:
        """Return the tree of one schema."""
        return self._node(name, schema, required=required, above=())

    def _node(self, name: str, schema: Any, *, required: bool, above: tuple[int, ...]) -> Node:
        self._left -= 1
        merged = self.merged(schema)
        seen = id(self.resolve(schema))
        opened = seen not in above and len(above) < REFERENCE_DEPTH and self._left > 0
        below = (*above, seen)
        return Node(
            name=name,
            kind=self._kind(merged),
            required=required,
            description=_text(merged.get("description") or merged.get("title")),
            values=[_value(each) for each in _list(merged.get("enum"))[:SEARCH_CHOICES]],
            facts=_facts(merged),
            label=_mark(merged.get(LABEL)),
            grade=_mark(merged.get(GRADE)),
            deprecated=merged.get("deprecated") is True,
            children=list(self._inner(merged, below)) if opened else [],
            variants=list(self._variants(merged, below)) if opened else [],
            cut=not opened and self._has_inner(merged),
        )

    def merged(self, schema: Any, depth: int = 0) -> dict[str, Any]:
        """Return a schema with its allOf parts in it, as one object."""
        found = self.resolve(schema)
        beside = schema if isinstance(schema, dict) and "$ref" in schema else {}
        together = found | {name: value for name, value in beside.items() if name != "$ref"}
        for part in _list(together.get("allOf"))[:REFERENCE_DEPTH]:
            within = depth < REFERENCE_DEPTH and self._spend()
            inner = self.merged(part, depth + 1) if within else {}
            own = _object(together.get("properties"))
            theirs = _object(inner.get("properties"))
            properties = own | {name: theirs[name] for name in theirs if name not in own}
            required = [*_list(inner.get("required")), *_list(together.get("required"))]
            together = inner | together
            if properties:
                together |= {"properties": properties, "required": required}
        return {name: value for name, value in together.items() if name != "allOf"}

    def _spend(self) -> bool:
        self._left -= 1
        return self._left > 0

    def _inner(self, schema: dict[str, Any], above: tuple[int, ...]) -> Iterator[Node]:
        required = set(map(str, _list(schema.get("required"))))
        for name, value in _object(schema.get("properties")).items():
            if self._left <= 0:
                return
            yield self._node(name, value, required=name in required, above=above)
        for name, shown in (("items", "[ ]"), ("additionalProperties", "*")):
            if self._left <= 0 or not self.resolve(schema.get(name)):
                continue
            node = self._node(shown, schema[name], required=False, above=above)
            plain = name == "items" and not (node.children or node.variants or node.cut)
            if node.says_more or not plain:
                yield node

    def _variants(self, schema: dict[str, Any], above: tuple[int, ...]) -> Iterator[Node]:
        for keyword in _EITHER:
            for place, value in enumerate(_list(schema.get(keyword)), start=1):
                if self._left <= 0:
                    return
                title = _text(self.resolve(value).get("title")) or _referred(value)
                name = title or f"{keyword} {place}"
                yield self._node(name, value, required=False, above=above)

    def _has_inner(self, schema: dict[str, Any]) -> bool:
        return any(schema.get(name) for name in ("properties", *_EITHER)) or any(
            bool(self.resolve(schema.get(name))) for name in ("items", "additionalProperties")
        )

    def _kind(self, schema: dict[str, Any], depth: int = 0) -> str:
        """Return the type in words; arrays in arrays are followed to a bounded depth."""
        said = schema.get("type")
        names = list(map(str, said)) if isinstance(said, list) else [str(said)] if said else []
        words = [self._named(name, schema, depth) for name in names or _implied(schema)]
        if schema.get("nullable") is True and "null" not in words:
            words.append("null")
        return " | ".join(dict.fromkeys(words))

    def _named(self, name: str, schema: dict[str, Any], depth: int) -> str:
        if name == "array":
            items = self.merged(schema.get("items"))
            known = items and depth < REFERENCE_DEPTH // 2
            return f"array of {self._kind(items, depth + 1)}" if known else "array"
        shape = schema.get("format")
        return f"{name} ({shape})" if shape and name not in ("null", "object") else name


def _implied(schema: dict[str, Any]) -> list[str]:
    """Return the kinds of a schema without a type, as far as its other keywords imply them."""
    if "items" in schema:
        return ["array"]
    if "properties" in schema or "additionalProperties" in schema:
        return ["object"]
    either = [words for keyword, words in _EITHER.items() if schema.get(keyword)]
    values = [schema["const"]] if "const" in schema else _list(schema.get("enum"))
    written = [_JSON_TYPES.get(type(value), "null") for value in values]
    return either or list(dict.fromkeys(written)) or ["any"]


def _facts(schema: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the (keyword, value) pairs to show beside the type."""
    given = [name for name in _FACTS if name in schema]
    told: list[tuple[str, str]] = [
        (fact, _value(schema[fact])) for fact in given if fact not in _FLAGS
    ]
    told += [(fact, "true") for fact in given if fact in _FLAGS and schema[fact] is True]
    chooser = _object(schema.get("discriminator")).get("propertyName")
    return [*told, ("discriminator", _value(chooser))] if chooser else told


def _referred(value: Any) -> str:
    """Return the last name in a reference; '' for a value that is none."""
    reference = value.get("$ref") if isinstance(value, dict) else None
    return _text(reference.rpartition("/")[2]) if isinstance(reference, str) else ""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.strip()[:PROSE_CHARACTERS] if isinstance(value, str) else ""


def _mark(value: Any) -> str | None:
    return None if value is None else str(value)[:8]


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:NAME_CHARACTERS]
