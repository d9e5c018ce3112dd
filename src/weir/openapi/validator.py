"""Validator: accepts a tree as an OpenAPI document if every part that weir uses is sound.

In order: the version; every object against the grammar (`grammar.py`) and the rules of its sort
(`object_rules.py`); the document as a whole (`document_rules.py`). The first fault refuses, with
its pointer.
"""

from __future__ import annotations

import re
from typing import Any, Final

from weir.openapi.document_rules import WHOLE_RULES, Names
from weir.openapi.grammar import GRAMMARS, Version
from weir.openapi.object_rules import RULES
from weir.openapi.refusals import invalid
from weir.openapi.walker import Visit, walk

_VERSION_3: Final = re.compile(r"3\.([01])\.(?:0|[1-9][0-9]{0,3})(?:-[0-9A-Za-z.-]{1,32})?")


def validate(document: dict[str, Any]) -> Version:
    """Return the document's version, once everything in it has been found sound.

    Refuses with DOCUMENT_INVALID or DOCUMENT_TOO_LARGE, each with `pointer` and `why`.
    """
    version = version_of(document)
    # A rule may rely on the sort of every member, so rules wait until the walk is done.
    to_judge = [
        visit
        for visit in walk(document, GRAMMARS[version], [("document", document, "")])
        if visit.sort in RULES[version] or visit.sort in Names.SORTS
    ]
    for visit in to_judge:
        _keep_rules(visit, version)
    for rule in WHOLE_RULES:
        rule(document, version)
    names = Names(document, version)
    for visit in to_judge:
        names.check(visit)
    return version


def version_of(document: dict[str, Any]) -> Version:
    """Return the version of OpenAPI that the document names. DOCUMENT_INVALID."""
    if ("swagger" in document) == ("openapi" in document):
        raise invalid("", "Exactly one of the members openapi and swagger must be there.")
    if "swagger" in document:
        if document["swagger"] == "2.0":
            return "2.0"
        raise invalid("/swagger", 'The version must be the text "2.0", in quotes in YAML.')
    written = document["openapi"]
    found = _VERSION_3.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise invalid("/openapi", 'The version must be text such as "3.0.3" or "3.1.0".')
    return "3.0" if found[1] == "0" else "3.1"


def _keep_rules(visit: Visit, version: Version) -> None:
    if visit.target is not None and visit.sort != "schema":
        return
    for rule in RULES[version].get(visit.sort, ()):
        why = rule(visit.value)
        if why:
            raise invalid(visit.pointer, why)
