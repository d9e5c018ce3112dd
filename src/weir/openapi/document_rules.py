"""Rules for a document as a whole: its paths, operations and the names used across it.

They run after the walk of `walker.py`, so every object has the members its sort promises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from weir.openapi.declares import DOCUMENT_NAME_CHARACTERS, DOCUMENT_OPERATIONS
from weir.openapi.grammar import METHODS, Version
from weir.openapi.operation_list import operations, path_items
from weir.openapi.parameters import Key, declared, effective
from weir.openapi.path_templates import parameter_names, path_fault, shape
from weir.openapi.pointers import extend, follow_once, is_reference, read_pointer
from weir.openapi.refusals import invalid, quote_name, too_large
from weir.openapi.walker import Visit

WholeRule = Callable[[dict[str, Any], Version], None]


def paths_are_distinct_templates(document: dict[str, Any], _version: Version) -> None:
    """Refuse a malformed path, and two that match the same addresses (section 4.7.8)."""
    first_of: dict[str, str] = {}
    for path in document.get("paths", {}):
        if path.startswith("x-"):
            continue
        at = extend("/paths", path)
        why = path_fault(path)
        if why:
            raise invalid(at, why)
        first = first_of.setdefault(shape(path), path)
        if first != path:
            raise invalid(at, f"It differs from {quote_name(first)} only in its parameters' names.")


def path_items_have_one_place(document: dict[str, Any], version: Version) -> None:
    """Refuse two paths that refer to one path item, or to one inside another.

    So every operation belongs to one path, and is stored once.
    """
    for path, item in document.get("paths", {}).items():
        at = extend("/paths", path)
        if is_reference(item) and any(method in item for method in METHODS[version]):
            raise invalid(at, "Operations beside $ref are not taken; their meaning is undefined.")
    holders: dict[tuple[str, ...], str] = {}
    for path, _, pointer in path_items(document):
        if holders.setdefault(read_pointer(pointer), path) != path:
            raise invalid(extend("/paths", path), "Another path has this path item already.")
    for tokens, path in holders.items():
        if any(tokens[:length] in holders for length in range(len(tokens))):
            raise invalid(extend("/paths", path), "This path item stands inside another one.")


def operations_are_bounded(document: dict[str, Any], version: Version) -> None:
    """Refuse more than DOCUMENT_OPERATIONS operations."""
    for number, _ in enumerate(operations(document, version), start=1):
        if number > DOCUMENT_OPERATIONS:
            why = f"There are more than {DOCUMENT_OPERATIONS} operations."
            raise too_large("/paths", why)


def operation_ids_are_distinct(document: dict[str, Any], version: Version) -> None:
    """OpenAPI 3.0.3 section 4.7.10: operationId MUST be unique among all operations."""
    seen: set[str] = set()
    for listed in operations(document, version):
        operation_id = listed.operation.get("operationId")
        at = f"{listed.pointer}/operationId"
        if operation_id is None:
            continue
        if len(operation_id) > DOCUMENT_NAME_CHARACTERS:
            raise invalid(at, f"It has more than {DOCUMENT_NAME_CHARACTERS} characters.")
        if operation_id in seen:
            raise invalid(at, f"Another operation is called {quote_name(operation_id)}.")
        seen.add(operation_id)


def path_parameters_match(document: dict[str, Any], version: Version) -> None:
    """Refuse a name in a path that is not declared `in: path`, and the other way."""
    for path, item, pointer in path_items(document):
        _refuse_strangers(declared(document, item, pointer), path, pointer)
    for listed in operations(document, version):
        own = effective(document, listed)
        _refuse_strangers(own, listed.path, listed.pointer)
        for name in parameter_names(listed.path):
            if ("path", name) not in own:
                why = f"The path parameter {quote_name(name)} is not declared."
                raise invalid(listed.pointer, why)


def _refuse_strangers(parameters: dict[Key, Any], path: str, pointer: str) -> None:
    names = parameter_names(path)
    for place, name in parameters:
        if place == "path" and name not in names:
            raise invalid(
                f"{pointer}/parameters", f"The path has no {quote_name('{' + name + '}')}."
            )


def bodies_are_single(document: dict[str, Any], version: Version) -> None:
    """OpenAPI 2.0 "Parameter Object": one body at most, and no form beside it."""
    if version != "2.0":
        return
    for listed in operations(document, version):
        places = [place for place, _ in effective(document, listed)]
        if places.count("body") > 1 or ("body" in places and "formData" in places):
            at = f"{listed.pointer}/parameters"
            raise invalid(at, "An operation has one body at most, or a form.")


WHOLE_RULES: Final[tuple[WholeRule, ...]] = (
    paths_are_distinct_templates,
    path_items_have_one_place,
    operations_are_bounded,
    operation_ids_are_distinct,
    path_parameters_match,
    bodies_are_single,
)


class Names:
    """The names that a document defines in one place and uses in another.

    They are of security schemes, operations, and the schemas of a discriminator.
    """

    SORTS: Final = ("requirement", "link", "discriminator")

    def __init__(self, document: dict[str, Any], version: Version) -> None:
        self._document = document
        self._operation_ids = {
            listed.operation.get("operationId") for listed in operations(document, version)
        }
        holder = document if version == "2.0" else document.get("components", {})
        schemes = "securityDefinitions" if version == "2.0" else "securitySchemes"
        self._schemes: dict[str, Any] = holder.get(schemes, {})

    def check(self, visit: Visit) -> None:
        """Refuse an object of one of SORTS with a name that the document does not define."""
        if visit.target is not None:
            return
        if visit.sort == "requirement":
            self._requirement(visit)
        elif visit.sort == "link":
            self._link(visit)
        elif visit.sort == "discriminator":
            self._mapping(visit)

    def _requirement(self, visit: Visit) -> None:
        for name in visit.value:
            if name not in self._schemes:
                why = f"There is no security scheme {quote_name(name)}."
                raise invalid(extend(visit.pointer, name), why)

    def _link(self, visit: Visit) -> None:
        if "operationId" in visit.value:
            operation_id = visit.value["operationId"]
            if operation_id not in self._operation_ids:
                why = f"There is no operation {quote_name(operation_id)}."
                raise invalid(f"{visit.pointer}/operationId", why)
            return
        follow_once(self._document, visit.value["operationRef"], f"{visit.pointer}/operationRef")

    def _mapping(self, visit: Visit) -> None:
        """Refuse a value that leads to no schema (OpenAPI 3.0.3 section 4.7.25)."""
        for name, value in visit.value.get("mapping", {}).items():
            if not value.startswith("#"):
                continue
            at = extend(f"{visit.pointer}/mapping", name)
            _, tokens = follow_once(self._document, value, at)
            if len(tokens) != 3 or tokens[:2] != ("components", "schemas"):
                raise invalid(at, "It must point at a schema under #/components/schemas/.")
