"""Somebody at the portal, as the management API is told of it within one process.

It travels in the request's ASGI scope under a name of its own. Nothing that arrives over a network
can put anything there: servers fill the scope from a fixed list of fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

ACTING: Final = "weir.acting"


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, and when that person last proved who it is. All else is looked up at each call."""

    person: str
    proven_at: datetime
