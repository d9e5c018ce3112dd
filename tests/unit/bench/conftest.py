"""The benchmarks are no part of what is installed: they are imported from the repository."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))
