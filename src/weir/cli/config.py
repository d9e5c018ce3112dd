"""`weir config`: every setting, its value, and the source of the value."""

from __future__ import annotations

import os

from weir.app.settings import read
from weir.kernel.settings import explain


def config() -> None:
    """Print every setting, its value and the source of the value. Secrets are hidden."""
    for row in explain(read(os.environ), os.environ):
        print(f"{row.variable} = {row.value or '-'}  ({row.origin})")
        print(f"    {row.words}")
