"""Processes: identify one, start one that dies with its parent, and end exactly that one.

A process id alone is not enough: the kernel reuses it. An identity is the id together with the time
and the boot in which the process started (proc_pid_stat(5), field 22). A process is never
signalled unless all three match.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final, Self

from weir.kernel import strict_json
from weir.store.declares import ENGINE_STOP_TIMEOUT_S
from weir.store.engines.files import PRIVATE_FILE, write_atomically
from weir.store.engines.user import EngineUser

# A way to end a process: signals in order, each with the seconds to wait for its effect.
Ending = Sequence[tuple[signal.Signals, float]]
GENTLE: Final[Ending] = (
    (signal.SIGTERM, ENGINE_STOP_TIMEOUT_S),
    (signal.SIGKILL, 5.0),
)

_PROC: Final = Path("/proc")
_POLL_S: Final = 0.01
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_STDIN_BYTES: Final = 4_096  # a pipe holds this much without a reader (pipe(7))
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process of one boot. `started_at_ticks` counts clock ticks since that boot."""

    pid: int
    started_at_ticks: int
    boot_id: str

    @classmethod
    def read(cls, pid: int) -> Self | None:
        """Return the identity of the live process that has this id now, or None."""
        fields = _stat(pid)
        if fields is None or fields[0] in ("Z", "X"):
            return None
        return cls(pid, int(fields[19]), _boot_id())

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read an identity that `save` wrote; None if the file is missing or holds none."""
        try:
            raw = strict_json.loads(path.read_bytes(), max_bytes=1_024)
            pid, ticks, boot = raw["pid"], raw["started_at_ticks"], raw["boot_id"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        whole = type(pid) is int and type(ticks) is int and type(boot) is str
        return cls(pid, ticks, boot) if whole and pid > 0 else None

    def save(self, path: Path) -> None:
        """Write the identity as JSON, atomically, mode 0600."""
        write_atomically(path, json.dumps(asdict(self)).encode())

    def alive(self) -> bool:
        """Whether this very process still runs. A process that ended unreaped does not run."""
        return ProcessIdentity.read(self.pid) == self


@dataclass(frozen=True, slots=True)
class ProcessView:
    """The facts that the kernel shows of a process.

    `arguments` are those of the command line, each ended by a NUL. `folder` (the working folder)
    and `executable` are None where the kernel hides them: in a container, root without
    CAP_SYS_PTRACE may not see them of other users' processes.
    """

    identity: ProcessIdentity
    parent_pid: int
    uid: int
    arguments: bytes
    folder: str | None
    executable: str | None


class Child:
    """A process that `spawn` started. `end` ends and reaps it."""

    def __init__(self, process: subprocess.Popen[bytes], identity: ProcessIdentity | None) -> None:
        self._process = process
        # None when the process was over before its identity could be read.
        self.identity = identity

    @property
    def pid(self) -> int:
        return self._process.pid

    def returncode(self) -> int | None:
        """The exit status, None while it runs; negative for the signal that ended it."""
        return self._process.poll()

    def alive(self) -> bool:
        return self._process.poll() is None

    def wait(self, timeout_s: float) -> int | None:
        """Return the exit status, or None if the process still runs after `timeout_s`."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self, ending: Ending = GENTLE) -> int | None:
        """End the process and return its exit status; None only if the kernel could not end it."""
        for number, patience_s in ending:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
            if self.wait(patience_s) is not None:
                break
        return self._process.poll()


def spawn(
    argv: Sequence[str],
    *,
    user: EngineUser | None,
    env: Mapping[str, str],
    cwd: Path,
    log_path: Path,
    death_signal: signal.Signals = signal.SIGTERM,
    stdin: bytes = b"",
) -> Child:
    """Start a process that gets `death_signal` when this process dies, for whatever reason.

    The process has a session of its own, so that Ctrl-C at a terminal reaches only the supervisor,
    which ends its children in order. It has no open files but the log, umask 077, and `stdin` as
    its standard input. OSError when it cannot be started.

    The kernel watches the *thread* that started a child (PR_SET_PDEATHSIG(2const)), so only the
    main thread may: RuntimeError otherwise.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a child of another thread would die with that thread")
    with _opened_log(log_path) as log, _filled_pipe(stdin) as source:
        process = subprocess.Popen(
            argv,
            stdin=source,
            stdout=log,
            stderr=subprocess.STDOUT,
            close_fds=True,
            cwd=cwd,
            env=dict(env),
            start_new_session=True,
            umask=0o077,
            # Runs before exec, and after the change of user, which would undo the setting.
            preexec_fn=_die_with_parent(os.getpid(), death_signal),
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
    return Child(process, ProcessIdentity.read(process.pid))


def end(identity: ProcessIdentity, ending: Ending = GENTLE) -> bool:
    """End a process, whether our child or not; True when it no longer runs.

    A later process that got the same id is not touched.
    """
    for number, patience_s in ending:
        if not send(identity, number) or wait_gone([identity], patience_s):
            return True
    return not identity.alive()


def send(identity: ProcessIdentity, number: signal.Signals) -> bool:
    """Signal exactly this process, and wake it if it was stopped. False when it no longer runs."""
    handle = None
    # Without a handle (Linux before 5.3, or a sandbox that forbids it), the id could be reused in
    # the microseconds between the check and the signal.
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(identity.pid)
    try:
        # The handle refers to one process only, so a check made after opening it stays true.
        if not identity.alive():
            return False
        for each in (number, signal.SIGCONT):
            if handle is None:
                os.kill(identity.pid, each)
            else:
                signal.pidfd_send_signal(handle, each)
    except ProcessLookupError:
        return False
    finally:
        if handle is not None:
            os.close(handle)
    return True


def wait_gone(identities: Sequence[ProcessIdentity], timeout_s: float) -> bool:
    """Wait for processes to end; return whether all of them ended within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while any(identity.alive() for identity in identities):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def end_family(find: Callable[[], Iterable[ProcessView]], ending: Ending = GENTLE) -> bool:
    """End the processes that `find` returns; True once it returns none.

    Gentle signals go only to processes whose parent is not among them, since a parent ends its own
    children in order. SIGKILL, which a parent cannot pass on, goes to all at once.
    """
    for number, patience_s in ending:
        family = list(find())
        ids = {view.identity.pid for view in family}
        for view in family:
            if number == signal.SIGKILL or view.parent_pid not in ids:
                send(view.identity, number)
        deadline = time.monotonic() + patience_s
        while any(True for _ in find()):
            if time.monotonic() >= deadline:
                break
            time.sleep(_POLL_S)
        else:
            return True
    return False


def list_processes() -> Iterator[ProcessView]:
    """Yield every process that this one can see."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (view := _view(int(entry.name))):
            yield view


def _view(pid: int) -> ProcessView | None:
    folder = _PROC / str(pid)
    identity = ProcessIdentity.read(pid)
    fields = _stat(pid)
    try:
        uid = folder.stat().st_uid
        arguments = (folder / "cmdline").read_bytes()
    except OSError:
        return None
    if identity is None or fields is None:
        return None
    links = [_link(folder / name) for name in ("cwd", "exe")]
    return ProcessView(identity, int(fields[1]), uid, arguments, links[0], links[1])


def _link(path: Path) -> str | None:
    try:
        return str(path.readlink()).removesuffix(" (deleted)")
    except OSError:
        return None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on, since the second may hold any character."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _boot_id() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


@contextlib.contextmanager
def _opened_log(path: Path) -> Iterator[IO[bytes]]:
    """A log file opened for appending, so that `logs.tend` can cut it while it is written."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, PRIVATE_FILE), "ab") as log:
        yield log


@contextlib.contextmanager
def _filled_pipe(content: bytes) -> Iterator[int]:
    """The reading end of a pipe that holds `content` and then ends."""
    assert len(content) <= _STDIN_BYTES, "more than a pipe takes at once"
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
        os.close(writing)
        yield reading
    finally:
        os.close(reading)


def _die_with_parent(parent_pid: int, death_signal: signal.Signals) -> Callable[[], None]:
    """Return the code that the child runs between fork and exec, to die with its parent."""

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        failed = _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        # If the parent died before the call above, no signal comes, but our parent has changed.
        if failed or os.getppid() != parent_pid:
            os._exit(1)

    return prepare
