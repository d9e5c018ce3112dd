"""Starting processes that die with their parent, and ending exactly the one that is meant."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from waits import PATIENCE_S, until
from weir.store.engines import Child, ProcessIdentity, end, logs, spawn
from weir.store.engines.process import Ending, wait_gone

BRIEF: Ending = ((signal.SIGTERM, 0.2), (signal.SIGKILL, PATIENCE_S))
GENTLE: Ending = ((signal.SIGTERM, PATIENCE_S),)


def start(place: Path, *argv: str, stdin: bytes = b"") -> Child:
    return spawn(
        argv,
        user=None,
        env={"PATH": os.environ["PATH"]},
        cwd=place,
        log_path=place / "log",
        stdin=stdin,
    )


def test_a_child_gets_its_input_and_its_words_go_to_a_private_log(place: Path) -> None:
    child = start(place, "sh", "-c", "pwd; cat; ls /proc/self/fd | wc -l; umask", stdin=b"given\n")
    assert child.wait(PATIENCE_S) == 0
    # Three standard streams and the listing's own handle: nothing else of ours is open in it.
    assert (place / "log").read_text() == f"{place}\ngiven\n4\n0077\n"
    assert (place / "log").stat().st_mode & 0o777 == 0o600


def test_a_child_is_in_a_session_of_its_own(place: Path) -> None:
    child = start(place, "sleep", "60")
    assert os.getsid(child.pid) == child.pid
    assert child.end() == -signal.SIGTERM


def test_a_child_deaf_to_the_gentle_signal_is_ended_by_the_next(place: Path) -> None:
    child = start(place, "sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done")
    while not (place / "log").read_text():
        assert child.wait(0.01) is None
    assert child.end(BRIEF) == -signal.SIGKILL


def test_a_command_that_is_not_there_is_an_error_at_once(place: Path) -> None:
    with pytest.raises(FileNotFoundError):
        start(place, "no-such-command")


def test_a_thread_that_may_end_before_us_cannot_start_children(place: Path) -> None:
    raised: list[RuntimeError] = []

    def attempt() -> None:
        try:
            start(place, "sleep", "60")
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert "main thread" not in str(raised[0])
    assert "die with that thread" in str(raised[0])


def test_a_child_dies_with_a_killed_parent(place: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from weir.store.engines import spawn\n"
        "place = Path(sys.argv[1])\n"
        "child = spawn(['sleep', '60'], user=None, env={'PATH': '/usr/bin:/bin'}, cwd=place,"
        " log_path=place / 'log')\n"
        "print(child.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = ProcessIdentity.read(int(parent.stdout.readline()))
        assert child is not None
        parent.kill()
        assert wait_gone([child], PATIENCE_S)


def test_an_identity_outlives_neither_its_process_nor_its_file(place: Path) -> None:
    child = start(place, "sleep", "60")
    assert child.identity is not None
    file = place / "identity.json"
    child.identity.save(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert ProcessIdentity.load(file) == child.identity
    assert child.identity.alive()
    assert end(child.identity, GENTLE)
    assert not child.identity.alive(), "one that is not reaped yet does not count as alive"
    assert child.wait(PATIENCE_S) == -signal.SIGTERM
    assert end(child.identity, GENTLE)
    assert ProcessIdentity.load(place / "absent.json") is None


async def test_a_log_that_has_grown_long_is_cut_while_it_is_written(place: Path) -> None:
    script = "for each in 1 2 3; do echo $each; read line < go-$each; done; echo last"
    for number in (1, 2, 3):
        os.mkfifo(place / f"go-{number}")
    child = start(place, "sh", "-c", script)
    log, earlier = place / "log", place / "log.1"
    for number in (1, 2, 3):
        line = f"{number}\n"
        await until(lambda: log.read_text() == line)  # noqa: B023
        logs.cut(log, 1)
        assert (log.read_text(), earlier.read_text()) == ("", "\n"), "the end is kept"
        with (place / f"go-{number}").open("w") as go:
            go.write("on\n")
    assert child.wait(PATIENCE_S) == 0
    assert log.read_text() == "last\n", "a process that appends goes on at the beginning"
    assert log.stat().st_mode & 0o777 == earlier.stat().st_mode & 0o777 == 0o600


def test_all_logs_together_stay_within_their_bound(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.store.engines.logs.PROCESS_LOG_BYTES", 1_000)
    monkeypatch.setattr("weir.store.engines.logs.LOGS_BYTES", 10_000)
    paths = [place / f"role-{number}.log" for number in range(10)]
    for _ in range(3):
        for path in paths:
            with path.open("ab") as log:
                log.write(b"x" * 100_000 + b"\nnewest\n")
        logs.tend(place)
        held = sum(each.stat().st_size for each in place.iterdir())
        assert held <= 10_000
        assert all(Path(f"{each}.1").read_bytes().endswith(b"newest\n") for each in paths)


def test_a_log_is_emptied_even_where_nothing_can_be_kept(place: Path) -> None:
    log = place / "role.log"
    log.write_bytes(b"x" * 100)
    (place / "role.log.1").mkdir()
    logs.cut(log, 10)
    assert log.stat().st_size == 0
    (place / "elsewhere").write_bytes(b"x" * 100)
    (place / "link.log").symlink_to(place / "elsewhere")
    logs.cut(place / "link.log", 10)
    assert (place / "elsewhere").stat().st_size == 100, "a link is not followed"
