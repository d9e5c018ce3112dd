"""The logs of a platform that did not come up, for the report of the test that wanted it."""

from __future__ import annotations

from pathlib import Path

_SHOWN_CHARS = 3_000


def logs_of(home: Path) -> str:
    """The end of every log in a home: where the test ran, nobody can look any more."""
    found = sorted(home.glob("**/*.log"))
    return "\n".join(f"--- {each.name}\n{_end(each)}" for each in found if each.is_file())


def _end(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-_SHOWN_CHARS:]
