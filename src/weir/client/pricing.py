"""The simplest pricings, for plans written by hand."""

from __future__ import annotations

from typing import Any


def free() -> dict[str, Any]:
    """Return a pricing that charges nothing."""
    return {"components": []}


def per_call(price: str) -> dict[str, Any]:
    """Return a pricing of `price` for every billable call, a decimal string in major units."""
    return {"components": [{"kind": "per_call", "price": price}]}
