"""weir: an open-finance platform. The rooms and the rules between them: docs/architecture.md."""

from weir import compiled

__version__ = "0.1.0"

compiled.choose()
