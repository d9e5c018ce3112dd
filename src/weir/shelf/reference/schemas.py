"""A JSON Schema as a tree that people read. Pure; bounded in depth and size.

References are followed as the tree is walked; one that leads back into what stands above it is
named and not opened again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from weir.kernel import limits
from weir.kernel.outcomes import Refusal
from weir.shelf.openapi.pointers import follow
from weir.shelf.standard.fields import GRADE, LABEL

_FACTS: Final = (
    "minLength", "maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "default", "const",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One field. `kind` is its type in words; `facts` are (keyword, value); `choices` of oneOf and
    anyOf are children whose names are their titles. `cut` when more stands below than is shown."""

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
    cut: bool = False


class Reader:
    """Reads schemas of one document; all it reads together stays under REFERENCE_NODES."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._left = limits.REFERENCE_NODES

    def resolve(self, value: Any) -> dict[str, Any]:
        """What a place holds once references are followed; {} for what is no object."""
        try:
            found, _ = follow(self._document, value, "")
        except Refusal:  # into a part of the document that the product does not hold
            return {}
        return found if isinstance(found, dict) else {}

    def node(self, name: str, schema: Any, *, required: bool = False) -> Node:
        """The tree of one schema."""
        return self._node(name, schema, required=required, above=())

    def _node(self, name: str, schema: Any, *, required: bool, above: tuple[int, ...]) -> Node:
        self._left -= 1
        merged = self.merged(schema)
        seen = id(self.resolve(schema))
        opened = seen not in above and len(above) < limits.REFERENCE_DEPTH and self._left > 0
        inner = list(self._inner(merged, (*above, seen))) if opened else []
        return Node(
            name=name,
            kind=self._kind(merged),
            required=required,
            description=_text(merged.get("description") or merged.get("title")),
            values=[_value(each) for each in _list(merged.get("enum"))[: limits.SEARCH_CHOICES]],
            facts=[(fact, _value(merged[fact])) for fact in _FACTS if fact in merged],
            label=_mark(merged.get(LABEL)),
            grade=_mark(merged.get(GRADE)),
            deprecated=merged.get("deprecated") is True,
            children=inner,
            cut=not opened and self._has_inner(merged),
        )

    def merged(self, schema: Any) -> dict[str, Any]:
        """A schema with its allOf parts laid together: what must hold at once, in one object."""
        found = self.resolve(schema)
        beside = schema if isinstance(schema, dict) and "$ref" in schema else {}
        together = found | {name: value for name, value in beside.items() if name != "$ref"}
        for part in _list(together.get("allOf"))[: limits.REFERENCE_DEPTH]:
            inner = self.merged(part) if self._spend() else {}
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
        for name in ("items", "additionalProperties"):
            value = self.resolve(schema.get(name))
            if value and self._has_inner(self.merged(value)):
                yield self._node("[ ]" if name == "items" else "*", schema[name],
                                 required=False, above=above)  # fmt: skip
        for keyword in ("oneOf", "anyOf"):
            for place, value in enumerate(_list(schema.get(keyword)), start=1):
                title = _text(self.resolve(value).get("title")) or f"{keyword} {place}"
                yield self._node(title, value, required=False, above=above)

    def _has_inner(self, schema: dict[str, Any]) -> bool:
        return any(schema.get(name) for name in ("properties", "oneOf", "anyOf")) or (
            bool(self.resolve(schema.get("items"))) and schema.get("type") == "array"
        )

    def _kind(self, schema: dict[str, Any]) -> str:
        kinds = schema.get("type")
        if isinstance(kinds, list):
            return " | ".join(map(str, kinds))
        if kinds == "array" or "items" in schema:
            return f"array of {self._kind(self.merged(schema.get('items')))}"
        written = str(kinds) if kinds else "object" if "properties" in schema else "any"
        shape = schema.get("format")
        nullable = " | null" if schema.get("nullable") is True else ""
        return (f"{written} ({shape})" if shape else written) + nullable


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.strip()[: limits.PROSE_CHARACTERS] if isinstance(value, str) else ""


def _mark(value: Any) -> str | None:
    return None if value is None else str(value)[:8]


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[: limits.NAME_CHARACTERS]
