"""The home: one folder that holds all an installation keeps on this machine.

    home.json      format, id, and the user the engines run as
    lock           held by the running `weir up`
    secrets/       passwords and keys, a file each
    log/           the output of each process
    run/           sockets, if the path is short enough; else a folder that `run-folder` names
    postgres/ valkey/ engines/    the engines' data, and copies of their binaries if needed

All of it belongs to the user that weir runs as, mode 0700. When that is root, the engines run as
another user, which owns the engines' folders only and may pass through the folders above them, the
home included (0711). Nothing outside the home ever changes its mode or owner.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from weir.kernel import strict_json
from weir.kernel.declares import HOME_UNUSABLE
from weir.kernel.outcomes import Refusal
from weir.store.declares import SCHEMA_NEWER, SOCKET_PATH_BYTES
from weir.store.engines import user as users
from weir.store.engines.files import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    TEMPORARY_PREFIX,
    make_folder,
    write_atomically,
    write_once,
)
from weir.store.engines.process import ProcessIdentity
from weir.store.engines.user import EngineUser

FORMAT: Final = 1
PASSABLE_FOLDER: Final = 0o711
ROOT_HOMES: Final = Path("/var/lib/weir")

_MARKER: Final = "home.json"
_LONGEST_SOCKET_NAME: Final = 24  # "/pg/" and a name of 20 bytes; PostgreSQL's takes 13
# libpq splits a host at commas and reads a leading @ as another kind of socket.
_PLAIN_PATH: Final = re.compile(r"/[A-Za-z0-9._/-]*")
_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class _Marker:
    """The contents of home.json. `mark` is on the command line of every engine of this home."""

    mark: str
    engine_user: EngineUser | None


class Home:
    """An opened home. Reading needs no lock; starting engines does (`acquire`)."""

    def __init__(self, path: Path, marker: _Marker) -> None:
        self.path = path
        self.mark = marker.mark
        self.engine_user = marker.engine_user
        self._lock: int | None = None

    @classmethod
    def open(cls, path: Path | None, *, create: bool) -> Self:
        """Open the home at `path` (None: the default one), and make it first if `create` is set.

        Refusal HOME_UNUSABLE, or SCHEMA_NEWER for a home of a later weir; `why` is a sentence
        for the person at the terminal.
        """
        user = users.choose()
        with explain_errors(path or Path(".weir")):
            home = (path or default_path(user)).resolve()
            if create and not (home / _MARKER).exists():
                _create(home, user)
            _check_folder(home)
            marker = _read_marker(home)
            _check_reach(home, marker.engine_user)
        return cls(home, marker)

    # --- The lock -----------------------------------------------------------------------------

    def acquire(self) -> None:
        """Take the lock of the home, until `release` or the end of this process.

        Refusal HOME_UNUSABLE while another process holds it.
        """
        if self._lock is not None:
            return
        with explain_errors(self.path):
            make_folder(self.path, PASSABLE_FOLDER if self.engine_user else PRIVATE_FOLDER)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            lock = os.open(self.path / "lock", flags, PRIVATE_FILE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise self._taken() from error
        self._lock = lock
        if identity := ProcessIdentity.read(os.getpid()):
            identity.save(self.path / "holder.json")

    def release(self) -> None:
        """Give up the lock, so that another process can run this home."""
        if self._lock is not None:
            (self.path / "holder.json").unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock is not None

    def holder(self) -> ProcessIdentity | None:
        """Return the process that runs this home now, or None."""
        identity = ProcessIdentity.load(self.path / "holder.json")
        return identity if identity and identity.alive() else None

    def _taken(self) -> Refusal:
        holder = self.holder()
        who = f"Another weir (process {holder.pid})" if holder else "Another weir"
        return Refusal(HOME_UNUSABLE, why=f"{who} already runs on the home {self.path}.")

    # --- Contents -----------------------------------------------------------------------------

    def folder(self, name: str) -> Path:
        """Return a folder of the home that only weir itself can enter (0700); make it if absent."""
        with explain_errors(self.path):
            return make_folder(self.path / _plain(name))

    def passable_folder(self, name: str) -> Path:
        """Return a folder that the engine user may pass through (0711; 0700 without that user)."""
        mode = PASSABLE_FOLDER if self.engine_user else PRIVATE_FOLDER
        with explain_errors(self.path):
            return make_folder(self.path / _plain(name), mode)

    def log_path(self, name: str) -> Path:
        """Return the path of the log file of the process with this name."""
        return self.folder("log") / f"{_plain(name)}.log"

    def secret(self, name: str) -> str:
        """Return the secret of this name: 256 random bits in base64url; the first call makes it."""
        path = self.folder("secrets") / _plain(name)
        with explain_errors(self.path):
            if not path.exists():
                write_once(path, secrets.token_urlsafe(32).encode())
            return path.read_text("utf-8").strip()

    # --- Sockets ------------------------------------------------------------------------------

    @property
    def run(self) -> Path:
        """The folder of weir's own sockets, by a short path; no other user can enter it."""
        return self.socket_folder("up", for_engine=False)

    def socket_folder(self, name: str, *, for_engine: bool) -> Path:
        """Return a folder (0700) for sockets of weir or of the engine user, by a short path.

        `name` has two letters; a socket in the folder may have a name of 20 bytes.
        """
        with explain_errors(self.path):
            owner = self.engine_user if for_engine else None
            return make_folder(self._sockets() / _plain(name), PRIVATE_FOLDER, owner)

    def _sockets(self) -> Path:
        inside = self.path / "run"
        room = SOCKET_PATH_BYTES - _LONGEST_SOCKET_NAME
        if len(os.fsencode(inside)) < room and _PLAIN_PATH.fullmatch(str(inside)):
            return self.passable_folder("run")
        recorded = self.path / "run-folder"
        with contextlib.suppress(FileNotFoundError):
            known = Path(recorded.read_text())
            if _is_private(known):
                return known
        fresh = self._short_folder()
        write_atomically(recorded, str(fresh).encode())
        return fresh

    def _short_folder(self) -> Path:
        """Make a folder outside the home with a short path.

        Its name is a digest of the home's path and a random part, which no other user can guess and
        take first.
        """
        name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        for place in (os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"):  # noqa: S108
            user = self.engine_user
            plain = len(place) < 40 and _PLAIN_PATH.fullmatch(place) and Path(place).is_dir()
            if not plain or (user and users.barrier(Path(place).resolve(), user)):
                continue
            with contextlib.suppress(PermissionError):
                made = Path(tempfile.mkdtemp(prefix=f"weir-{name}-", dir=place))
                return make_folder(made, PASSABLE_FOLDER if user else PRIVATE_FOLDER)
        why = f"The path of the home {self.path} is too long for sockets, and /tmp is closed."
        raise Refusal(HOME_UNUSABLE, why=why)


def default_path(user: EngineUser | None) -> Path:
    """Return the default home: `.weir` in the working folder.

    As root it is a folder below ROOT_HOMES when the engine user cannot reach the working folder.
    """
    here = Path.cwd()
    if user is None or users.barrier(here, user) is None:
        return here / ".weir"
    digest = hashlib.sha256(os.fsencode(here)).hexdigest()[:12]
    readable = re.sub(r"[^a-z0-9-]+", "-", here.name.lower()).strip("-")[:24] or "home"
    return ROOT_HOMES / f"{readable}-{digest}"


@contextlib.contextmanager
def explain_errors(home: Path) -> Iterator[None]:
    """Turn an OSError into Refusal HOME_UNUSABLE with one sentence for people."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or "it failed").lower()
        where = error.filename if isinstance(error.filename, str) else home
        why = f"The home {home} cannot be used: {reason} ({where})."
        raise Refusal(HOME_UNUSABLE, repr(error), why=why) from error


def _create(home: Path, user: EngineUser | None) -> None:
    """Make a folder into a home. An existing folder must be empty, so no other data is changed."""
    if os.geteuid() == 0 and user is None:
        why = f"As root, weir needs a user for its databases: one of {', '.join(users.PREFERRED)}."
        raise Refusal(HOME_UNUSABLE, why=why)
    if home.parent == ROOT_HOMES:
        with contextlib.suppress(FileExistsError):
            ROOT_HOMES.mkdir(mode=0o755)
    if not home.parent.is_dir():
        raise Refusal(HOME_UNUSABLE, why=f"The folder {home.parent} does not exist.")
    _check_reach(home, user)
    with contextlib.suppress(FileExistsError):
        home.mkdir(mode=PRIVATE_FOLDER)
    _check_folder(home)
    if any(not each.name.startswith(TEMPORARY_PREFIX) for each in home.iterdir()):
        why = f"The folder {home} holds other things and is not a home of weir; name an empty one."
        raise Refusal(HOME_UNUSABLE, why=why)
    make_folder(home, PASSABLE_FOLDER if user else PRIVATE_FOLDER)
    marker = {
        "format": FORMAT,
        "mark": f"weir-{secrets.token_hex(8)}",
        "engine_user": user.name if user else None,
    }
    write_once(home / _MARKER, json.dumps(marker).encode())


def _check_folder(home: Path) -> None:
    if any(ord(character) < 32 for character in str(home)):
        raise Refusal(HOME_UNUSABLE, why="The path of the home holds a control character.")
    try:
        entry = home.lstat()
    except FileNotFoundError:
        why = f"There is no home of weir at {home}; `weir up` makes one."
        raise Refusal(HOME_UNUSABLE, why=why) from None
    if not stat.S_ISDIR(entry.st_mode):
        raise Refusal(HOME_UNUSABLE, why=f"The home {home} is not a folder.")
    if entry.st_uid != os.geteuid():
        why = f"The home {home} belongs to another user; start weir as that user."
        raise Refusal(HOME_UNUSABLE, why=why)


def _read_marker(home: Path) -> _Marker:
    try:
        raw = strict_json.loads((home / _MARKER).read_bytes(), max_bytes=4_096)
        version, mark, name = raw["format"], raw["mark"], raw["engine_user"]
        well_formed = type(version) is int and re.fullmatch(r"weir-[0-9a-f]{16}", mark)
    except FileNotFoundError:
        why = f"There is no home of weir at {home}; `weir up` makes one."
        raise Refusal(HOME_UNUSABLE, why=why) from None
    except (ValueError, KeyError, TypeError):
        well_formed, version, name = None, 0, None
    if well_formed and version > FORMAT:
        why = f"The home {home} was written by a newer weir; start that version."
        raise Refusal(SCHEMA_NEWER, why=why)
    if not well_formed:
        raise Refusal(HOME_UNUSABLE, why=f"The file {home / _MARKER} is damaged.")
    user = users.find(name) if isinstance(name, str) else None
    if name is not None and user is None:
        why = f"The home {home} keeps its data as the user {name}, which no longer exists."
        raise Refusal(HOME_UNUSABLE, why=why)
    return _Marker(mark, user)


def _check_reach(home: Path, user: EngineUser | None) -> None:
    closed = users.barrier(home.parent, user) if user else None
    if user and closed:
        why = (
            f"The user {user.name}, as whom the databases run, cannot pass the folder {closed}; "
            f"put the home elsewhere, {ROOT_HOMES} for example."
        )
        raise Refusal(HOME_UNUSABLE, why=why)


def _is_private(folder: Path) -> bool:
    """Whether a recorded socket folder still exists, and only we can write to it."""
    try:
        entry = folder.lstat()
    except OSError:
        return False
    ours = stat.S_ISDIR(entry.st_mode) and entry.st_uid == os.geteuid()
    return ours and not stat.S_IMODE(entry.st_mode) & 0o066


def _plain(name: str) -> str:
    assert _NAME.fullmatch(name), f"{name!r} is not a name inside the home"
    return name
