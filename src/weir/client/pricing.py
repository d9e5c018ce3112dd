"""The simplest pricings, for those who write them by hand."""

from __future__ import annotations

from typing import Any


def free() -> dict[str, Any]:
    """Nothing is charged."""
    return {"components": []}


def per_call(price: str) -> dict[str, Any]:
    """Every billable call costs `price`, a decimal string in major units."""
    return {"components": [{"kind": "per_call", "price": price}]}
