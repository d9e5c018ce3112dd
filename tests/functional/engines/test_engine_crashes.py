"""What was committed survives every way to die, and a start needs no help from anybody."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_support import holding, key, rows, write_key, write_row

from waits import PATIENCE_S
from weir.store.engines import EmbeddedPostgres, EmbeddedValkey, Home, ProcessIdentity
from weir.store.engines.process import send, wait_gone
from weir.store.engines.server import ENVIRONMENT, EngineServer


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def identity_of(engine: EngineServer) -> ProcessIdentity:
    found = ProcessIdentity.read(engine.status().pid or 0)
    assert found is not None
    return found


def test_a_killed_engine_starts_again_at_once_on_the_same_data(home: Home) -> None:
    postgres, cache = EmbeddedPostgres(home), EmbeddedValkey(home)
    postgres.start()
    cache.start()
    write_row(postgres, "committed")
    write_key(cache, "synced")
    for engine in (postgres, cache):
        os.kill(engine.status().pid or 0, signal.SIGKILL)
    eventually(lambda: not postgres.alive() and not cache.alive())
    postgres.start()
    cache.start()
    assert rows(postgres) == ["committed"]
    assert key(cache) == "synced"


def test_killing_everything_at_once_loses_nothing(
    place: Path, make_home: Callable[[str], Home]
) -> None:
    with holding(place / "h") as holder:
        servers = holder.started()
        reader = Home.open(place / "h", create=False)
        write_row(EmbeddedPostgres(reader), "committed")
        write_key(EmbeddedValkey(reader), "synced")
        family = [view.identity for view in EmbeddedPostgres(reader)._family()]
        assert len(family) > 3
        for pid in [holder.process.pid, *(each.pid for each in [*servers, *family])]:
            with contextlib.suppress(ProcessLookupError):  # gone with its parent already
                os.kill(pid, signal.SIGKILL)
        holder.kill()
    home = make_home("h")
    postgres, cache = EmbeddedPostgres(home), EmbeddedValkey(home)
    postgres.start()
    cache.start()
    assert rows(postgres) == ["committed"]
    assert key(cache) == "synced"


def test_engines_end_when_their_parent_is_killed(place: Path) -> None:
    with holding(place / "h") as holder:
        servers = holder.started()
        assert len(servers) == 2
        holder.kill()
        assert wait_gone(servers, PATIENCE_S)


def test_a_server_that_outlived_its_parent_is_ended_and_its_data_kept(
    place: Path, make_home: Callable[[str], Home]
) -> None:
    with holding(place / "h") as holder:
        servers = holder.started()
        write_row(EmbeddedPostgres(Home.open(place / "h", create=False)), "committed")
        # Stopped, they cannot act on the signal that their parent's death sends.
        for each in servers:
            os.kill(each.pid, signal.SIGSTOP)
        holder.kill()
        assert all(each.alive() for each in servers)
    home = make_home("h")
    for engine in (EmbeddedPostgres(home), EmbeddedValkey(home)):
        engine.start()
    assert not any(each.alive() for each in servers)
    assert rows(EmbeddedPostgres(home)) == ["committed"]


@pytest.mark.parametrize("recorded", [True, False])
def test_an_orphan_without_a_death_signal_is_ended(home: Home, recorded: bool) -> None:
    postgres = EmbeddedPostgres(home)
    postgres.start()
    postgres.stop()
    user = home.engine_user
    orphan = subprocess.Popen(
        postgres._argv(postgres._engine()),
        user=user.uid if user else None,
        cwd=postgres.data,
        env=dict(ENVIRONMENT),
        stderr=subprocess.DEVNULL,
    )
    identity = ProcessIdentity.read(orphan.pid)
    assert identity is not None
    if recorded:
        identity.save(home.path / "postgres/server.json")
    eventually(lambda: (home.path / "run/pg/.s.PGSQL.5432").exists())
    postgres.start()
    assert orphan.wait(PATIENCE_S) == 0
    assert identity_of(postgres) != identity


@pytest.mark.parametrize("lock", ["postgres/data/postmaster.pid", "run/pg/.s.PGSQL.5432.lock"])
def test_a_stale_pid_file_that_names_a_foreign_process_is_no_hindrance(
    home: Home, lock: str
) -> None:
    postgres = EmbeddedPostgres(home)
    postgres.start()
    pid_file = home.path / lock
    content = pid_file.read_text()
    recorded = (home.path / "postgres/server.json").read_text()
    server = str(postgres.status().pid)
    postgres.stop()
    user = home.engine_user
    # PostgreSQL minds only processes of its own user.
    with subprocess.Popen(["sleep", "60"], user=user.uid if user else None) as foreign:
        pid_file.write_text(content.replace(server, str(foreign.pid), 1))
        if user:
            shutil.chown(pid_file, user.uid, user.gid)
        server_file = home.path / "postgres/server.json"
        server_file.write_text(recorded.replace(server, str(foreign.pid), 1))
        assert not postgres.status().running
        postgres.start()
        assert foreign.poll() is None, "a foreign process was ended"
        foreign.kill()


def test_a_half_made_database_is_made_anew(place: Path, make_home: Callable[[str], Home]) -> None:
    folder = place / "h/postgres"
    with holding(place / "h") as holder:
        eventually(lambda: list(folder.glob("data.init-*/global/pg_control")))
        holder.kill()
    assert not (folder / "data").exists()
    half_made = list(folder.glob("data.init-*"))
    postgres = EmbeddedPostgres(make_home("h"))
    postgres.start()
    write_row(postgres, "committed")
    assert rows(postgres) == ["committed"]
    assert half_made
    assert not list(folder.glob("*init*"))


def test_a_start_that_fails_says_so_in_one_sentence_and_leaves_no_process(home: Home) -> None:
    cache = EmbeddedValkey(home)
    cache.start()
    write_key(cache, "synced")
    cache.stop()
    manifest = cache.data / "appendonlydir/appendonly.aof.manifest"
    manifest.write_text("this is no manifest\n")
    with pytest.raises(Exception, match="engine_unavailable") as refused:
        cache.start()
    why = refused.value.public["why"]  # type: ignore[attr-defined]
    assert why.startswith("Valkey ended while it was starting; see ")
    assert not list(cache._family())


def test_a_signal_meant_for_a_process_never_reaches_its_successor(home: Home) -> None:
    cache = EmbeddedValkey(home)
    cache.start()
    real = identity_of(cache)
    earlier = ProcessIdentity(real.pid, real.started_at_ticks - 1, real.boot_id)
    other_boot = ProcessIdentity(real.pid, real.started_at_ticks, "another boot")
    for stranger in (earlier, other_boot):
        assert not stranger.alive()
        assert not send(stranger, signal.SIGKILL)
    assert real.alive()
