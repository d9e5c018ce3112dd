"""Files and folders of the home: written completely or not at all, with the fewest permissions.

Every function here takes a path inside the home. None changes anything outside it, and none
follows a symbolic link in the last part of a path.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from weir.store.engines.user import EngineUser

TEMPORARY_PREFIX: Final = ".weir-tmp-"
PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`, mode 0600. After a crash, the old or the new content is there."""
    temporary = _write_beside(path, content)
    temporary.replace(path)
    sync_folder(path.parent)


def write_once(path: Path, content: bytes) -> bytes:
    """Write `content` to `path` unless the file exists; return the file's content afterwards."""
    temporary = _write_beside(path, content)
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)
    temporary.unlink()
    sync_folder(path.parent)
    return path.read_bytes()


def make_folder(path: Path, mode: int = PRIVATE_FOLDER, owner: EngineUser | None = None) -> Path:
    """Make the folder, or give an existing one of the home this mode and owner; return `path`.

    `owner` None means the running user. OSError when it is a link or a file, or belongs to another
    user.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=PRIVATE_FOLDER)
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        now = os.fstat(folder)
        uid = owner.uid if owner else os.geteuid()
        if now.st_uid != uid:
            os.fchown(folder, uid, owner.gid if owner else os.getegid())
        if stat.S_IMODE(now.st_mode) != mode:
            os.fchmod(folder, mode)
    finally:
        os.close(folder)
    return path


def sync_folder(folder: Path) -> None:
    """Make renames and links in the folder survive a power cut (fsync(2), notes on directories)."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def create_private(path: Path, content: bytes, owner: EngineUser | None = None) -> None:
    """Create a file of mode 0600 with `content`, owned by `owner`. FileExistsError if it exists."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, PRIVATE_FILE), "wb") as file:
        file.write(content)
        file.flush()
        if owner:
            os.fchown(file.fileno(), owner.uid, owner.gid)
        os.fsync(file.fileno())


def _write_beside(path: Path, content: bytes) -> Path:
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}-{secrets.token_hex(8)}")
    create_private(temporary, content)
    return temporary
