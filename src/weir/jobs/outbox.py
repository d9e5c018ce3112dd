"""Outbox of payment messages: a file for each, named by its idempotency key.

The carrier of messages to the banks takes them from this folder and leaves them there. A name is
written once: a message that is handed over again, because a process died before it could record the
first time, finds its own file and changes nothing.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def hand_over(folder: Path, key: str, message: bytes) -> bool:
    """Write `message` under its key, whole and on the disk; False when it was there already.

    ValueError when another message has the key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"{key}.xml"
    temporary = folder / f".{key}.{secrets.token_hex(8)}"
    try:
        with temporary.open("wb") as out:
            out.write(message)
            out.flush()
            os.fsync(out.fileno())
        os.link(temporary, final)  # unlike a rename, it never takes another file's place
    except FileExistsError:
        if final.read_bytes() != message:
            raise ValueError(f"another message was handed over as {key}") from None
        return False
    finally:
        temporary.unlink(missing_ok=True)
    _sync(folder)
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
