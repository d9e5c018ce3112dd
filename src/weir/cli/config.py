"""`weir config`: every setting, its value, and where the value came from."""

from __future__ import annotations

import os

from weir.kernel import settings as reading


def config() -> None:
    """Print every setting, its value and where it came from. Secrets are hidden."""
    for row in reading.explain(reading.read(os.environ), os.environ):
        print(f"{row.variable} = {row.value or '-'}  ({row.origin})")
        print(f"    {row.words}")
