"""A model institution: its schema, document, history and table of operations."""

from __future__ import annotations

from dataclasses import dataclass

from weir_sandbox.operations import Operation
from weir_sandbox.preparation import Fill


@dataclass(frozen=True, slots=True)
class Institution:
    """One model institution. `name` is its word on the command line."""

    name: str
    title: str
    title_zh: str
    schema: str
    document: str
    fill: Fill
    operations: tuple[Operation, ...]
