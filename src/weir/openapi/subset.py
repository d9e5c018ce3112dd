"""Subset of a document: some operations and all they need, as a document of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from weir.openapi.operations import ImportedDocument, ImportedOperation
from weir.openapi.pointers import extend, find, read_pointer, write_pointer
from weir.openapi.reachability import Reach, Tokens
from weir.openapi.refusals import quote_name, wrong_input
from weir.openapi.regeneration import regenerate
from weir.openapi.walker import Start

# Members of the root that a subset keeps as they are; `x-` members are kept too.
_KEPT_AT_ROOT = (
    "swagger", "openapi", "info", "consumes", "produces", "externalDocs", "jsonSchemaDialect",
)  # fmt: skip
# Members of a path item that hold for all its operations. Servers are replaced.
_KEPT_OF_PATH_ITEM = ("summary", "description", "parameters")


def regenerate_subset(
    document: ImportedDocument, operation_ids: Iterable[str], servers: Sequence[str]
) -> dict[str, Any]:
    """Return a document of these operations, the components they reach, and these servers.

    It stands alone. `servers` are absolute addresses that replace every server of the operations;
    an OpenAPI 2.0 document can name only the first. Webhooks, unused tags, and links to operations
    outside the subset are left out. A reference into an operation, which some bundlers write, is
    turned into a reference to a component. The result is fresh and may be changed.

    INVALID_INPUT when an id names no operation of the document.
    """
    whole = regenerate(document)
    chosen = _chosen(document, operation_ids)
    reach = Reach(whole, document.version, _kept_places(chosen))
    root = {name: value for name, value in whole.items() if _stays(name, _KEPT_AT_ROOT)}
    root.pop("x-path-items", None)  # a section of ours in a subset, see reachability.SECTIONS
    root |= _paths_and_security(whole, chosen) | _tags(whole, chosen)
    reach.add(_starts(root))
    fresh = _Fresh(reach)
    subset: dict[str, Any] = fresh.copy(root)
    for place in reach.components:
        fresh.put(subset, place, find(whole, place))
    for place, home in reach.lifted.items():
        fresh.put(subset, home, find(whole, place))
    return subset | _addresses(document, servers)


def _chosen(document: ImportedDocument, operation_ids: Iterable[str]) -> list[ImportedOperation]:
    known = {each.operation_id: each for each in document.operations}
    wanted = set(operation_ids)
    for operation_id in sorted(wanted):
        if operation_id not in known:
            raise wrong_input("", f"The document has no operation {quote_name(operation_id)}.")
    return [each for each in document.operations if each.operation_id in wanted]


def _kept_places(chosen: list[ImportedOperation]) -> dict[Tokens, str]:
    return {
        read_pointer(each.home): extend(extend("/paths", each.path), each.method.lower())
        for each in chosen
    }


def _stays(name: str, kept: tuple[str, ...]) -> bool:
    return name in kept or name.startswith("x-")


def _paths_and_security(whole: dict[str, Any], chosen: list[ImportedOperation]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for each in chosen:
        *place, method = read_pointer(each.home)
        if each.path not in paths:
            item = find(whole, place)
            paths[each.path] = {
                name: value for name, value in item.items() if _stays(name, _KEPT_OF_PATH_ITEM)
            }
        operation = {name: value for name, value in each.source.items() if name != "servers"}
        paths[each.path][method] = operation
    if "security" in whole and any("security" not in each.source for each in chosen):
        return {"paths": paths, "security": whole["security"]}
    return {"paths": paths}


def _tags(whole: dict[str, Any], chosen: list[ImportedOperation]) -> dict[str, Any]:
    used = {tag for each in chosen for tag in each.tags}
    tags = [tag for tag in whole.get("tags", []) if tag["name"] in used]
    return {"tags": tags} if tags else {}


def _starts(root: dict[str, Any]) -> list[Start]:
    starts: list[Start] = [("paths", root["paths"], "/paths")]
    for number, requirement in enumerate(root.get("security", [])):
        starts.append(("requirement", requirement, write_pointer(["security", str(number)])))
    return starts


def _addresses(document: ImportedDocument, servers: Sequence[str]) -> dict[str, Any]:
    if not servers:
        return {}
    if document.version != "2.0":
        return {"servers": [{"url": url} for url in servers]}
    parts = urlsplit(servers[0])
    return {"host": parts.netloc, "basePath": parts.path or "/", "schemes": [parts.scheme]}


class _Fresh:
    """A copier of parts that rewrites references and leaves out links as `reach` says."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    def copy(self, value: Any) -> Any:
        """Return a copy that shares no object with the original."""
        if isinstance(value, dict):
            copied = {
                name: self.copy(inner)
                for name, inner in value.items()
                if id(inner) not in self._reach.dropped
            }
            return copied | self._reach.rewritten.get(id(value), {})
        if isinstance(value, list):
            return [self.copy(item) for item in value]
        return value

    def put(self, subset: dict[str, Any], place: Tokens, value: Any) -> None:
        """Copy `value` to `place`, making the sections on the way; a dropped link is left out."""
        if id(value) in self._reach.dropped:
            return
        holder = subset
        for token in place[:-1]:
            holder = holder.setdefault(token, {})
        holder[place[-1]] = self.copy(value)
