"""The unprivileged user that engines run as when weir itself runs as root.

PostgreSQL refuses to run as root, and neither engine needs to. The user must have an entry in the
user database, because PostgreSQL looks its own name up.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PREFERRED: Final = ("postgres", "weir", "nobody")


@dataclass(frozen=True, slots=True)
class EngineUser:
    """A user of this machine; engine processes run as this user and in this group only."""

    name: str
    uid: int
    gid: int


def find(name: str) -> EngineUser | None:
    """Return the user of this name, or None when there is none or it is root."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return EngineUser(name, entry.pw_uid, entry.pw_gid) if entry.pw_uid else None


def choose() -> EngineUser | None:
    """Return the first user of PREFERRED that exists; None without one, or when not root."""
    if os.geteuid() != 0:
        return None
    return next((user for name in PREFERRED if (user := find(name))), None)


def allows(entry: os.stat_result, user: EngineUser, wanted: int) -> bool:
    """Whether the mode bits give `user` all of `wanted` (4 read, 2 write, 1 execute or traverse).

    Access control lists are ignored: a folder that only they open counts as closed.
    """
    mode = stat.S_IMODE(entry.st_mode)
    if entry.st_uid == user.uid:
        granted = mode >> 6
    elif entry.st_gid == user.gid:
        granted = mode >> 3
    else:
        granted = mode
    return granted & wanted == wanted


def barrier(folder: Path, user: EngineUser) -> Path | None:
    """Return the first folder from the root to `folder` that `user` cannot traverse, or None."""
    for step in (*reversed(folder.parents), folder):
        if not allows(step.stat(), user, 1):
            return step
    return None
