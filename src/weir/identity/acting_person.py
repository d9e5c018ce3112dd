"""The person at the portal, as the portal passes it to the management API in the same process.

It is kept in the request's ASGI scope under a name of its own. A request from the network cannot
set it: servers fill the scope from a fixed list of fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

ACTING: Final = "weir.acting"


@dataclass(frozen=True, slots=True)
class ActingPerson:
    """The person who acts, and the time of its last proof of identity.

    All other facts are read again at each call.
    """

    person: str
    proven_at: datetime
