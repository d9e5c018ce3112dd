"""Processes under measurement: which cores they may use, their processor time and memory."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path

TARGET_CORE = 1
LOAD_CORE = 0  # of the load generator and the member
_LOOK_S, _IDLE_S = 0.5, 0.02  # what beats and questions of an idle installation take, and more
_QUIET_WITHIN_S = 20.0
_SCHEDULED = 2  # of a process's clocks the one that counts user and system time as scheduled


def pin(pids: Iterable[int], core: int) -> None:
    """Keep processes, with all their threads, on one of the cores this process may use."""
    cores = sorted(os.sched_getaffinity(0))
    for pid in pids:
        threads = (int(each.name) for each in Path(f"/proc/{pid or os.getpid()}/task").iterdir())
        for thread in threads:
            os.sched_setaffinity(thread, {cores[core % len(cores)]})


def tree(pid: int) -> list[int]:
    """A process and all its descendants. One that ends meanwhile has none."""
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found.extend(tree(int(child)))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def living(pids: Iterable[int]) -> list[int]:
    """Return the processes that have not ended."""
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time of living processes so far, all threads, in seconds."""
    return sum(_clock_s(pid) for pid in pids)


def trees_cpu_s(roots: Iterable[int]) -> float:
    """User and system time of processes and of all their descendants, ended ones included."""
    spent_s = 0.0
    for pid in (each for root in roots for each in tree(root)):
        try:
            spent_s += _clock_s(pid) + _of_the_ended_s(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended, and its time is its parent's
    return spent_s


def _clock_s(pid: int) -> float:
    """What a process has used itself. Its clock counts nanoseconds, /proc/PID/stat hundredths.

    The clock's number is made as clock_getcpuclockid(3) makes it. ProcessLookupError when the
    process has ended.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | _SCHEDULED) / 1e9
    except OSError as error:
        raise ProcessLookupError(pid) from error


def _of_the_ended_s(pid: int) -> float:
    """What children used that have ended and were waited for, to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def rest(roots: Iterable[int]) -> None:
    """Wait until processes and their descendants have done what they were given before.

    Of PostgreSQL that is autovacuum and the WAL writer, which come after what was written. Whoever
    is never done is not waited for.
    """
    roots, until_s = list(roots), time.monotonic() + _QUIET_WITHIN_S
    before_s, spent_s = trees_cpu_s(roots), 1.0
    while spent_s > _IDLE_S and time.monotonic() < until_s:
        time.sleep(_LOOK_S)
        now_s = trees_cpu_s(roots)
        before_s, spent_s = now_s, now_s - before_s


def resident_bytes(pids: Iterable[int]) -> int:
    """Memory in use now. Pages that processes share count in each of them."""
    return sum(_status_kib(pid, "VmRSS:") for pid in pids) * 1024


def peak_bytes(pids: Iterable[int]) -> int:
    """The most memory in use since `forget_peak`."""
    return sum(_status_kib(pid, "VmHWM:") for pid in pids) * 1024


def forget_peak(pids: Iterable[int]) -> None:
    """Let `peak_bytes` begin anew (proc(5), clear_refs)."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _status_kib(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise LookupError(name)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address without a listener."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
