"""The table of permissions: one for portal, management API and command line.

Each room declares the operations of its own (`PERMISSIONS` in `declares.py`); an operation that is
in no room's table is refused. docs/reference/roles.md repeats the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from weir.access.roles import Rule
from weir.kernel.rooms import compose

PERMISSIONS: Final[Mapping[str, Rule]] = MappingProxyType(compose("PERMISSIONS"))
