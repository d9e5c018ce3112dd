"""Sound documents with one part replaced: taken whole, or refused; never anything else."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openapi_documents import FIXTURES, told

from weir.kernel.outcomes import Refusal
from weir.openapi.operations import import_document
from weir.openapi.reader import read_document
from weir.openapi.regeneration import normalise, regenerate
from weir.openapi.subset import regenerate_subset
from weir.openapi.validator import validate
from weir.openapi.value_references import check_reference


def pointers_in(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to every value inside `value`."""
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for step, inner in steps:
        found.append((*at, step))
        if isinstance(inner, (dict, list)):
            found += pointers_in(inner, (*at, step))
    return found


READ = {version: read_document(raw) for version, raw in FIXTURES.items()}
PLACES = [(version, way) for version, document in READ.items() for way in pointers_in(document)]
NAMES = sorted({str(way[-1]) for _, way in PLACES})
REFERENCES = [
    "#/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in way)
    for _, way in PLACES
]


@st.composite
def replaced(draw: st.DrawFn) -> bytes:
    """A fixture in which some values are others, or stand under other names."""
    version = draw(st.sampled_from(sorted(READ)))
    document = json.loads(json.dumps(READ[version]))
    ways = [way for owner, way in PLACES if owner == version]
    for way in draw(st.lists(st.sampled_from(ways), min_size=1, max_size=3)):
        holder = holder_of(document, way)
        value = draw(
            st.sampled_from([None, True, 0, -1.5, "", "x", [], {}, [{}], {"x": {}}])
            | st.sampled_from(REFERENCES).map(lambda text: {"$ref": text})
            | st.sampled_from(ways).map(lambda other: valued(READ[version], other))
        )
        if isinstance(holder, dict):
            holder[draw(st.just(str(way[-1])) | st.sampled_from(NAMES))] = value
        elif way[-1] in range(len(holder)):
            holder[int(way[-1])] = value
    return json.dumps(document).encode()


def holder_of(document: Any, way: tuple[str | int, ...]) -> Any:
    """What holds the end of the way; a fresh object when an earlier change took the way away."""
    for step in way[:-1]:
        there = step in range(len(document)) if isinstance(document, list) else step in document
        document = document[step] if there else {}
        if not isinstance(document, (dict, list)):
            return {}
    return document


def valued(document: Any, way: tuple[str | int, ...]) -> Any:
    """What stands at the end of the way."""
    for step in way:
        document = document[step]
    return json.loads(json.dumps(document))


@given(replaced())
def test_a_document_with_parts_replaced_is_taken_whole_or_refused(raw: bytes) -> None:
    try:
        imported = import_document(raw)
    except Refusal as refusal:
        told(refusal)
        return
    whole = regenerate(imported)
    assert json.dumps(normalise(whole)) == json.dumps(normalise(read_document(raw)))
    for each in imported.operations:
        subset = regenerate_subset(imported, [each.operation_id], ["https://gateway.example/m"])
        assert validate(subset) == imported.version
        try:
            check_reference(imported, each.operation_id, "body:/kind/amount")
        except Refusal as refusal:
            told(refusal)
