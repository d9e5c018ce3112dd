"""Reader of the subset of YAML that JSON can express, from libyaml's events.

Values follow the core schema of YAML 1.2 (section 10.3) for null and booleans, and JSON's spelling
for numbers; every other plain scalar is text as it was written, so `yes`, `2024-01-01`, `012` and
`0x1F` stay the author's text. Names are always text: `200:` is "200". Tags are refused.

Aliases share the value they name. Each anchored value's expanded size is known when it ends, so an
alias is weighed before it is used, and a nest of aliases ("billion laughs") is refused at the first
alias that would exceed a bound. A value cannot contain itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from weir.openapi.declares import DOCUMENT_BYTES, DOCUMENT_DEPTH, DOCUMENT_NODES
from weir.openapi.refusals import quote_name, too_large, unreadable
from weir.openapi.scalars import RepeatedName, Unacceptable, read_number

# RFC 8259 section 6
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
# YAML 1.2.2 section 10.3.2
_CORE_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def read_yaml(text: str) -> Any:
    """Read one YAML document. Refuses as `reader.read_document` does, by line and column."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.YAMLError as error:
        raise unreadable(_error_place(error), _error_reason(error)) from error
    if not builder.documents:
        raise unreadable("line 1 column 1", "The document is empty.")
    return builder.root


def _error_place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return _place(mark) if mark else "line 1 column 1"


def _error_reason(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or getattr(error, "reason", None)
    return f"This is not YAML: {problem}." if problem else "This is not YAML."


def _place(mark: Any) -> str:
    return f"line {mark.line + 1} column {mark.column + 1}"


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come. Sizes count aliases as if written out."""

    items: list[Any] | None  # a list's items, or None for an object
    anchor: str | None
    nodes_before: int
    characters_before: int
    members: dict[str, Any] = field(default_factory=dict)
    merged: list[Any] = field(default_factory=list)  # objects that `<<` merges in, earliest first
    name: str | None = None  # an object's member whose value comes next
    merging: bool = False  # that member is `<<`
    repeated: str | None = None
    height: int = 1  # levels of collections, this one included


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Any
    nodes: int
    characters: int
    height: int


class _Builder:
    """A builder of the tree from events, one `take` an event, without recursion."""

    def __init__(self) -> None:
        self.root: Any = None
        self.documents = 0
        self._open: list[_Open] = []
        self._anchored: dict[str, _Anchored] = {}
        self._nodes = 0
        self._characters = 0

    def take(self, event: Any) -> None:
        """Apply one event. Refuses at the event's line and column."""
        self._refuse_tag(event)
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._begin(event, None)
            case yaml.SequenceStartEvent():
                self._begin(event, [])
            case yaml.CollectionEndEvent():
                self._end(event)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._document(event)

    def _refuse_tag(self, event: Any) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise unreadable(_place(event.start_mark), f"The tag {quote_name(tag)} is not taken.")

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            raise unreadable(_place(event.start_mark), "There is more than one document.")

    def _scalar(self, event: Any) -> None:
        self._weigh(event, 1, len(event.value), 0)
        if self._awaits_name():
            self._name(event)
            return
        value = _plain(event.value) if event.implicit[0] else event.value
        if event.anchor:
            self._anchored[event.anchor] = _Anchored(value, 1, len(event.value), 0)
        self._place_value(event, value, 0)

    def _begin(self, event: Any, items: list[Any] | None) -> None:
        if self._awaits_name():
            raise unreadable(_place(event.start_mark), "A name must be text.")
        if event.anchor:
            self._anchored.pop(event.anchor, None)  # until it ends, the name means nothing
        self._open.append(_Open(items, event.anchor, self._nodes, self._characters))
        self._weigh(event, 1, 0, 0)

    def _end(self, event: Any) -> None:
        done = self._open.pop()
        value = done.items if done.items is not None else _merge(done)
        if done.anchor:
            self._anchored[done.anchor] = _Anchored(
                value,
                self._nodes - done.nodes_before,
                self._characters - done.characters_before,
                done.height,
            )
        self._place_value(event, value, done.height)

    def _alias(self, event: Any) -> None:
        known = self._anchored.get(event.anchor)
        if known is None:
            alias = quote_name(event.anchor)
            why = f"The alias {alias} names nothing before it, or what it stands in."
            raise unreadable(_place(event.start_mark), why)
        self._weigh(event, known.nodes, known.characters, known.height)
        if not self._awaits_name():
            self._place_value(event, known.value, known.height)
        elif isinstance(known.value, str):
            self._open[-1].name = known.value
            self._note_repeated(known.value)
        else:
            raise unreadable(_place(event.start_mark), "A name must be text.")

    def _weigh(self, event: Any, nodes: int, characters: int, height: int) -> None:
        self._nodes += nodes
        self._characters += characters
        if self._nodes > DOCUMENT_NODES:
            why = f"The document has more than {DOCUMENT_NODES} values, aliases expanded."
            raise too_large(_place(event.start_mark), why)
        if self._characters > DOCUMENT_BYTES:
            why = f"The text has over {DOCUMENT_BYTES} characters, aliases expanded."
            raise too_large(_place(event.start_mark), why)
        if len(self._open) + height > DOCUMENT_DEPTH:
            why = f"The document is nested deeper than {DOCUMENT_DEPTH} levels."
            raise too_large(_place(event.start_mark), why)

    def _awaits_name(self) -> bool:
        if not self._open:
            return False
        holder = self._open[-1]
        return holder.items is None and holder.name is None

    def _name(self, event: Any) -> None:
        if event.anchor:
            self._anchored[event.anchor] = _Anchored(event.value, 1, len(event.value), 0)
        holder = self._open[-1]
        holder.name = event.value
        holder.merging = event.value == "<<" and event.implicit[0]
        self._note_repeated(event.value)

    def _note_repeated(self, name: str) -> None:
        holder = self._open[-1]
        if name in holder.members or (holder.merging and holder.merged):
            holder.repeated = name

    def _place_value(self, event: Any, value: Any, height: int) -> None:
        if not self._open:
            self.root = value
            return
        holder = self._open[-1]
        holder.height = max(holder.height, height + 1)
        if holder.items is not None:
            holder.items.append(value)
            return
        assert holder.name is not None
        if holder.merging:
            holder.merged = _mergeable(value, event)
        else:
            holder.members[holder.name] = value
        holder.name, holder.merging = None, False


def _mergeable(value: Any, event: Any) -> list[Any]:
    """Return the objects that `<<` merges in: one, or a list of them (yaml.org/type/merge.html)."""
    objects = value if isinstance(value, list) else [value]
    if not objects or not all(isinstance(each, dict) for each in objects):
        raise unreadable(_place(event.start_mark), "The merge key << takes objects only.")
    return objects


def _merge(done: _Open) -> dict[str, Any]:
    """Return an object's own members, then merged members that it does not have itself."""
    if done.repeated is not None:
        return RepeatedName(done.repeated)
    for each in done.merged:
        if isinstance(each, RepeatedName):
            return each
        for name, value in each.items():
            done.members.setdefault(name, value)
    return done.members


def _plain(text: str) -> str | int | float | bool | Unacceptable | None:
    if text in _CORE_WORDS:
        return _CORE_WORDS[text]
    return read_number(text) if _NUMBER.fullmatch(text) else text
