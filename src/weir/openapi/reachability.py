"""Reachability: the parts of a document that some of its operations need.

Beside references, three things reach further: a security requirement needs its scheme, a
discriminator the schemas it chooses between, and a link an operation that may not be there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from weir.openapi.grammar import GRAMMARS, Version
from weir.openapi.pointers import find, follow, target_tokens, write_pointer
from weir.openapi.walker import Start, Visit, walk

Tokens = tuple[str, ...]

# By version and sort of object, the tokens of the section whose objects others refer to.
_SECTIONS_3: Final[dict[str, Tokens]] = {
    "schema": ("components", "schemas"),
    "response": ("components", "responses"),
    "parameter": ("components", "parameters"),
    "example": ("components", "examples"),
    "body": ("components", "requestBodies"),
    "header": ("components", "headers"),
    "security-scheme": ("components", "securitySchemes"),
    "link": ("components", "links"),
    "callback": ("components", "callbacks"),
    "path-item": ("x-path-items",),  # OpenAPI 3.0 has no section of its own for them
}
SECTIONS: Final[dict[Version, dict[str, Tokens]]] = {
    "2.0": {
        "schema": ("definitions",),
        "response": ("responses",),
        "parameter": ("parameters",),
        "security-scheme": ("securityDefinitions",),
    },
    "3.0": _SECTIONS_3,
    "3.1": _SECTIONS_3 | {"path-item": ("components", "pathItems")},
}


class Reach:
    """The parts reachable from some starting points of `document`, collected by `add`.

    `components`: the places of the components needed, to be kept whole. `lifted`: places outside
    every section (inside another operation, say) that are referred to, each with the place in a
    section it should move to. `rewritten`: reference objects, by identity, whose target moves, with
    the new reference. `dropped`: links, by identity, to operations that are not kept.
    """

    def __init__(self, document: dict[str, Any], version: Version, kept: dict[Tokens, str]) -> None:
        """`kept` maps the place of each operation kept to the pointer it will have."""
        self.components: dict[Tokens, None] = {}  # a set that keeps its order
        self.lifted: dict[Tokens, Tokens] = {}
        self.rewritten: dict[int, dict[str, str]] = {}
        self.dropped: set[int] = set()
        self._document = document
        self._version = version
        self._kept = kept
        self._kept_ids = {find(document, place).get("operationId") for place in kept}
        self._sort_of = {tokens: sort for sort, tokens in SECTIONS[version].items()}
        self._children = _children_by_parent(document, SECTIONS[version]["schema"])
        self._seen: set[tuple[int, str]] = set()
        self._next: list[Start] = []
        self._link_references: list[Visit] = []

    def add(self, starts: Iterable[Start]) -> None:
        """Walk from `starts`, then from every component that turns out to be needed whole."""
        self._next = list(starts)
        while self._next:
            starts, self._next = self._next, []
            for visit in walk(self._document, GRAMMARS[self._version], starts, self._seen):
                self._visit(visit)
        for visit in self._link_references:
            link, _ = follow(self._document, visit.value, visit.pointer)
            if id(link) in self.dropped:
                self.dropped.add(id(visit.value))

    def _visit(self, visit: Visit) -> None:
        if visit.target is not None:
            self._reference(visit, visit.target)
        elif visit.sort == "requirement":
            section = SECTIONS[self._version]["security-scheme"]
            for name in visit.value:
                self._keep((*section, name))
        elif visit.sort == "discriminator":
            self._mapping(visit)
        elif visit.sort == "link":
            self._link(visit)

    def _reference(self, visit: Visit, target: Tokens) -> None:
        if visit.sort == "link":
            self._link_references.append(visit)
        component = self._component(target)
        if component is not None:
            self._keep(component)
            return
        if target not in self.lifted:
            self.lifted[target] = self._home_for(visit.sort, target)
        self.rewritten[id(visit.value)] = {"$ref": f"#{write_pointer(self.lifted[target])}"}

    def _component(self, tokens: Tokens) -> Tokens | None:
        """Return the place of the component that contains `tokens`, or is it; None without one."""
        for length in (1, 2):
            if tokens[:length] in self._sort_of and len(tokens) > length:
                return tokens[: length + 1]
        return None

    def _home_for(self, sort: str, target: Tokens) -> Tokens:
        section = SECTIONS[self._version][sort]
        name = f"from_{hashlib.sha256(write_pointer(target).encode()).hexdigest()[:32]}"
        return (*section, name)

    def _keep(self, component: Tokens) -> None:
        if component in self.components:
            return
        self.components[component] = None
        sort = self._sort_of[component[:-1]]
        value = find(self._document, component)
        self._next.append((f"{sort}&", value, write_pointer(component)))
        if sort == "schema" and isinstance(value, dict) and "discriminator" in value:
            # Without a mapping, the children that say allOf this schema are the choice.
            for child in self._children.get(component, ()):
                self._keep(child)

    def _mapping(self, visit: Visit) -> None:
        section = SECTIONS[self._version]["schema"]
        schemas = self._document.get("components", {}).get("schemas", {})
        for value in visit.value.get("mapping", {}).values():
            if value.startswith("#"):
                self._keep(target_tokens(value, visit.pointer))
            elif value in schemas:
                self._keep((*section, value))

    def _link(self, visit: Visit) -> None:
        if "operationId" in visit.value:
            if visit.value["operationId"] not in self._kept_ids:
                self.dropped.add(id(visit.value))
            return
        target = target_tokens(visit.value["operationRef"], visit.pointer)
        if target not in self._kept:
            self.dropped.add(id(visit.value))
        else:
            self.rewritten[id(visit.value)] = {"operationRef": f"#{self._kept[target]}"}


def _children_by_parent(document: dict[str, Any], section: Tokens) -> dict[Tokens, list[Tokens]]:
    """Return for each component schema the schemas that name it in `allOf`."""
    try:
        schemas = find(document, section)
    except KeyError:
        return {}
    children: dict[Tokens, list[Tokens]] = {}
    for name, schema in schemas.items():
        for part in schema.get("allOf", []) if isinstance(schema, dict) else []:
            if isinstance(part, dict) and "$ref" in part:
                parent = target_tokens(part["$ref"], "")
                children.setdefault(parent, []).append((*section, name))
    return children
