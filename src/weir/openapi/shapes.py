"""Shapes of values: the notation in which `grammar.py` says which value may stand where.

    text            one value of a named sort: a scalar of SCALARS, or an object of the grammar
    schema&         the same, or a reference to one
    flag|schema&    either
    [flag|schema&]  a list of them
    {schema&}       an object whose every member is one
    =query,header   one of these words

In a table of an object's members, `name!` must be there. `*` stands for members of any other name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


# Every sort of scalar: its test, and its name in a refusal.
SCALARS: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "any": (lambda _: True, "anything"),
    "text": (lambda value: isinstance(value, str), "text"),
    "filled": (lambda value: isinstance(value, str) and value.strip() != "", "text, not empty"),
    "flag": (lambda value: isinstance(value, bool), "true or false"),
    "number": (_is_number, "a number"),
    "count": (_is_count, "a whole number, zero or more"),
}


@dataclass(frozen=True, slots=True)
class Term:
    """One alternative: a sort, perhaps replaceable by a reference; or a list or map of a shape."""

    sort: str  # a scalar, an object of the grammar, or "list", "map", "words"
    may_refer: bool = False
    words: tuple[str, ...] = ()
    inner: Shape = ()

    def fits(self, value: Any) -> bool:
        """Whether the outside of `value` is of this sort; its contents are checked later."""
        if self.sort == "list":
            return isinstance(value, list)
        if self.sort == "words":
            return isinstance(value, str) and value in self.words
        if self.sort in SCALARS:
            return SCALARS[self.sort][0](value)
        return isinstance(value, dict)

    def phrase(self) -> str:
        """Return the name of the sort in a refusal."""
        if self.sort == "list":
            return "a list"
        if self.sort == "words":
            return f"one of {', '.join(self.words)}"
        return SCALARS[self.sort][1] if self.sort in SCALARS else "an object"


Shape = tuple[Term, ...]

_PARTS: Final = re.compile(r"\[[^]]*\]|\{[^}]*\}|[^|]+")


def read_shape(text: str) -> Shape:
    """Read the notation above."""
    return tuple(_read_term(part) for part in _PARTS.findall(text))


def _read_term(text: str) -> Term:
    if text[0] in "[{":
        return Term("list" if text[0] == "[" else "map", inner=read_shape(text[1:-1]))
    if text[0] == "=":
        return Term("words", words=tuple(text[1:].split(",")))
    return Term(text.removesuffix("&"), may_refer=text.endswith("&"))


def phrase(shape: Shape) -> str:
    """Return the name of a shape in a refusal: `true or false, or an object`."""
    return ", or ".join(dict.fromkeys(term.phrase() for term in shape))


class Table(NamedTuple):
    """One sort of object, as `grammar.py` writes it."""

    name: str
    members: Mapping[str, str]
    other_names: str | None = None  # a pattern for the names that `*` stands for
    free: bool = False  # members outside the table are kept, whatever they are
    beside_reference: bool = False  # members that stand beside $ref count


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of object, as the walk reads it."""

    name: str
    members: Mapping[str, Shape]
    required: tuple[str, ...]
    others: Shape | None  # shape of members outside the table; None when there are none
    other_names: re.Pattern[str]
    free: bool
    beside_reference: bool

    def shape_of(self, name: str) -> Shape | None:
        """Return the member's shape: () for one kept unread, None for one not allowed."""
        if name in self.members:
            return self.members[name]
        if self.others is not None and self.other_names.fullmatch(name):
            return self.others
        return () if self.free or name.startswith("x-") else None


Grammar = Mapping[str, Sort]


def grammar(*tables: Table, boolean_schemas: bool = False) -> Grammar:
    """Read tables into a grammar.

    `boolean_schemas`: true and false are schemas too (JSON Schema 2020-12 section 4.3.2).
    """
    return {table.name: _read_table(table, boolean_schemas) for table in tables}


def _read_table(table: Table, boolean_schemas: bool) -> Sort:
    members: dict[str, Shape] = {}
    for key, text in table.members.items():
        written = text.replace("schema&", "flag|schema&") if boolean_schemas else text
        members[key.removesuffix("!")] = read_shape(written)
    others = members.pop("*", None)
    required = tuple(key.removesuffix("!") for key in table.members if key.endswith("!"))
    names = re.compile(table.other_names or ".*")
    return Sort(table.name, members, required, others, names, table.free, table.beside_reference)
