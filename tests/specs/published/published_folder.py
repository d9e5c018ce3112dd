"""Where the published OpenAPI documents lie: they are data beside the project, never in it.

`WEIR_PUBLISHED_SPECS` names the folder; otherwise `../shared/specs` beside the checkout is tried.
"""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]


def published_documents() -> list[Path]:
    """Every JSON and YAML document in the folder; none when there is no folder."""
    named = os.environ.get("WEIR_PUBLISHED_SPECS")
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "specs"
    return sorted(p for p in folder.glob("*") if p.suffix in (".json", ".yaml", ".yml"))
