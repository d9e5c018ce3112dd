"""weir: an open-finance platform. The rooms and the rules between them: docs/architecture.md."""

__version__ = "0.1.0"
