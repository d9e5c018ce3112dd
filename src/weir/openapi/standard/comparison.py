"""Comparison of two documents: changes of operations, parameters, bodies, answers that break.

Operations are the same when method and path are, whatever the path's parameters are called.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from weir.openapi.declares import STANDARD_FINDINGS
from weir.openapi.grammar import Version
from weir.openapi.path_templates import parameter_names, shape
from weir.openapi.pointers import extend
from weir.openapi.standard.document_view import Operation, Parameter, Reading, Response
from weir.openapi.standard.fields import GRADE, LABEL
from weir.openapi.standard.levels import LEVEL
from weir.openapi.standard.rules import Finding
from weir.openapi.standard.schema_changes import SchemaComparison
from weir.openapi.standard.schema_views import Marks
from weir.openapi.standard.versions import version_of

Key = tuple[str, str]


def compare(
    old: tuple[dict[str, Any], Version], new: tuple[dict[str, Any], Version]
) -> list[Finding]:
    """Return all breaking changes between two validated documents, each change once."""
    return compare_operations((Reading(*old), None), [(Reading(*new), None)])


def compare_operations(
    old: tuple[Reading, frozenset[str] | None],
    new: Iterable[tuple[Reading, frozenset[str] | None]],
) -> list[Finding]:
    """Return the breaking changes of one reading's operations in others.

    Each reading comes with the ids of its operations to compare, None for all. At most
    STANDARD_FINDINGS.
    """
    later: dict[Key, tuple[Reading, Operation]] = {}
    for reading, wanted in new:
        for key, operation in _by_key(reading, wanted).items():
            later[key] = (reading, operation)
    found: dict[Finding, None] = {}
    before, wanted = old
    for key, operation in _by_key(before, wanted).items():
        if len(found) >= STANDARD_FINDINGS:
            break
        if key not in later:
            subject = f"{operation.method.upper()} {operation.listed.path}"
            found[_older("operation-removed", operation.pointer, subject)] = None
            continue
        reading, after = later[key]
        found.update(dict.fromkeys(_Pair(before, operation, reading, after).changes()))
    return list(found)[:STANDARD_FINDINGS]


def announces(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether the newer document's major version is higher, so that it may break callers.

    Before 1.0.0 a higher minor version announces it (Semantic Versioning 2.0.0 section 4).
    """
    before, after = version_of(old), version_of(new)
    if before is None or after is None:
        return False
    return after[0] > before[0] or (before[0] == after[0] == 0 and after[1] > before[1])


def _by_key(reading: Reading, wanted: frozenset[str] | None) -> dict[Key, Operation]:
    """Return the wanted operations by method and shape of path."""
    return {
        (each.method, shape(each.listed.path)): each
        for each in reading.operations
        if wanted is None or each.operation_id in wanted
    }


def _older(change: str, pointer: str, subject: str) -> Finding:
    return Finding(f"breaking-{change}", pointer, subject[:200], in_older=True)


def _newer(change: str, pointer: str, subject: str) -> Finding:
    return Finding(f"breaking-{change}", pointer, subject[:200])


class _Pair:
    """One operation before and after."""

    def __init__(self, before: Reading, old: Operation, after: Reading, new: Operation) -> None:
        self._before, self._old, self._after, self._new = before, old, after, new
        self._schemas = SchemaComparison(
            before.document,
            after.document,
            beside_reference=(before.version == "3.1", after.version == "3.1"),
        )

    def changes(self) -> Iterator[Finding]:
        yield from self._itself()
        yield from self._parameters()
        yield from self._body()
        yield from self._responses()

    def _itself(self) -> Iterator[Finding]:
        old, new, at = self._old, self._new, self._new.pointer
        if old.operation_id != new.operation_id:
            subject = f"{old.operation_id} → {new.operation_id}"
            yield _newer("operation-renamed", at, subject)
        levels = (old.value.get(LEVEL), new.value.get(LEVEL))
        if levels[0] is not None and levels[0] != levels[1]:
            yield _newer("level-changed", at, f"{levels[0]} → {levels[1] or '-'}")
        needs = [
            each.value.get("security", reading.document.get("security", []))
            for reading, each in ((self._before, old), (self._after, new))
        ]
        if _requirements(needs[0]) != _requirements(needs[1]):
            yield _newer("security-changed", at, new.operation_id)

    def _parameters(self) -> Iterator[Finding]:
        old = {_parameter_key(self._old, each): each for each in self._old.parameters}
        new = {_parameter_key(self._new, each): each for each in self._new.parameters}
        for key, each in old.items():
            if key not in new:
                yield _older("parameter-removed", each.pointer, f"{each.place} {each.name}")
                continue
            yield from self._parameter(each, new[key])
        for key, each in new.items():
            if each.value.get("required") is True and key not in old:
                yield _newer("parameter-required", each.pointer, f"{each.place} {each.name}")

    def _parameter(self, old: Parameter, new: Parameter) -> Iterator[Finding]:
        if new.value.get("required") is True and old.value.get("required") is not True:
            yield _newer("parameter-required", new.pointer, f"{new.place} {new.name}")
        written = (_written(old), _written(new))
        if None not in written and written[0] != written[1]:
            subject = f"{new.place} {new.name}: {written[0]} → {written[1]}"
            yield _newer("serialization-changed", new.pointer, subject)
        yield from self._schemas.request(
            (old.schema, _schema_at(old)),
            (new.schema, _schema_at(new)),
            new.name,
            (_marks(old), _marks(new)),
        )

    def _body(self) -> Iterator[Finding]:
        old, new = (
            {at: schema for schema, at, _, _ in reading.request_schemas(each)}
            for reading, each in ((self._before, self._old), (self._after, self._new))
        )
        bodies = [
            reading.resolve(each.value.get("requestBody", {}), f"{each.pointer}/requestBody")
            for reading, each in ((self._before, self._old), (self._after, self._new))
        ]
        (body, at), (later, later_at) = bodies
        if later.get("required") is True and body.get("required") is not True:
            yield _newer("body-required", later_at, self._new.operation_id)
        if (body or old) and not (later or new):
            yield _older("body-removed", at, self._old.operation_id)
            return
        media = (body.get("content", {}), later.get("content", {}))
        for name in media[0]:
            if name not in media[1]:
                yield _older("media-removed", extend(f"{at}/content", name), name)
        for pointer, schema in old.items():
            match = _beside(pointer, at, later_at, new) or next(iter(new), None)
            if match is not None:
                yield from self._schemas.request((schema, pointer), (new[match], match))

    def _responses(self) -> Iterator[Finding]:
        new = {each.status: each for each in self._new.responses}
        for each in self._old.responses:
            if not each.is_success:
                continue
            if each.status not in new:
                yield _older("response-removed", each.pointer, each.status)
            else:
                yield from self._response(each, new[each.status])

    def _response(self, old: Response, new: Response) -> Iterator[Finding]:
        yield from self._headers(old, new)
        later = {name: (each, at) for name, each, at in self._after.response_schemas(new)}
        for name, schema, pointer in self._before.response_schemas(old):
            if name in later:
                yield from self._schemas.response((schema, pointer), later[name])
            else:
                yield _older("media-removed", pointer.rpartition("/")[0], name)

    def _headers(self, old: Response, new: Response) -> Iterator[Finding]:
        """Compare headers, with names in any case (RFC 9110 section 5.1).

        In OpenAPI 2.0 each header is its own schema.
        """
        later = {name.lower(): each for name, *each in _listed_headers(self._after, new)}
        for name, value, at in _listed_headers(self._before, old):
            if name.lower() not in later:
                yield _older("header-removed", at, name)
                continue
            match, match_at = later[name.lower()]
            if value.get("required") is True and match.get("required") is not True:
                yield _newer("header-removed", match_at, name)
            yield from self._schemas.response(_of_header(value, at), _of_header(match, match_at))


def _listed_headers(reading: Reading, response: Response) -> Iterator[tuple[str, Any, str]]:
    """Yield name, value and pointer of each header that a response declares."""
    for name, each in response.value.get("headers", {}).items():
        value, at = reading.resolve(each, extend(f"{response.pointer}/headers", name))
        if isinstance(value, dict):
            yield name, value, at


def _of_header(value: dict[str, Any], at: str) -> tuple[Any, str]:
    """Return a header's schema and its pointer."""
    return (value["schema"], f"{at}/schema") if "schema" in value else (value, at)


# OpenAPI 2.0's ways to write several values, in the words of 3.0 (style, explode).
_COLLECTIONS: Final = {
    "csv": ("form", False),
    "multi": ("form", True),
    "ssv": ("spaceDelimited", False),
    "pipes": ("pipeDelimited", False),
    "tsv": ("tsv", False),
}


def _written(parameter: Parameter) -> str | None:
    """Return the style of a parameter with several values; None for a single value."""
    value, schema = parameter.value, parameter.schema
    if schema.get("type") not in ("array", "object", ["array"], ["object"]):
        return None
    simple = parameter.place in ("path", "header")
    if "type" in value:
        style, explode = _COLLECTIONS.get(value.get("collectionFormat", "csv"), ("csv", False))
        style = "simple" if simple and style == "form" else style
    else:
        style = value.get("style", "simple" if simple else "form")
        explode = value.get("explode", style == "form")
    return f"{style}{' exploded' if explode is True else ''}"


def _requirements(needs: Any) -> list[list[tuple[str, list[str]]]]:
    """Sort security requirements, since their order has no meaning."""
    return sorted(sorted((name, sorted(scopes)) for name, scopes in each.items()) for each in needs)


def _parameter_key(operation: Operation, parameter: Parameter) -> tuple[str, str]:
    """Return the key that makes two parameters the same.

    A path parameter's key is its place in the path, since its name is not sent.
    """
    names = parameter_names(operation.listed.path)
    if parameter.place == "path" and parameter.name in names:
        return "path", str(names.index(parameter.name))
    name = parameter.name.lower() if parameter.place == "header" else parameter.name
    return parameter.place, name


def _marks(parameter: Parameter) -> Marks:
    label, grade = (parameter.value.get(mark) for mark in (LABEL, GRADE))
    return None if label is None else str(label)[:40], None if grade is None else str(grade)[:40]


def _schema_at(parameter: Parameter) -> str:
    return f"{parameter.pointer}/schema" if "schema" in parameter.value else parameter.pointer


def _beside(pointer: str, at: str, later_at: str, new: dict[str, Any]) -> str | None:
    """Return the pointer of the newer body's schema in the same media type; None without one."""
    candidate = later_at + pointer.removeprefix(at)
    return candidate if candidate in new else None
