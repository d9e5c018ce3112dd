"""Fields of a document: every leaf of a parameter, a request or an answer, with its marks.

A mark (`x-weir-label`, `x-weir-grade`) may stand at the field, at the schema it refers to, or at an
object around it; the nearest holds. A schema is walked once for each side and set of marks it is
met with, on a stack of its own, so neither circles nor long chains of references cost more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from weir.openapi.declares import STANDARD_STEPS
from weir.openapi.pointers import extend, follow_once, is_reference, write_pointer

LABEL: Final = "x-weir-label"
GRADE: Final = "x-weir-grade"

_CHOICES: Final = ("allOf", "anyOf", "oneOf")
_LISTS: Final = ("prefixItems",)


class Start(NamedTuple):
    """The start of a walk. `side` is path, query, header, cookie, request, response or error."""

    value: Any
    pointer: str
    side: str
    name: str


class Marks(NamedTuple):
    """A label and a grade as written, of any type, and the pointer of each."""

    label: Any = None
    grade: Any = None
    label_at: str = ""
    grade_at: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Two fields are the same when they have one place, one side, and one set of marks.
    """

    name: str
    pointer: str
    side: str
    label: str | None  # as written, shortened; None when there is none
    grade: str | None
    label_at: str
    grade_at: str
    schema: dict[str, Any] = field(compare=False, hash=False)


class _Step(NamedTuple):
    value: Any
    pointer: str  # of the value
    at: str  # of the field it belongs to
    name: str
    marks: Marks


class FieldWalk:
    """A walk of the schemas of one document."""

    def __init__(self, document: dict[str, Any], *, beside_reference: bool) -> None:
        self._document = document
        self._beside_reference = beside_reference  # OpenAPI 3.1 reads members beside $ref
        self._left = STANDARD_STEPS

    @property
    def is_whole(self) -> bool:
        """Whether everything was walked; false once a document was too tangled for the bound."""
        return self._left > 0

    def fields(self, starts: Iterable[Start]) -> Iterator[Field]:
        """Yield every field reachable from `starts`, each once."""
        seen: set[tuple[int, str, str, str, Marks]] = set()
        for start in starts:
            waiting = [_Step(start.value, start.pointer, start.pointer, start.name, Marks())]
            while waiting and self.is_whole:
                step = waiting.pop()
                self._left -= 1
                if not isinstance(step.value, dict):
                    continue
                # The fields of an object are its own, for every reference to it.
                owner = ("", "") if "properties" in step.value else (step.at, step.name)
                key = (id(step.value), start.side, *owner, step.marks)
                if key in seen:
                    continue
                seen.add(key)
                inner = list(self._inner(step))
                waiting.extend(reversed(inner))
                if not inner and step.name:
                    yield _field(step, start.side)

    def _inner(self, step: _Step) -> Iterator[_Step]:
        value, pointer, at, name, marks = step
        if is_reference(value):
            yield from self._target(step)
            return
        marks = _marked(value, pointer, marks)
        if isinstance(value.get("schema"), dict):  # a parameter
            yield _Step(value["schema"], f"{pointer}/schema", at, name, marks)
        properties = value.get("properties")
        for key, inner in properties.items() if isinstance(properties, dict) else ():
            place = extend(f"{pointer}/properties", key)
            yield _Step(inner, place, place, key, marks)
        for member in ("items", "additionalProperties"):
            if isinstance(value.get(member), dict):
                place = f"{pointer}/{member}"
                yield _Step(value[member], place, at if name else place, name or "items", marks)
        for member in (*_CHOICES, *_LISTS):
            found = value.get(member)
            for number, inner in enumerate(found if isinstance(found, list) else ()):
                yield _Step(inner, f"{pointer}/{member}/{number}", at, name, marks)

    def _target(self, step: _Step) -> Iterator[_Step]:
        marks = step.marks
        if self._beside_reference:
            marks = _marked(step.value, step.pointer, marks)
        found, tokens = follow_once(self._document, step.value["$ref"], step.pointer)
        pointer = write_pointer(tokens)
        # An object's own marks are nearer than the marks around a reference to it.
        yield _Step(found, pointer, step.at, step.name, marks)


def _marked(value: dict[str, Any], pointer: str, marks: Marks) -> Marks:
    if LABEL in value:
        marks = marks._replace(label=_written(value[LABEL]), label_at=f"{pointer}/{LABEL}")
    if GRADE in value:
        marks = marks._replace(grade=_written(value[GRADE]), grade_at=f"{pointer}/{GRADE}")
    return marks


def _written(value: Any) -> str:
    """Write a mark as text; a boolean or an object is no mark, and shows as its type's name."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return type(value).__name__
    return str(value)[:40]


def _field(step: _Step, side: str) -> Field:
    marks = _marked(step.value, step.pointer, step.marks)
    return Field(
        name=step.name,
        pointer=step.at,
        side=side,
        label=marks.label,
        grade=marks.grade,
        label_at=marks.label_at or step.at,
        grade_at=marks.grade_at or step.at,
        schema=step.value,
    )
