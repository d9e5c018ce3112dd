"""Readers of the files that people name on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from weir.cli.failures import CommandError


def read_json(file: Path) -> Any:
    """Read a file's JSON. CommandError when it cannot be read, ValueError when it is not JSON."""
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise CommandError(f"The file {file} cannot be read.") from error


def read_object(path: Path | None) -> dict[str, Any] | None:
    """Read a file's JSON object, or None without a file. CommandError when it holds none."""
    from weir.client.errors import json_object

    text = read_text(path)
    value = None if text is None else json_object(text.encode())
    if text is not None and value is None:
        raise CommandError(f"The file {path} is not a JSON object.")
    return value


def read_text(path: Path | None) -> str | None:
    """Read a file's text in UTF-8, or None without a file. CommandError when it cannot be read."""
    if path is None:
        return None
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The file {path} cannot be read.") from error
